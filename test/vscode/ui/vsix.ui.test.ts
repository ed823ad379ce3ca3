// What ships: the .vsix that vsce makes, installed as a person installs it.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { after, before, describe, it } from 'mocha';
import { root } from '../../../scripts/test/files.ts';
import { vscodeRoot } from '../setup.ts';
import { openWorkbench } from '../workbench.ts';

describe('the packaged extension', () => {
  let folder: string;
  let vsix: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'vsix-'));
    vsix = join(folder, 'nixfleet.vsix');
    const vsce = join(root, 'node_modules/@vscode/vsce/vsce');
    await execa(process.execPath, [vsce, 'package', '--readme-path', 'MARKETPLACE.md', '--out', vsix], {
      cwd: root,
      stdin: 'ignore',
    });
  });
  after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

  it('holds what the extension needs and nothing else', async () => {
    const { stdout } = await execa('python3', ['-c', LIST, vsix]);
    assert.deepEqual(stdout.split('\n'), [
      '[Content_Types].xml',
      'extension.vsixmanifest',
      'extension/LICENSE.txt',
      'extension/changelog.md',
      'extension/dist/extension.cjs',
      'extension/dist/first-run.cjs',
      'extension/dist/language-client.cjs',
      'extension/dist/language-server.cjs',
      'extension/dist/nixcfg.cjs',
      'extension/dist/relay.mjs',
      'extension/dist/webview.css',
      'extension/dist/webview.js',
      'extension/extension/icons/marketplace.png',
      'extension/extension/icons/nixfleet.svg',
      'extension/extension/walkthrough/agent.svg',
      'extension/extension/walkthrough/enroll.svg',
      'extension/extension/walkthrough/nixcfg.svg',
      'extension/extension/walkthrough/relay.svg',
      'extension/extension/walkthrough/update.svg',
      'extension/l10n/bundle.l10n.de.json',
      'extension/package.json',
      'extension/package.nls.de.json',
      'extension/package.nls.json',
      'extension/readme.md',
    ]);
    console.log(`      ${(statSync(vsix).size / 1024).toFixed(0)} KB`);
  });

  it('loads no more than 300 KB when it wakes: what is for nixcfg comes later', () => {
    assert.ok(statSync(join(root, 'dist/extension.cjs')).size <= 300_000);
  });

  it('installs, and its view says how to begin', async () => {
    const dataDir = join(folder, 'data');
    const server = join(vscodeRoot, 'out/server-main.js');
    const install = ['--accept-server-license-terms', `--server-data-dir=${dataDir}`, `--install-extension=${vsix}`];
    const { stdout } = await execa(process.execPath, [server, ...install], { stdin: 'ignore' });
    assert.match(stdout, /successfully installed/);
    await using workbench = await openWorkbench({ folder, dataDir });
    await workbench.openContainer('NixFleet');
    await workbench.page.getByRole('button', { name: 'Connect to a Relay' }).first().waitFor();
    await workbench.picture('welcome');
  });
});

/** Lists a zip archive's names, sorted. */
const LIST = 'import sys, zipfile; print("\\n".join(sorted(zipfile.ZipFile(sys.argv[1]).namelist())))';
