// The Hosts view as a person meets it: from an empty window to a fleet in every state, with agents whose runs are
// written here.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'mocha';
import type { Locator } from 'playwright-core';
import type { HostStatus } from '../../../protocol/index.ts';
import { root } from '../../../scripts/test/files.ts';
import { FakeAgent, type FakeAgentOptions } from '../../support/fake-agent.ts';
import { RelayProcess } from '../../support/relay-process.ts';
import { openWorkbench, waitUntil, type Workbench } from '../workbench.ts';

const OLD = 'a3f9c21d'.repeat(5);
const NEW = '7be04d5f'.repeat(5);
const AGENT_PATH = `/nix/store/${'0'.repeat(32)}-nixfleet-agent-2.3.0`;

describe('the Hosts view', () => {
  const opened = new AsyncDisposableStack();
  let relay: RelayProcess;
  let token: string;
  let workbench: Workbench;
  const agents = new Map<string, FakeAgent>();

  before(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nixfleet-view-'));
    opened.defer(() => rmSync(folder, { recursive: true, force: true }));
    relay = opened.use(
      await RelayProcess.start({
        data: join(folder, 'relay'),
        log: join(folder, 'relay.log'),
        listen: ['127.0.0.1:0'],
      }),
    );
    token = await relay.operator('ana');
    const workspace = join(folder, 'nixcfg');
    mkdirSync(workspace);
    workbench = opened.use(await openWorkbench({ folder: workspace, extensions: [root] }));
    await workbench.openContainer('NixFleet');
  });

  after(() => opened.disposeAsync());

  afterEach(function () {
    return workbench.keepFailure(this);
  });

  const status = (part: Partial<HostStatus> = {}): Partial<HostStatus> => ({
    nixcfg: { path: '/home/ana/Code/nixcfg', head: OLD, branch: 'main', dirty: false },
    input: { rev: OLD, lastModified: Math.floor(Date.now() / 1000) - 3 * 86_400, url: 'github:nixfleet/nixfleet' },
    upstream: { rev: OLD, checkedAt: Date.now() },
    generation: { toplevel: `/nix/store/${'0'.repeat(32)}-nixos-system-web-25.11`, number: 42 },
    ...part,
  });

  /** Takes the pointer off the rows. A row that is drawn anew just then may leave its tooltip behind. */
  async function pointerAway(): Promise<void> {
    const { mouse, keyboard } = workbench.page;
    await waitUntil('tooltips are gone', async () => {
      await mouse.move(150, 700, { steps: 3 });
      if (!(await tooltip().isVisible())) return true;
      const left = await tooltip()
        .boundingBox({ timeout: 1000 })
        .catch(() => null);
      // one that is left behind goes with the pointer that has been on it
      if (left) await mouse.move(left.x + left.width / 2, left.y + left.height / 2, { steps: 3 });
      await mouse.move(150, 700, { steps: 3 });
      await keyboard.press('Escape');
      return false;
    });
  }

  const tooltip = (): Locator => workbench.page.locator('.workbench-hover:visible').first();

  async function agent(
    host: string,
    part: Partial<HostStatus> = {},
    more: Partial<FakeAgentOptions> = {},
  ): Promise<FakeAgent> {
    const options = {
      url: relay.url,
      host,
      token: await relay.enroll(host),
      status: status(part),
      agent: { version: '2.3.0', rev: OLD },
    };
    const fake = opened.use(await FakeAgent.connect({ ...options, ...more }));
    agents.set(host, fake);
    return fake;
  }

  it('says what NixFleet is while nothing is configured, and offers to connect', async () => {
    const button = workbench.page.getByRole('button', { name: 'Connect to a Relay…' });
    await button.waitFor();
    await workbench.picture('welcome');
    await button.click();
  });

  it('says precisely what is wrong with a URL and a token, with what was typed still there', async () => {
    const { quickInput } = workbench;
    await workbench.answer('(1/2)', 'ftp://relay');
    await quickInput.getByText('A relay is reached by wss://').waitFor();
    await workbench.answer('(1/2)', 'ws://relay.example.org');
    await quickInput.getByText('would send the token unencrypted').waitFor();
    await workbench.answer('(1/2)', 'wss://relay.invalid');
    await quickInput.filter({ hasText: '(2/2)' }).waitFor();
    assert.equal(await quickInput.locator('input').first().getAttribute('type'), 'password');
    await workbench.answer('(2/2)', 'nonsense');
    await quickInput.getByText('The name relay.invalid was not found').waitFor();
    await workbench.picture('connect-name-not-found');
    assert.equal(await quickInput.locator('input').first().inputValue(), 'wss://relay.invalid');
    await workbench.answer('(1/2)', relay.url);
    await workbench.answer('(2/2)', 'nonsense');
    await quickInput.getByText('did not accept the token').waitFor();
    await workbench.picture('connect-token-rejected');
    await workbench.answer('(2/2)', token);
    await workbench.page.getByText('The relay has no hosts yet.').waitFor();
    await workbench.picture('no-hosts');
  });

  it('shows hosts in every state, what needs attention first', async () => {
    await agent('web-1');
    await agent('web-2', { upstream: { rev: NEW, checkedAt: Date.now() } });
    await agent('cache', { problems: ['nixcfg was not found: tried /home/ana/Code/nixcfg and /etc/nixos.'] });
    const broken = await agent('mail', { upstream: { rev: NEW, checkedAt: Date.now() } });
    const busy = await agent('db', { upstream: { rev: NEW, checkedAt: Date.now() } });
    const off = await agent('laptop', { upstream: { rev: NEW, checkedAt: Date.now() } });
    await relay.enroll('new-one');
    await workbench.treeItem('laptop').waitFor();
    await off.disconnect();
    // rows move when a host goes; nobody clicks meanwhile
    await workbench.treeItem('laptop').filter({ hasText: 'offline' }).waitFor();
    await workbench.treeItem('new-one').waitFor();

    const failing = broken.nextRun();
    await workbench.contextMenu(workbench.treeItem('mail'), 'Update Agent');
    (await failing)
      .phase('accepted')
      .phase('building')
      .output('error: builder failed\n')
      .end({
        outcome: 'failed',
        changed: false,
        reason: { kind: 'build', message: 'nginx.drv failed to build.', advice: 'Read the last lines of its log.' },
        lastLines: ['error: builder failed'],
      });
    await workbench
      .notification(
        'Updating mail failed while building. The host is as it was before. Reason: nginx.drv failed to build.',
      )
      .waitFor();
    await workbench.picture('outcome-notification');
    await workbench.clearNotifications();

    await pointerAway();
    await workbench.contextMenu(workbench.treeItem('laptop'), 'Update Agent');
    await workbench.treeItem('laptop').filter({ hasText: 'queued · waits for host' }).waitFor();
    await pointerAway();
    const building = busy.nextRun();
    await workbench.contextMenu(workbench.treeItem('db'), 'Update Agent');
    const run = (await building).phase('accepted').phase('pulling');
    const manifest = { format: 1 as const, protocol: 1, version: '2.3.0', rev: OLD, storePath: AGENT_PATH };
    run
      .event({ type: 'recorded', before: { agent: manifest, input: { rev: OLD } } })
      .phase('locking')
      .phase('building');
    run.output(
      Array.from({ length: 30 }, (_, i) => `copying path ${i + 1} of 64 from 'https://cache.nixos.org'…\n`).join(''),
    );
    run.output('building…\n');
    await workbench.treeItem('db').filter({ hasText: 'updating · building' }).waitFor();

    const rows = await workbench.page.getByRole('treeitem').allInnerTexts();
    assert.deepEqual(
      rows.map(row => row.replace(/ \d+ s$/, '')),
      [
        'cache2.3.0 · 1 problem',
        'mail2.3.0 · update failed',
        'dbupdating · building',
        'laptopqueued · waits for host',
        `web-22.3.0 → ${NEW.slice(0, 7)} available`,
        'web-12.3.0',
        'new-onenever connected',
      ],
    );
    const panel = await workbench.webview('db: update');
    await panel.getByText('building…', { exact: true }).waitFor();
    await pointerAway();
    await workbench.picture('hosts-in-every-state');
  });

  it('shows what is known of a host on a second look and below it', async () => {
    await pointerAway();
    await workbench.treeItem('web-2').hover();
    for (const part of ['x86_64-linux', 'nixcfg', '3 d old', 'generation 42'])
      await tooltip().getByText(part).waitFor();
    await workbench.picture('host-tooltip', 'stay');
    await pointerAway();
    await workbench.treeItem('web-2').click();
    await workbench.treeItem('flake.lock').filter({ hasText: 'available' }).waitFor();
    await workbench.treeItem('mail').click();
    await workbench.treeItem('Last runs').click();
    await workbench.treeItem('failed while building').waitFor();
    await workbench.picture('host-details');
    await workbench.treeItem('mail').click();
    await workbench.treeItem('web-2').click();
    await workbench.treeItem('Last runs').waitFor({ state: 'hidden' });
  });

  it('has the menu that makes sense for each host', async () => {
    assert.deepEqual(await workbench.openContextMenu(workbench.treeItem('web-2')), [
      'Update Agent',
      'Refresh Host',
      'Copy Host Name',
      'Copy Revision',
    ]);
    await workbench.dismissMenu();
    assert.deepEqual(await workbench.openContextMenu(workbench.treeItem('db')), [
      'Cancel Update',
      'Show Run',
      'Show flake.lock Diff',
      'Show Output',
      'Refresh Host',
      'Copy Host Name',
      'Copy Revision',
    ]);
    await workbench.dismissMenu();
    await workbench.select('web-1', 'web-2', 'db');
    assert.deepEqual(await workbench.openContextMenu(workbench.treeItem('web-2')), [
      'Update Agent',
      'Refresh Host',
      'Copy Host Name',
    ]);
    await workbench.dismissMenu();
  });

  it('offers the update on the row of a host that has one, and on no other', async () => {
    const button = (host: string): Locator => workbench.treeItem(host).getByRole('button', { name: 'Update Agent' });
    await workbench.treeItem('web-1').hover();
    assert.equal(await button('web-1').count(), 0);
    await workbench.treeItem('web-2').hover();
    await button('web-2').waitFor();
    await pointerAway();
  });

  it('updates several hosts from the palette, with one progress and one summary', async () => {
    const [web1, web2] = [agents.get('web-1'), agents.get('web-2')];
    assert.ok(web1 && web2);
    const runs = Promise.all([web1.nextRun(), web2.nextRun()]);
    await workbench.command('NixFleet: Update Agent');
    // what has an update is ticked already
    await workbench.pick('mail', 'web-1');
    const [one, two] = await runs;
    one.phase('accepted').phase('building');
    await workbench.notification('Updating 2 hosts').waitFor();
    await workbench.picture('updating-several');
    one.end({ after: {} });
    two.succeed();
    await workbench.notification('2 of 2 hosts updated.').waitFor();
    await workbench.notification('Updating 2 hosts').waitFor({ state: 'hidden' });
    await workbench.clearNotifications();
  });

  it('can be read in every theme', async () => {
    for (const theme of ['light', 'high-contrast', 'high-contrast-light', 'dark'] as const) {
      await workbench.setTheme(theme);
      await workbench.picture(`hosts-${theme}`);
    }
  });

  it('keeps the rows and says why when the relay goes away', async () => {
    await relay.kill();
    await workbench.page.getByText('Hosts are shown as they were last known.').waitFor();
    await workbench.treeItem(/web-1, last known/).waitFor();
    await workbench.picture('relay-away');
    await relay.start();
    await workbench.page.getByText('Hosts are shown as they were last known.').waitFor({ state: 'hidden' });
  });
});
