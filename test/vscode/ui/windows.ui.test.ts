// Several windows of one person at once: on another folder, and on the same one. All follow a run, each with a copy of its
// own, and its outcome is told in one of them.
import assert from 'node:assert/strict';
import { globSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, afterEach, before, describe, it } from 'mocha';
import { oneStory } from '../../../scripts/test/one-story.ts';
import type { FakeAgent } from '../../support/fake-agent.ts';
import type { FakeRun } from '../../support/fake-run.ts';
import type { RelayProcess } from '../../support/relay-process.ts';
import { openOneHost } from '../one-host.ts';
import { waitUntil, type Workbench } from '../workbench.ts';

describe('several windows', function () {
  oneStory(this);
  const opened = new AsyncDisposableStack();
  let relay: RelayProcess;
  let agent: FakeAgent;
  let asking: Workbench;
  let elsewhere: Workbench;
  let beside: Workbench;
  let run: FakeRun;
  let next: FakeRun;
  let folder: string;

  before(async () => {
    ({ relay, agent, workbench: asking, folder } = await openOneHost(opened));
    mkdirSync(join(folder, 'other'));
    const asked = agent.nextRun();
    await asking.contextMenu(asking.treeItem('web'), 'Update Agent');
    run = await asked;
    run.phase('accepted').phase('building');
    for (let i = 1; i <= 500; i++) run.output(`line ${i}\n`);
    await asking.treeItem('web').filter({ hasText: 'updating · building' }).waitFor();
  });

  after(() => opened.disposeAsync());

  afterEach(async function () {
    for (const [which, window] of Object.entries({ asking, elsewhere, beside }))
      await (window as Workbench | undefined)?.keepFailure(this, which);
  });

  const copies = (): string[] =>
    globSync(`data/User/workspaceStorage/*/nixfleet.nixfleet/runs/*/${run.runId}.log`, {
      cwd: asking.server.dataDir,
    }).map(file => join(asking.server.dataDir, file));

  async function follows(window: Workbench): Promise<void> {
    await window.openContainer('NixFleet');
    await window.treeItem('web').filter({ hasText: 'updating · building' }).waitFor();
    await window.contextMenu(window.treeItem('web'), 'Show Run');
    const panel = await window.webview('web: update');
    await panel.getByText('line 500', { exact: true }).waitFor();
  }

  it('follow a run that one of them asked for, on another folder and on the same one', async () => {
    elsewhere = await asking.openWindow(join(folder, 'other'));
    await follows(elsewhere);
    beside = await asking.openWindow(join(folder, 'nixcfg'));
    await follows(beside);
  });

  it('have a copy of it each, complete, also when the relay dies in the middle', async () => {
    for (let i = 501; i <= 1000; i++) run.output(`line ${i}\n`);
    await relay.kill();
    await relay.start();
    await agent.connect();
    for (let i = 1001; i <= 1500; i++) run.output(`line ${i}\n`);
    for (const window of [asking, elsewhere, beside]) {
      const panel = await window.webview('web: update');
      await panel.getByText('line 1500', { exact: true }).waitFor();
    }
    run.output('the end\n').phase('activating').phase('confirming').phase('committing').end();
    await waitUntil(
      'three copies of the same bytes',
      () => copies().length === 3 && copies().every(file => readFileSync(file).equals(run.outputBytes)),
    );
    assert.equal(new Set(copies().map(dirname)).size, 3);
  });

  it('tell the outcome once, in a window of the workspace where it was asked for', async () => {
    const windows = [asking, elsewhere, beside];
    for (const window of windows)
      await window
        .treeItem('web')
        .filter({ hasText: /updating/ })
        .waitFor({ state: 'hidden' });
    const told = async (): Promise<string[][]> =>
      Promise.all(windows.map(window => window.page.locator('.notification-list-item').allInnerTexts()));
    await waitUntil('one of them tells', async () => (await told()).flat().length > 0);
    // who is late has looked by the time that a next run has begun everywhere
    const asked = agent.nextRun();
    await elsewhere.contextMenu(elsewhere.treeItem('web'), 'Update Agent');
    next = await asked;
    next.phase('accepted').phase('building');
    for (const window of windows) await window.treeItem('web').filter({ hasText: 'updating · building' }).waitFor();
    const [inAsking = [], inElsewhere = [], inBeside = []] = await told();
    assert.deepEqual(inElsewhere, [], 'the window on another folder did not ask');
    assert.equal([...inAsking, ...inBeside].length, 1);
    await asking.picture('windows');
  });

  it('go on without one that is closed', async () => {
    await beside.closeWindow();
    next.phase('activating').phase('confirming').phase('committing').end();
    await elsewhere.onlyNotification('web was updated');
  });

  it('are told also when the one that asked went without a word: its extension host, which lives on, does not tell', async () => {
    const asked = agent.nextRun();
    await asking.contextMenu(asking.treeItem('web'), 'Update Agent');
    const last = await asked;
    last.phase('accepted').phase('building');
    await asking.treeItem('web').filter({ hasText: 'updating · building' }).waitFor();
    await asking.crash();
    const again = await elsewhere.openWindow(join(folder, 'nixcfg'));
    await again.openContainer('NixFleet');
    await again.treeItem('web').filter({ hasText: 'updating · building' }).waitFor();
    last.phase('activating').phase('confirming').phase('committing').end();
    await again.onlyNotification('web was updated');
  });
});
