// Every command from the palette, as somebody types it who has nothing selected: what it asks, what it answers, and that
// no question stands in the way of everything else.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'mocha';
import type { Locator } from 'playwright-core';
import { root } from '../../../scripts/test/files.ts';
import { oneStory } from '../../../scripts/test/one-story.ts';
import { FakeAgent } from '../../support/fake-agent.ts';
import { RelayProcess } from '../../support/relay-process.ts';
import { openWorkbench, waitUntil, type Workbench } from '../workbench.ts';

const REV = 'a3f9c21d'.repeat(5);

describe('the commands of the palette', function () {
  oneStory(this);
  const opened = new AsyncDisposableStack();
  let relay: RelayProcess;
  let workbench: Workbench;
  let web: FakeAgent;

  before(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nixfleet-manners-'));
    opened.defer(() => rmSync(folder, { recursive: true, force: true }));
    relay = opened.use(
      await RelayProcess.start({
        data: join(folder, 'relay'),
        log: join(folder, 'relay.log'),
        listen: ['127.0.0.1:0'],
      }),
    );
    const workspace = join(folder, 'workspace');
    mkdirSync(workspace);
    workbench = opened.use(await openWorkbench({ folder: workspace, extensions: [root] }));
    await workbench.openContainer('NixFleet');
  });

  after(() => opened.disposeAsync());

  afterEach(async function () {
    await workbench.keepFailure(this);
    assert.equal(await workbench.dialog.filter({ hasText: 'NixFleet' }).count(), 0, 'no modal question');
  });

  const statusBar = (text: string | RegExp): Locator =>
    workbench.page.locator('.statusbar-item', { hasText: text }).first();

  /** The commands that the palette offers. */
  async function offered(): Promise<string[]> {
    await workbench.page.evaluate('document.activeElement?.blur()');
    await workbench.page.keyboard.press('F1');
    await workbench.quickInput.locator('input[type=text]').first().fill('>NixFleet: ');
    await workbench.quickInput.locator('.monaco-list-row', { hasText: 'NixFleet: Show Log' }).waitFor();
    const rows = await workbench.quickInput.locator('.monaco-list-row .label-name').allInnerTexts();
    await workbench.page.keyboard.press('Escape');
    return rows
      .map(row => row.replaceAll('\u00a0', ' '))
      .filter(row => row.startsWith('NixFleet: '))
      .sort();
  }

  it('say without a relay that there is none, and offer to connect to one', async () => {
    await workbench.command('NixFleet: Show Run');
    await workbench.notification('NixFleet is not connected to a relay.').waitFor();
    await workbench.picture('manners-not-connected');
    await workbench.answerNotification('NixFleet is not connected to a relay.', 'Connect to a Relay…');
    await workbench.answer('(1/2)', relay.url);
    await workbench.answer('(2/2)', await relay.operator('ana'));
    await workbench.page.getByText('The relay has no hosts yet.').waitFor();
  });

  it('say when there is nothing to choose from', async () => {
    await workbench.command('NixFleet: Update Agent');
    await workbench.notification('There is no host to update.').waitFor();
    await workbench.clearNotifications();
    const token = await relay.enroll('web');
    web = opened.use(
      await FakeAgent.connect({
        url: relay.url,
        host: 'web',
        token,
        agent: { version: '2.3.0', rev: REV },
        status: { input: { rev: REV } },
      }),
    );
    opened.use(await FakeAgent.connect({ url: relay.url, host: 'db', token: await relay.enroll('db') }));
    await workbench.treeItem('web').waitFor();
    await workbench.treeItem('db').waitFor();
    const answers = { 'Show Run': 'There is no run yet.', 'Cancel Update': 'No host is being updated.' };
    for (const [command, answer] of Object.entries(answers)) {
      await workbench.command(`NixFleet: ${command}`);
      await workbench.notification(answer).waitFor();
      await workbench.clearNotifications();
    }
  });

  it('ask for a host, and say what was copied where it disturbs nobody', async () => {
    await workbench.command('NixFleet: Copy Host Name');
    await workbench.pick('web', 'db');
    await statusBar(/^Copied (web, db|db, web)$/).waitFor();
    await workbench.command('NixFleet: Copy Revision');
    await workbench.pick('web');
    await statusBar(`Copied ${REV}`).waitFor();
    await workbench.command('NixFleet: Find Host…');
    await workbench.pick('db');
    await waitUntil('its row is selected', async () => {
      return (await workbench.treeItem(/^Host db/).getAttribute('aria-selected')) === 'true';
    });
    assert.equal(await workbench.page.locator('.notification-list-item').count(), 0);
  });

  it('have a place in the status bar, which opens the view', async () => {
    await workbench.openContainer('Explorer');
    await statusBar('2 online').click();
    await workbench.treeItem('web').waitFor();
  });

  it('answer also when there is nothing to do', async () => {
    await workbench.command('NixFleet: Reconnect Now');
    await statusBar(/^Already connected to 127\.0\.0\.1:\d+/).waitFor();
    await workbench.picture('manners-reconnect');
  });

  it('update with one cancellable progress, whose end is told once with a way to the run', async () => {
    const asked = web.nextRun();
    await workbench.command('NixFleet: Update Agent');
    await workbench.quickInput.locator('.monaco-list-row', { hasText: 'web' }).click();
    await workbench.page.keyboard.press('Enter');
    const run = await asked;
    run.phase('accepted').phase('building').output('building…\n');
    await workbench.notification('Updating web').filter({ hasText: 'building' }).waitFor();
    await workbench.picture('manners-progress');
    await workbench.answerNotification('Updating web', 'Cancel');
    await waitUntil('the host was told', () => web.cancelled.includes(run.runId));
    run.end({ outcome: 'cancelled', changed: false });
    await workbench.onlyNotification('Updating web was cancelled.');
    await workbench.answerNotification('Updating web was cancelled.', 'Show Run');
    await workbench.webview('web: update');
  });

  it('show what there is of a host’s last run', async () => {
    await workbench.command('NixFleet: Show Output');
    await workbench.pick('web');
    await workbench.outputLine('Updating web was cancelled.');
    await workbench.picture('manners-output');
    await workbench.command('NixFleet: Show flake.lock Diff');
    await workbench.pick('web');
    await workbench.notification(/lock/).waitFor();
    await workbench.picture('manners-no-lock');
    await workbench.clearNotifications();
    await workbench.command('NixFleet: Show Log');
    await workbench.outputLine('link: online');
  });

  it('are those that make sense: with a relay, and signed out of it', async () => {
    const online = await offered();
    await workbench.command('NixFleet: Disconnect');
    await workbench.page.getByText('You are signed out of the relay.').waitFor();
    await waitUntil('commands for hosts are gone', async () => !(await offered()).includes('NixFleet: Update Agent'));
    const signedOut = await offered();
    assert.ok(online.includes('NixFleet: Update Agent') && online.includes('NixFleet: Disconnect'));
    assert.ok(signedOut.includes('NixFleet: Connect to a Relay…'));
    for (const gone of ['Disconnect', 'Reconnect Now', 'Cancel Update', 'Refresh Host'])
      assert.ok(!signedOut.includes(`NixFleet: ${gone}`), gone);
    await workbench.picture('manners-signed-out');
  });
});
