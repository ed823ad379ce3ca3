// What a window shows when much comes together: a rollout under a filter, with the panel of one of its runs open, while the
// relay is away and while the token is refused.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'mocha';
import type { Locator } from 'playwright-core';
import { root } from '../../../scripts/test/files.ts';
import { oneStory } from '../../../scripts/test/one-story.ts';
import { FakeAgent } from '../../support/fake-agent.ts';
import type { FakeRun } from '../../support/fake-run.ts';
import { RelayProcess } from '../../support/relay-process.ts';
import { openWorkbench, waitUntil, type Workbench } from '../workbench.ts';

const OLD = 'a3f9c21d'.repeat(5);
const NEW = '7be04d5f'.repeat(5);
const HOSTS = ['cache', 'db', 'mail', 'web-1', 'web-2', 'web-3'] as const;
const KEPT = 'Hosts are shown as they were last known';

describe('a window in which much comes together', function () {
  oneStory(this);
  const opened = new AsyncDisposableStack();
  const agents = new Map<string, FakeAgent>();
  let relay: RelayProcess;
  let workbench: Workbench;

  before(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nixfleet-at-once-'));
    opened.defer(() => rmSync(folder, { recursive: true, force: true }));
    const [data, log] = [join(folder, 'relay'), join(folder, 'relay.log')];
    relay = opened.use(await RelayProcess.start({ data, log, listen: ['127.0.0.1:0'] }));
    for (const host of [...HOSTS, 'laptop']) {
      const status = { input: { rev: OLD }, upstream: { rev: NEW, checkedAt: Date.now() } };
      const token = await relay.enroll(host);
      const agent = { version: '2.3.0', rev: OLD };
      agents.set(host, opened.use(await FakeAgent.connect({ url: relay.url, host, token, status, agent })));
    }
    const workspace = join(folder, 'nixcfg');
    mkdirSync(workspace);
    const tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, await relay.operator('ana'), { mode: 0o600 });
    const env = { NIXFLEET_RELAY_URL: relay.url, NIXFLEET_RELAY_TOKEN_FILE: tokenFile };
    workbench = opened.use(await openWorkbench({ folder: workspace, extensions: [root], env }));
    await workbench.openContainer('NixFleet');
    await workbench.treeItem('web-3').waitFor();
  });

  after(() => opened.disposeAsync());

  afterEach(function () {
    return workbench.keepFailure(this);
  });

  const view = (): Locator => workbench.page.locator('.sidebar .message');
  const rollout = (): Locator => workbench.treeItem('Updating 6 hosts');

  const agentOf = (host: string): FakeAgent => {
    const agent = agents.get(host);
    assert.ok(agent, host);
    return agent;
  };

  const liveRun = (host: string): FakeRun | undefined =>
    [...agentOf(host).runs.values()].find(run => !run.describe().ended);

  /** The buttons in the title of the view, and nothing else. */
  async function hasButtons(...titles: readonly string[]): Promise<void> {
    const buttons = workbench.page.locator('.sidebar .composite.title .actions-container a.action-label');
    const labels = async (): Promise<string[]> =>
      (await buttons.evaluateAll((all: { ariaLabel: string | null }[]) => all.map(one => one.ariaLabel ?? ''))).filter(
        label => !/^(?:Views and )?More Actions/.test(label),
      );
    let last: string[] = [];
    await waitUntil(`there are ${titles.join(', ')}`, async () => {
      last = await labels();
      return JSON.stringify(last) === JSON.stringify(titles);
    }).catch(() => assert.deepEqual(last, titles));
  }

  async function pictures(name: string): Promise<void> {
    for (const theme of ['light', 'high-contrast', 'high-contrast-light', 'dark'] as const) {
      await workbench.setTheme(theme);
      await workbench.picture(`at-once-${name}-${theme}`);
    }
  }

  it('shows the rollout above the hosts that the filter leaves, and how far one of them is', async () => {
    await hasButtons('Filter Hosts by State…', 'Enroll a Host…', 'Collapse All');
    await workbench.select(...HOSTS);
    await workbench.contextMenu(workbench.treeItem('db'), 'Update Agent');
    await waitUntil('five are at work', () => HOSTS.filter(host => liveRun(host)).length === 5);
    for (const host of HOSTS) liveRun(host)?.phase('accepted').phase('pulling').phase('locking').phase('building');
    const db = liveRun('db');
    assert.ok(db);
    for (let i = 0; i < 40; i++) db.output(`building part ${i}\n`);
    // the relay takes it only of a run of which it knows that it builds
    await workbench.treeItem('db').filter({ hasText: 'updating · building' }).waitFor();
    agentOf('db').sayProgress(db.runId, {
      builds: { done: 3, total: 12 },
      downloads: { done: 21, total: 38 },
      bytes: { done: 120_400_000, total: 214_300_000 },
      now: [{ kind: 'build', name: 'nixfleet-agent-2.4.0' }],
      more: 2,
    });
    liveRun('mail')
      ?.output('error: builder failed\n')
      .end({
        outcome: 'failed',
        changed: false,
        reason: { kind: 'build', message: 'It does not build.' },
      });
    await rollout().filter({ hasText: '1 failed · 5 running' }).waitFor();
    await workbench.treeItem('db').filter({ hasText: '3 of 12 built' }).waitFor();
    await workbench.select('db');
    await workbench.contextMenu(workbench.treeItem('db'), 'Show Run');
    const panel = await workbench.webview('db: update');
    await panel.getByText('3 of 12 derivations').waitFor();
    await workbench.command('NixFleet: Filter Hosts by State…');
    await workbench.pick('Updating', 'Needs attention');
    await view().getByText('Shown: ').waitFor();
    await workbench.treeItem('laptop').waitFor({ state: 'hidden' });
    await rollout().waitFor();
    await hasButtons('Filter Hosts by State…', 'Clear Filter', 'Collapse All');
    await pictures('filtered');
  });

  it('stands still while the relay is away: rows, rollout and panel', async () => {
    await relay.kill();
    await view().filter({ hasText: KEPT }).filter({ hasText: 'Shown: ' }).waitFor({ timeout: 60_000 });
    await workbench.treeItem(/^Updating 6 hosts, last known, 1 failed/).waitFor();
    await workbench.treeItem(/^Host db, last known/).waitFor();
    const panel = await workbench.webview('db: update');
    await panel.getByText('What is here is what was last known.').waitFor();
    await panel.locator('.is-last-known').waitFor();
    await panel.getByText('3 of 12 derivations').waitFor();
    await hasButtons('Reconnect Now', 'Filter Hosts by State…', 'Collapse All');
    await pictures('away');
  });

  it('goes on where the relay carries it on', async () => {
    await relay.start();
    for (const host of [...HOSTS, 'laptop']) await agentOf(host).connect();
    const goesOn = rollout().filter({ hasText: '1 failed · 5 running' });
    await workbench.reconnectNow(goesOn);
    await goesOn.waitFor();
    const panel = await workbench.webview('db: update');
    await panel.locator('.is-last-known').waitFor({ state: 'detached' });
    await hasButtons('Filter Hosts by State…', 'Clear Filter', 'Collapse All');
    await workbench.page.getByText(KEPT).waitFor({ state: 'detached' });
  });

  it('asks for another token when that is what is missing', async () => {
    await relay.run('revoke', 'operator', 'ana');
    await view().filter({ hasText: 'was revoked' }).filter({ hasText: KEPT }).waitFor({ timeout: 60_000 });
    await hasButtons('Connect to a Relay…', 'Filter Hosts by State…', 'Collapse All');
    await pictures('revoked');
  });
});
