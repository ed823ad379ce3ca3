// node test/vscode/run.ts SUITE.suite.ts…: runs suites inside VS Code's real extension host, with one call of runTests()
// for desktop VS Code, where it can be downloaded and shown, and for VS Code's server elsewhere (CODE_EXECUTABLE names
// another executable). Exits with the code of the tests; counts go to the record that NIXFLEET_TEST_RECORD names.
import { closeSync, mkdirSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runTests } from '@vscode/test-electron';
import { build } from 'esbuild';
import '../../scripts/test/polite-end.ts';
import { SUITES_VARIABLE, type SuitesInHost } from './suites.ts';

const root = join(import.meta.dirname, '../..');

process.exitCode = await runSuites(process.argv.slice(2));

async function runSuites(suites: readonly string[]): Promise<number> {
  const scratch = mkdtempSync(join(tmpdir(), 'nixfleet-suites-'));
  // below the project, so that the bundles find its mocha
  mkdirSync(join(root, '.cache'), { recursive: true });
  const bundles = mkdtempSync(join(root, '.cache/suites-'));
  process.once('exit', () => {
    for (const folder of [scratch, bundles]) rmSync(folder, { recursive: true, force: true });
  });
  const files = await bundle(suites, bundles);
  const workspace = join(scratch, 'workspace');
  mkdirSync(workspace);
  const output = join(scratch, 'output');
  writeFileSync(output, '');
  const grep = process.env['NIXFLEET_TEST_GREP'];
  const inHost: SuitesInHost = { files, output, node: process.execPath, ...(grep === undefined ? {} : { grep }) };

  const stopPrinting = printAsItGrows(output);
  try {
    const executable = codeExecutable();
    return await runTests({
      ...(executable === undefined ? {} : { vscodeExecutablePath: executable }),
      // with the language id that nix-ide gives to .nix files
      extensionDevelopmentPath: [root, join(root, 'test/vscode/nix-language')],
      extensionTestsPath: join(bundles, 'index.cjs'),
      extensionTestsEnv: { [SUITES_VARIABLE]: JSON.stringify(inHost) },
      launchArgs: [workspace, '--disable-extensions'],
    });
  } catch (error) {
    stopPrinting();
    console.error(error instanceof Error ? error.message : error);
    return 1;
  } finally {
    stopPrinting();
  }
}

/** Desktop VS Code needs a display; elsewhere the launcher shows the same window in a browser. */
function codeExecutable(): string | undefined {
  const display = process.platform === 'darwin' || process.env['DISPLAY'] !== undefined;
  return process.env['CODE_EXECUTABLE'] ?? (display ? undefined : join(root, 'test/vscode/bin/code.mjs'));
}

/** As CommonJS: an ES module that imports `vscode` deadlocks the extension host (microsoft/vscode#285297). */
async function bundle(suites: readonly string[], outdir: string): Promise<string[]> {
  const entries = Object.fromEntries(suites.map(suite => [suite.replaceAll('/', '-'), join(root, suite)]));
  await build({
    entryPoints: { index: join(root, 'test/vscode/suite/index.ts'), ...entries },
    outdir,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node22',
    sourcemap: 'inline',
    external: ['vscode', 'mocha'],
    logLevel: 'warning',
  });
  return Object.keys(entries).map(name => join(outdir, `${name}.cjs`));
}

/** Prints a file that others append to; gives the function that prints what is left and stops. */
function printAsItGrows(file: string): () => void {
  const descriptor = openSync(file, 'r');
  const buffer = Buffer.alloc(64 * 1024);
  const print = () => {
    for (let n = readSync(descriptor, buffer); n > 0; n = readSync(descriptor, buffer)) {
      process.stdout.write(Uint8Array.from(buffer.subarray(0, n)));
    }
  };
  const timer = setInterval(print, 100);
  let open = true;
  return () => {
    if (!open) return;
    open = false;
    clearInterval(timer);
    print();
    closeSync(descriptor);
  };
}
