// The run panel in VS Code's own window, with its keys, its dialogs and its themes around it: what only shows there. What
// the page does by itself is in extension/run-panel/run-panel.ui.test.ts.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'mocha';
import type { FrameLocator, Locator } from 'playwright-core';
import { oneStory } from '../../../scripts/test/one-story.ts';
import { axeComplaints } from '../../../extension/run-panel/preview/axe.ts';
import type { FakeAgent } from '../../support/fake-agent.ts';
import type { FakeRun } from '../../support/fake-run.ts';
import { openOneHost } from '../one-host.ts';
import { waitUntil, type Theme, type Workbench } from '../workbench.ts';

const THEMES: readonly Theme[] = ['light', 'high-contrast', 'high-contrast-light', 'dark'];

const OLD = 'a3f9c21d'.repeat(5);
const NEW = '7be04d5f'.repeat(5);

/** What a host of this version has recorded of itself. */
const snapshot = (version: string, rev: string) => ({
  agent: {
    ...{ format: 1 as const, protocol: 1, version, rev },
    storePath: `/nix/store/${'0'.repeat(32)}-nixfleet-agent-${version}`,
  },
  input: { rev },
});
const before230 = snapshot('2.3.0', OLD);
const after240 = snapshot('2.4.0', NEW);

const lock = (rev: string): string =>
  JSON.stringify({
    nodes: {
      nixfleet: {
        locked: {
          lastModified: 1_780_000_000,
          narHash: 'sha256-AAAA',
          owner: 'nixfleet',
          repo: 'nixfleet',
          rev,
          type: 'github',
        },
        original: { owner: 'nixfleet', repo: 'nixfleet', type: 'github' },
      },
      root: { inputs: { nixfleet: 'nixfleet' } },
    },
    root: 'root',
    version: 7,
  });

/** What is used of the page's HTMLElement. */
interface PageElement {
  readonly scrollTop: number;
  readonly ownerDocument: { readonly activeElement: unknown; createRange(): PageRange };
  getBoundingClientRect(): { readonly bottom: number };
}

interface PageRange {
  selectNodeContents(element: PageElement): void;
  getBoundingClientRect(): { readonly bottom: number };
}

