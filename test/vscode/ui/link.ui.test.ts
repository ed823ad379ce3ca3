// The link to the relay dies in every way while a run goes on: what view, status bar and the run's panel say meanwhile, and
// that nothing of the run is missing afterwards.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'mocha';
import type { Locator } from 'playwright-core';
import { oneStory } from '../../../scripts/test/one-story.ts';
import type { FakeAgent } from '../../support/fake-agent.ts';
import type { FakeRun } from '../../support/fake-run.ts';
import { startNewerRelay } from '../../support/newer-relay.ts';
import type { RelayProcess } from '../../support/relay-process.ts';
import { openOneHost } from '../one-host.ts';
import { waitUntil, type Workbench } from '../workbench.ts';

const KEPT = 'Hosts are shown as they were last known';
const GOES_ON = 'The update of web does not need this window';

describe('the link to the relay', function () {
  oneStory(this);
  const opened = new AsyncDisposableStack();
  let relay: RelayProcess;
  let agent: FakeAgent;
  let workbench: Workbench;
  let run: FakeRun;
  let lines = 0;

  before(async () => {
    ({ relay, agent, workbench } = await openOneHost(opened));
    const asked = agent.nextRun();
    await workbench.contextMenu(workbench.treeItem('web'), 'Update Agent');
    run = await asked;
    run.phase('accepted').phase('building');
    await goesOn();
  });

  after(() => opened.disposeAsync());

  afterEach(function () {
    return workbench.keepFailure(this);
  });

  const status = (): Locator => workbench.page.locator('.statusbar-item', { hasText: /NixFleet|online/ });
  const isOnline = (): Locator => status().filter({ hasText: '1 online' });
  const view = (): Locator => workbench.page.locator('.sidebar .message');

  async function waitForPanel(text: string | RegExp): Promise<void> {
    const panel = await workbench.webview('web: update');
    await panel.getByText(text).first().waitFor();
  }

  /** The run says something more, and all of it arrives in the panel and in the window's copy; nothing speaks of trouble. */
  async function goesOn(): Promise<void> {
    for (let i = 0; i < 50; i++) run.output(`line ${++lines}\n`);
    await isOnline().waitFor();
    await workbench.treeItem(/^Host web, updating/).waitFor();
    const panel = await workbench.webview('web: update');
    await panel.getByText(`line ${lines}`, { exact: true }).waitFor();
    await panel.getByText(GOES_ON).waitFor({ state: 'hidden' });
    await waitUntil('nothing is old any more', async () => (await workbench.page.getByText(KEPT).count()) === 0);
    await waitUntil('the same bytes in the file', () =>
      globSync(`data/User/workspaceStorage/*/nixfleet.nixfleet/runs/*/${run.runId}.log`, {
        cwd: workbench.server.dataDir,
      }).some(file => readFileSync(join(workbench.server.dataDir, file)).equals(run.outputBytes)),
    );
  }

  /** View, rows, status bar and panel say it. */
  async function isSaid(words: string | RegExp, label: string | RegExp): Promise<void> {
    await view().filter({ hasText: words }).filter({ hasText: KEPT }).waitFor({ timeout: 60_000 });
    await workbench.treeItem(/^Host web, last known/).waitFor();
    await status().filter({ hasText: label }).waitFor();
    await waitForPanel(words);
    await waitForPanel(GOES_ON);
  }

  async function pictures(name: string): Promise<void> {
    for (const theme of ['light', 'high-contrast', 'dark'] as const) {
      await workbench.setTheme(theme);
      await workbench.picture(`${name}-${theme}`);
    }
  }

  it('that was killed: says so and counts down, in three places', async () => {
    await relay.kill();
    await isSaid('refused the connection', 'reconnecting');
    await status()
      .filter({ hasText: /reconnecting in \d+ s/ })
      .waitFor({ timeout: 60_000 });
    await pictures('link-killed');
  });

  it('is back at once when a person does not want to wait, with what came meanwhile', async () => {
    run.output('while nobody listened\n');
    await relay.start();
    await agent.connect();
    await workbench.reconnectNow(isOnline());
    await goesOn();
  });

  it('that is half-open: finds out that nobody is there, and is back when somebody is', async () => {
    const { pid } = relay;
    process.kill(pid, 'SIGSTOP');
    try {
      await isSaid(/Nothing was heard from 127\.0\.0\.1:\d+ for \d+ s/, 'reconnecting');
      await workbench.picture('link-half-open');
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await goesOn();
  });

  it('whose token is revoked: says what to do, and goes on with another one', async () => {
    await relay.run('revoke', 'operator', 'ana');
    await isSaid('was revoked. Ask for another one.', 'token revoked');
    await pictures('link-revoked');
    const token = await relay.operator('ana');
    await workbench.command('NixFleet: Connect to a Relay…');
    await workbench.answer('(1/2)', relay.url);
    await workbench.answer('(2/2)', token);
    await goesOn();
  });

  it('whose relay was upgraded to a protocol that this extension does not know: says so, and goes on when it is taken back', async () => {
    const port = Number(new URL(relay.url).port);
    await relay.close();
    {
      await using _newer = await startNewerRelay(port);
      await isSaid('no longer serves this version of the extension', 'extension too old');
      await pictures('link-too-old');
    }
    await relay.start();
    await agent.connect();
    await workbench.reconnectNow(isOnline());
    await goesOn();
  });

  it('and the outcome is told once', async () => {
    run.phase('activating').phase('confirming').phase('committing').end();
    await workbench.onlyNotification('web was updated');
  });
});
