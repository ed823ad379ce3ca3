// A window that is reloaded in the middle of a run: its panel comes back, and nothing of the run is missing.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, afterEach, before, describe, it } from 'mocha';
import type { FrameLocator } from 'playwright-core';
import { oneStory } from '../../../scripts/test/one-story.ts';
import type { FakeAgent } from '../../support/fake-agent.ts';
import type { FakeRun } from '../../support/fake-run.ts';
import { openOneHost } from '../one-host.ts';
import { waitUntil, type Workbench } from '../workbench.ts';

/** What is used of the page's HTMLElement. */
interface Scroller {
  scrollTop: number;
  readonly clientHeight: number;
}

/** VS Code stores its editors once a minute, and then when it is idle. In milliseconds. */
const STORED_WITHIN = 120_000;

/** Whether a process has the folder, by the text of its claim: its id, or `free`. */
function isAlive(claim: string): boolean {
  try {
    return process.kill(Number(claim), 0);
  } catch {
    return false;
  }
}

describe('a window that is reloaded in the middle of a run', function () {
  oneStory(this);
  const opened = new AsyncDisposableStack();
  let agent: FakeAgent;
  let workbench: Workbench;
  let run: FakeRun;

  before(async () => {
    const files = { 'left.txt': 'left\n', 'right.txt': 'right\n' };
    ({ agent, workbench } = await openOneHost(opened, { files }));
  });

  after(() => opened.disposeAsync());

  afterEach(function () {
    return workbench.keepFailure(this);
  });

  const copies = (): string[] =>
    globSync(`data/User/workspaceStorage/*/nixfleet.nixfleet/runs/*/${run.runId}.log`, {
      cwd: workbench.server.dataDir,
    }).map(file => join(workbench.server.dataDir, file));

  /** Those in folders that no extension host has. */
  const freeCopies = (): string[] =>
    copies()
      .sort()
      .filter(file => {
        const claims = globSync('owner.*', { cwd: dirname(file) });
        return claims.length === 1 && claims.every(claim => !isAlive(readFileSync(join(dirname(file), claim), 'utf8')));
      });
  let oldCopy: string | undefined;

  /** Whether the browser's storage has the panel and which run it shows: VS Code writes its editors there now and then. */
  const isRemembered = (what: string = run.runId): Promise<boolean> =>
    workbench.page.evaluate(`(async () => {
      const asked = request => new Promise((done, failed) => {
        request.onsuccess = () => done(request.result);
        request.onerror = () => failed(request.error);
      });
      for (const { name } of await indexedDB.databases()) {
        const database = await asked(indexedDB.open(name));
        for (const store of database.objectStoreNames) {
          const values = await asked(database.transaction(store).objectStore(store).getAll());
          const isEditor = value => typeof value === 'string' && value.includes('nixfleet.run') && value.includes(${JSON.stringify(what)});
          if (values.some(isEditor)) return true;
        }
        database.close();
      }
      return false;
    })()`);

  it('shows the run before', async () => {
    const asked = agent.nextRun();
    await workbench.contextMenu(workbench.treeItem('web'), 'Update Agent');
    run = await asked;
    run.phase('accepted').phase('building');
    for (let i = 1; i <= 500; i++) run.output(`line ${i}\n`);
    const panel = await workbench.webview('web: update');
    await panel.getByText('line 500', { exact: true }).waitFor();
  });

  it('shows it again after, with what came meanwhile', async () => {
    await waitUntil('VS Code has stored its editors', () => isRemembered(), STORED_WITHIN);
    const reloaded = workbench.reload();
    for (let i = 501; i <= 1000; i++) run.output(`line ${i}\n`);
    await reloaded;
    const panel = await workbench.webview('web: update');
    await panel.getByText('line 1000', { exact: true }).waitFor();
    await workbench.treeItem('web').filter({ hasText: 'updating · building' }).waitFor();
  });

  /** All that the panel has to show, as a person reads who scrolls through it from the top. */
  async function wholeOutput(panel: FrameLocator): Promise<string> {
    const rows = panel.getByRole('log');
    const scrollBy = (screens: number): Promise<void> =>
      rows.evaluate((element: Scroller, by) => {
        element.scrollTop += by * element.clientHeight;
      }, screens);
    await scrollBy(-1000);
    await panel.getByText('line 1', { exact: true }).waitFor();
    const seen = new Map<number, string>();
    const read = async (): Promise<void> => {
      for (const text of await panel.locator('.rows .row').allInnerTexts()) {
        const line = /line (\d+)/.exec(text);
        if (line) seen.set(Number(line[1]), line[0]);
      }
    };
    await waitUntil(
      'every line was in sight',
      async () => {
        await read();
        await scrollBy(0.8);
        return seen.size === 1500;
      },
      120_000,
    );
    await scrollBy(1000);
    return [...seen]
      .toSorted(([a], [b]) => a - b)
      .map(([, line]) => `${line}\n`)
      .join('');
  }

  it('shows it again after another one, moved to a group of its own and behind another editor', async () => {
    await workbench.openFile('left.txt');
    await workbench.tab('web: update').click();
    await workbench.command('View: Move Editor into Right Group');
    await workbench.openFile('right.txt');
    await waitUntil('VS Code has stored its editors', () => isRemembered('right.txt'), STORED_WITHIN);
    const url = workbench.page.url();
    await workbench.page.goto('about:blank');
    for (let i = 1001; i <= 1500; i++) run.output(`line ${i}\n`);
    // until then the extension host of before has the folder
    await waitUntil('a folder of copies is free', () => freeCopies().length > 0);
    [oldCopy] = freeCopies();
    await workbench.page.goto(url);
    // hidden, it is brought up to date when somebody looks
    await workbench.tab('right.txt').waitFor();
    const groups = workbench.page.locator('.editor-group-container');
    await waitUntil('there are two groups', async () => (await groups.count()) === 2);
    const panel = await workbench.webview('web: update');
    await panel.getByText('line 1500', { exact: true }).waitFor();
    assert.equal(await wholeOutput(panel), run.outputBytes.toString());
  });

  it('tells the outcome once, and has kept every byte in one file', async () => {
    run.output('the end\n').phase('activating').phase('confirming').phase('committing').end();
    await workbench.onlyNotification('web was updated');
    const panel = await workbench.webview('web: update');
    await panel.getByText('the end', { exact: true }).waitFor();
    const all = run.outputBytes;
    await waitUntil('the same bytes in the file', () => copies().some(file => readFileSync(file).equals(all)));
    assert.ok(oldCopy);
    assert.ok(readFileSync(oldCopy).equals(all), 'the window has found its old folder again');
    for (const file of copies()) {
      const bytes = readFileSync(file);
      assert.ok(all.subarray(0, bytes.length).equals(bytes), `${file} is the beginning of it`);
    }
    await workbench.picture('reloaded');
  });

  it('shows a past run as it was', async () => {
    await workbench.clearNotifications();
    await workbench.command('View: Close All Editors');
    await workbench.openContainer('NixFleet');
    await workbench.treeItem('web').click();
    await workbench.treeItem('Last runs').click();
    await workbench.treeItem(/^updated/).click();
    const panel = await workbench.webview('web: update');
    await panel.getByText('the end', { exact: true }).waitFor();
  });
});
