// Shows that the words of workbench.ts do what they say, with an extension that has one of everything.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'mocha';
import { openWorkbench, type Workbench } from '../workbench.ts';

describe("VS Code's window in the tests", () => {
  let folder: string;
  let workbench: Workbench;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'workspace-'));
    process.once('exit', () => {
      rmSync(folder, { recursive: true, force: true });
    });
    writeFileSync(join(folder, 'flake.nix'), '{ outputs = _: { }; }\n');
    workbench = await openWorkbench({
      folder,
      extensions: [join(import.meta.dirname, '../fixture')],
      theme: 'light',
    });
  });

  after(() => workbench.close());

  afterEach(function () {
    return workbench.keepFailure(this);
  });

  it('opens a view container and reads its rows', async () => {
    await workbench.openContainer('Fixture');
    assert.match(await workbench.treeItem('beta').innerText(), /the beta/);
  });

  it('opens a context menu, and lets a webview and its extension speak', async () => {
    assert.deepEqual(await workbench.openContextMenu(workbench.treeItem('beta')), ['Show Panel']);
    await workbench.page.keyboard.press('Escape');
    await workbench.contextMenu(workbench.treeItem('beta'), 'Show Panel');
    const panel = await workbench.webview('Panel of beta');
    await panel.getByRole('button', { name: 'Say hello' }).click();
    await panel.getByRole('status').filter({ hasText: 'hello to beta' }).waitFor();
  });

  it('presses the button of a row, and tells two webviews apart', async () => {
    await workbench.inlineAction(workbench.treeItem('alpha'), 'Show Panel');
    const alpha = await workbench.webview('Panel of alpha');
    await alpha.getByRole('heading', { name: 'alpha' }).waitFor();
    const beta = await workbench.webview('Panel of beta');
    await beta.getByRole('heading', { name: 'beta' }).waitFor();
  });

  it('runs a command while a webview has the focus, and reads what it wrote', async () => {
    const panel = await workbench.webview('Panel of beta');
    await panel.getByRole('button').focus();
    await workbench.command('Fixture: Write Output');
    await workbench.outputLine('line 500 of the output');
    assert.match(await workbench.output(), /line 498 of the output\nline 499 of the output\nline 500 of the output/);
  });

  it('answers questions and notifications', async () => {
    await workbench.command('Fixture: Ask');
    await workbench.pick('green');
    await workbench.answer('What name?', 'Ana');
    await workbench.answerNotification('Ana is green', 'Good');
    await workbench.notification('It is Good').waitFor();
    await workbench.clearNotifications();
  });

  it('reads both sides of a diff', async () => {
    await workbench.command('Fixture: Show Diff');
    assert.deepEqual(await workbench.diff(), {
      original: 'first line\nbefore line\n',
      modified: 'first line\nafter line\n',
    });
  });

  it('opens a file by name', async () => {
    await workbench.openFile('flake.nix');
  });

  it('takes pictures in every theme', async () => {
    await workbench.webview('Panel of beta');
    for (const theme of ['light', 'dark', 'high-contrast', 'high-contrast-light'] as const) {
      await workbench.setTheme(theme);
      const picture = await workbench.picture(`fixture-${theme}`);
      assert.ok(statSync(picture).size > 10_000);
    }
  });

  it('finds nothing to complain about in the log', () => {
    assert.deepEqual(
      workbench.log.filter(line => line.includes('Extension Host')),
      [],
    );
  });
});
