// Several hosts updated in one go, as a person meets it: a few at a time, over a reload of the window, with one summary;
// and all that are outdated, stopped in the middle.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'mocha';
import { root } from '../../../scripts/test/files.ts';
import { FakeAgent } from '../../support/fake-agent.ts';
import type { FakeRun } from '../../support/fake-run.ts';
import { RelayProcess } from '../../support/relay-process.ts';
import { openWorkbench, waitUntil, type Workbench } from '../workbench.ts';

const OLD = 'a3f9c21d'.repeat(5);
const NEW = '7be04d5f'.repeat(5);
const LONG = 'build-worker-with-a-rather-long-name.rack-12.amsterdam';
const HOSTS = ['cache', 'db', 'mail', 'web-1', 'web-2', LONG] as const;
const THEMES = ['light', 'high-contrast', 'high-contrast-light', 'dark'] as const;

describe('several hosts that are updated in one go', () => {
  const opened = new AsyncDisposableStack();
  const agents = new Map<string, FakeAgent>();
  let relay: RelayProcess;
  let workbench: Workbench;

  before(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nixfleet-rollout-'));
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
    await workbench.treeItem('web-2').waitFor();
  });

  after(() => opened.disposeAsync());

  afterEach(function () {
    return workbench.keepFailure(this);
  });

  const agentOf = (host: string): FakeAgent => {
    const agent = agents.get(host);
    assert.ok(agent, host);
    return agent;
  };

  /** The run that a host is at, once it was asked for it. */
  const runOf = (host: string): Promise<FakeRun> => {
    const agent = agentOf(host);
    return agent.waitFor('a request', () => [...agent.runs.values()].find(run => !run.describe().ended));
  };

  const isAtWork = (host: string): boolean => [...agentOf(host).runs.values()].some(run => !run.describe().ended);

  it('begins a few, and shows above the hosts how far it is', async () => {
    await workbench.select(...HOSTS);
    await workbench.contextMenu(workbench.treeItem('db'), 'Update Agent');
    await workbench.treeItem('Updating 6 hosts').waitFor();
    await workbench.treeItem('cache').filter({ hasText: 'queued · waits its turn' }).waitFor();
    await workbench.picture('rollout-begins');
    await waitUntil('five are at work', () => HOSTS.filter(isAtWork).length === 5);
    for (const host of HOSTS.filter(isAtWork)) (await runOf(host)).phase('accepted').phase('building');
    await workbench.treeItem('Updating 6 hosts').filter({ hasText: '5 running · 1 waiting' }).waitFor();
  });

  it('can be read in every theme', async () => {
    (await runOf('db')).phase('activating').phase('confirming').phase('committing').end({ after: {} });
    (await runOf('mail')).output('error: builder failed\n').end({
      outcome: 'failed',
      changed: false,
      reason: { kind: 'build', message: 'It does not build.' },
    });
    await workbench.treeItem('Updating 6 hosts').filter({ hasText: '1 failed · 1 done · 4 running' }).waitFor();
    for (const theme of THEMES) {
      await workbench.setTheme(theme);
      await workbench.picture(`rollout-${theme}`);
    }
  });

  it('goes on while the window is closed, and is shown when it opens again', async () => {
    const reloaded = workbench.reload();
    (await runOf('web-1')).succeed();
    await reloaded;
    await workbench.treeItem('Updating 6 hosts').filter({ hasText: '1 failed · 2 done · 3 running' }).waitFor();
    await workbench.picture('rollout-reloaded');
  });

  it('ends in one notification, which leads to what failed', async () => {
    for (const host of ['cache', 'web-2', LONG]) (await runOf(host)).succeed();
    const summary = '5 of 6 hosts updated, 1 failed: mail.';
    await workbench.notification(summary).waitFor();
    await workbench.treeItem('Updating 6 hosts').waitFor({ state: 'hidden' });
    await workbench.onlyNotification(summary);
    await workbench.picture('rollout-summary');
    await workbench.answerNotification('5 of 6 hosts updated', 'Show Run');
    const panel = await workbench.webview('mail: update');
    await panel.getByText('It does not build.').first().waitFor();
    for (const host of HOSTS) assert.equal(agentOf(host).asked.length, 1, host);
    await workbench.command('View: Close All Editors');
  });

  it('updates all that are outdated after one question, and says who is offline', async () => {
    await agentOf('laptop').disconnect();
    await workbench.treeItem('laptop').filter({ hasText: 'offline' }).waitFor();
    await workbench.command('NixFleet: Update All Outdated…');
    await workbench.dialog.getByText(`Update 7 hosts to revision ${NEW.slice(0, 7)}?`).waitFor();
    await workbench.picture('rollout-question');
    await workbench.dialog.getByRole('button', { name: 'Update 7 Hosts' }).click();
    await workbench.treeItem('Updating 7 hosts').filter({ hasText: '1 offline' }).waitFor();
    await workbench.treeItem('laptop').filter({ hasText: 'queued · waits for host' }).waitFor();
  });

  it('is stopped: who has not begun is left alone, who has goes on', async () => {
    await waitUntil('one is at work', () => HOSTS.some(isAtWork));
    await workbench.inlineAction(workbench.treeItem('Updating 7 hosts'), 'Stop Rollout');
    await workbench.treeItem('Rollout stopped').filter({ hasText: 'running' }).waitFor();
    await workbench.picture('rollout-stopped');
    const begun = HOSTS.filter(isAtWork);
    for (const host of begun) (await runOf(host)).succeed();
    const { length } = begun;
    await workbench
      .notification(`The rollout was stopped by ana. ${length} of 7 hosts updated, ${7 - length} cancelled.`)
      .waitFor();
    await workbench.treeItem('Rollout stopped').waitFor({ state: 'hidden' });
    assert.equal(HOSTS.some(isAtWork), false);
  });
});