describe('the run panel in the window', function () {
  oneStory(this);
  const opened = new AsyncDisposableStack();
  let nixcfg: string;
  let agent: FakeAgent;
  let workbench: Workbench;
  let run: FakeRun;
  let panel: FrameLocator;

  before(async () => {
    ({ agent, workbench, nixcfg } = await openOneHost(opened, { settings: { 'files.simpleDialog.enable': true } }));
    await workbench.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await begin(() => workbench.contextMenu(workbench.treeItem('web'), 'Update Agent'));
  });

  after(() => opened.disposeAsync());

  afterEach(function () {
    return workbench.keepFailure(this);
  });

  const button = (name: string): Locator => panel.getByRole('button', { name, exact: true });
  const log = (): Locator => panel.getByRole('log');

  /** Has an update asked for, and takes it into its build. */
  async function begin(ask: () => Promise<void>): Promise<void> {
    const asked = agent.nextRun();
    await ask();
    run = await asked;
    run.phase('accepted').phase('pulling').event({ type: 'recorded', before: before230 });
    run.phase('locking').phase('building').output('the build begins\n');
    // the one in sight: that of an earlier run has the same title
    panel = await workbench.webview();
    await panel.getByText('the build begins', { exact: true }).waitFor();
  }

  /** What axe complains of in the panel as it is, in every theme. */
  async function complaints(): Promise<string[]> {
    const found: string[] = [];
    for (const theme of THEMES) {
      await workbench.setTheme(theme);
      const frame = await (await panel.locator('body').elementHandle()).ownerFrame();
      assert.ok(frame);
      const inTheme = await axeComplaints(program => frame.evaluate(program));
      found.push(...inTheme.map(complaint => `${theme}: ${complaint}`));
    }
    return found;
  }

  async function pictures(name: string): Promise<void> {
    for (const theme of THEMES) {
      await workbench.setTheme(theme);
      await workbench.picture(`panel-${name}-${theme}`);
    }
  }

  it('says which phase it is in, and how long, without a notification', async () => {
    const here = panel.locator('.step[aria-current=step]');
    await here.filter({ hasText: /Build.*\d s/s }).waitFor();
    await panel.getByText('2.3.0').first().waitFor();
    assert.equal(await workbench.page.locator('.notification-list-item').count(), 0);
  });

  it('stays where the reader scrolled to, until they want the end again', async () => {
    for (let i = 1; i <= 500; i++) run.output(i === 300 ? 'a needle of a line\n' : `line ${i}\n`);
    await panel.getByText('line 500', { exact: true }).waitFor();
    await log().hover();
    await workbench.page.mouse.wheel(0, -2000);
    await button('Jump to End').waitFor();
    const top = (): Promise<number> => log().evaluate(({ scrollTop }: PageElement) => scrollTop);
    let before = await top();
    await waitUntil('the wheel has come to rest', async () => {
      const was = before;
      before = await top();
      return was === before;
    });
    for (let i = 501; i <= 900; i++) run.output(`line ${i}\n`);
    await panel.getByText('901 lines').waitFor();
    assert.equal(await top(), before);
    await button('Jump to End').click();
    await panel.getByText('line 900', { exact: true }).waitFor();
  });

  it('finds by the editor’s own key, and nothing of the editor opens beside it', async () => {
    await log().focus();
    await workbench.page.keyboard.press('Control+f');
    await workbench.page.keyboard.type('needle');
    await panel.getByText('1 of 1', { exact: true }).first().waitFor();
    await panel.getByText('a needle of a line').waitFor();
    assert.equal(await workbench.page.locator('.find-widget.visible').count(), 0);
    await workbench.picture('panel-find');
    await workbench.page.keyboard.press('Escape');
    await panel.getByRole('search').waitFor({ state: 'hidden' });
    assert.ok(await log().evaluate((element: PageElement) => element === element.ownerDocument.activeElement));
  });

  it('shows the time of each line when it is wanted, and copies the line without it', async () => {
    await panel.getByText('Timestamps').click();
    const row = panel.locator('.row', { hasText: 'a needle of a line' });
    await row.filter({ hasText: /^\d\d:\d\d:\d\d/ }).waitFor();
    await row.locator('.row-text').click({ clickCount: 3 });
    await workbench.page.keyboard.press('Control+c');
    await waitUntil('the line is in the clipboard', async () => {
      const copied = await workbench.page.evaluate<string>('navigator.clipboard.readText()');
      return copied.trim() === 'a needle of a line';
    });
    await panel.getByText('Timestamps').click();
  });

  it('has nothing that axe complains of while it builds, in any theme', async () => {
    assert.deepEqual(await complaints(), []);
  });

  it('lets VS Code have its own keys', async () => {
    await log().focus();
    await workbench.page.keyboard.press('F1');
    await workbench.quickInput.waitFor();
    await workbench.page.keyboard.press('Escape');
  });

  it('asks before it cancels while the host is being switched, and does nothing when the answer is no', async () => {
    run.phase('activating');
    await panel.locator('.step[aria-current=step]', { hasText: 'Activate' }).waitFor();
    await button('Cancel').click();
    await workbench.dialog.getByText('Cancel the update of web?').waitFor();
    await workbench.dialog.getByText('switched back to the generation it ran before').waitFor();
    await workbench.picture('panel-cancel-question');
    await workbench.dialog.getByRole('button', { name: 'Keep Updating' }).click();
    await workbench.dialog.waitFor({ state: 'hidden' });
    assert.deepEqual(agent.cancelled, []);
    await button('Cancel').click();
    await workbench.dialog.getByRole('button', { name: 'Cancel Update' }).click();
    await waitUntil('the host was told', () => agent.cancelled.includes(run.runId));
  });

  it('says what failed and what to do, with the end of what the command said', async () => {
    run.end({
      outcome: 'failed',
      changed: false,
      reason: { kind: 'build', message: 'nginx.drv failed to build.', advice: 'Read the last lines of its log.' },
      lastLines: [
        ...Array.from({ length: 19 }, (_, i) => `       … frame ${i} of a trace`),
        'error: the deciding line',
      ],
    });
    await panel.getByText('What to do:').waitFor();
    await panel.getByText('Read the last lines of its log.').waitFor();
    const lines = panel.getByRole('region', { name: 'Last lines of output' });
    const isVisible = await lines.evaluate((element: PageElement) => {
      const range = element.ownerDocument.createRange();
      range.selectNodeContents(element);
      return range.getBoundingClientRect().bottom <= element.getBoundingClientRect().bottom + 1;
    });
    assert.ok(isVisible, 'the deciding line is in sight');
    await workbench.clearNotifications();
    assert.deepEqual(await complaints(), []);
    await pictures('failed');
  });

  it('is retried by keyboard, in a panel of the new run', async () => {
    await begin(async () => {
      await button('Retry').focus();
      await workbench.page.keyboard.press('Enter');
    });
    await panel.getByText('What to do:').waitFor({ state: 'hidden' });
  });

  it('cancels what only builds without a question', async () => {
    await button('Cancel').click();
    await waitUntil('the host was told', () => agent.cancelled.includes(run.runId));
    assert.equal(await workbench.dialog.count(), 0);
    run.end({ outcome: 'cancelled', changed: false });
    await panel.getByText('Cancelled while building').first().waitFor();
    await workbench.clearNotifications();
  });

  it('shows before and after, and what of the lock changed, with a way to compare it on the forge', async () => {
    await workbench.command('View: Close All Editors');
    await begin(() => workbench.contextMenu(workbench.treeItem('web'), 'Update Agent'));
    run.whole('lock-before', lock(OLD)).whole('lock-after', lock(NEW));
    run.event({ type: 'locked', input: 'nixfleet', before: before230.input, after: after240.input, changed: true });
    for (let i = 1; i <= 60; i++) run.output(`\u001b[32mbuilt\u001b[0m part ${i} of the system\n`);
    run.phase('activating').phase('confirming').phase('committing').end({ after: after240 });
    await panel.getByText('Updated', { exact: true }).first().waitFor();
    await panel.getByText('2.4.0').first().waitFor();
    await panel
      .locator('.lock-table tr', { hasText: OLD.slice(0, 7) })
      .filter({ hasText: NEW.slice(0, 7) })
      .waitFor();
    await workbench.clearNotifications();
    assert.deepEqual(await complaints(), []);
    await pictures('updated');
    await button('Compare the revisions of nixfleet on its forge').click();
    await workbench.dialog.getByText(`github.com/nixfleet/nixfleet/compare/`).waitFor();
    await workbench.page.keyboard.press('Escape');
    await workbench.dialog.waitFor({ state: 'hidden' });
  });

  it('saves the output byte for byte', async () => {
    await button('Save Output').click();
    const file = join(nixcfg, 'saved.log');
    await workbench.saveAs(file, /\.log$/);
    await waitUntil('the file is there, whole', () => existsSync(file) && readFileSync(file).equals(run.outputBytes));
  });

  it('opens the output in the host’s channel', async () => {
    await button('Open Output').click();
    await workbench.outputLine('built part 60 of the system');
  });
});
