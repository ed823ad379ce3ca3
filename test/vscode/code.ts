// Takes the arguments of desktop VS Code's executable for a run of extension tests, and does the same with VS Code's
// server and a headless browser: for `vscodeExecutablePath` of @vscode/test-electron. Exits with the code of the tests.
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format } from 'node:util';
import type { Page } from 'playwright-core';
import '../../scripts/test/polite-end.ts';
import { startBrowser } from './browser.ts';
import { startServer, type WindowOptions } from './server.ts';

/** How long a run of the extension's tests may take, in milliseconds. */
const DEADLINE = Number(process.env['CODE_TEST_TIMEOUT'] ?? 10 * 60_000);

const { window, extensions } = parse(process.argv.slice(2));
const log: string[] = [];
process.exitCode = await runInWindow(window).catch((error: unknown) => {
  log.push(format(error));
  return 1;
});
if (process.exitCode !== 0) console.error(log.join('\n'));

async function runInWindow(options: WindowOptions): Promise<number> {
  await using server = await startServer({
    underDevelopment: true,
    extensions,
    onOutput: text => log.push(text.trimEnd()),
  });
  await using browser = await startBrowser();
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const exit = testsExit(page);
  const died = server.ended.then(how => Promise.reject(new Error(`VS Code's server ended: ${how}`)));
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error(`the tests have not ended after ${DEADLINE / 1000} s`)), DEADLINE).unref();
  });
  await page.goto(server.url(options));
  return await Promise.race([exit, died, late]);
}

/** The workbench reports to two functions that it expects its driver to have put into the page. */
async function testsExit(page: Page): Promise<number> {
  return await new Promise((done, failed) => {
    page.on('crash', () => failed(new Error('the page crashed')));
    const print = (type: string, args: unknown[]) => {
      log.push(`[${type}] ${format(...args)}`);
    };
    Promise.all([
      page.exposeFunction('codeAutomationLog', print),
      page.exposeFunction('codeAutomationExit', (code: number) => done(code)),
    ]).catch(failed);
  });
}

interface Parsed {
  readonly window: WindowOptions;
  /** To be installed: a browser's window takes one extension under development only. */
  readonly extensions: readonly string[];
}

function parse(args: readonly string[]): Parsed {
  const value = (name: string) =>
    args.filter(arg => arg.startsWith(`--${name}=`)).map(arg => toPath(arg.slice(name.length + 3)));
  const [extensionTestsPath] = value('extensionTestsPath');
  if (extensionTestsPath === undefined) {
    console.error('This runs extension tests only: --extensionTestsPath is missing.');
    process.exit(2);
  }
  const folder = args
    .filter(arg => !arg.startsWith('-'))
    .map(toPath)
    .find(isFolder);
  const [developed, ...extensions] = value('extensionDevelopmentPath');
  return {
    window: {
      ...(folder === undefined ? {} : { folder }),
      ...(developed === undefined ? {} : { extensionDevelopmentPath: developed }),
      extensionTestsPath,
      // nothing else is installed there
      disableExtensions: args.includes('--disable-extensions') && extensions.length === 0,
    },
    extensions,
  };
}

function toPath(pathOrUri: string): string {
  return pathOrUri.startsWith('file:') ? fileURLToPath(pathOrUri) : resolve(pathOrUri);
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
