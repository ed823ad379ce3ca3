// Installs what a VS Code window needs on a machine without one: VS Code's own server, and a browser to show it.
// Both are installed only where they are missing, and stay.
import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, lstatSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { dependenciesAreInstalled } from '../../scripts/node24.mjs';

/** The package that VS Code's server is installed from. */
const here = join(import.meta.dirname, 'server');

/** The root of VS Code's server, as code-server ships it. */
export const vscodeRoot = join(here, 'node_modules/code-server/lib/vscode');

export type Ensured<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
}

/** Runs a command that prints for itself; gives its exit code. */
export type Run = (command: Command) => Promise<{ readonly code: number | null }>;

const runHere: Run = ({ file, args, cwd }) =>
  new Promise(resolve => {
    const child = spawn(file, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
    child.once('error', () => resolve({ code: 127 }));
    child.once('exit', code => resolve({ code }));
  });

/** Makes sure of VS Code's server; gives its root. */
export async function ensureServer(run: Run = runHere): Promise<Ensured<string>> {
  if (!dependenciesAreInstalled(here)) {
    console.log("Installing VS Code's server for tests and the demo (npm ci in test/vscode/server)…");
    const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    const { code } = await run({ file: 'npm', args, cwd: here });
    if (code !== 0)
      return { ok: false, reason: `VS Code's server could not be installed (npm ci in test/vscode/server)` };
  }
  linkModules();
  removeUnused();
  refuseOtherVersions();
  return { ok: true, value: vscodeRoot };
}

/**
 * The window loads its modules from `node_modules` in the server's root, where code-server would install all of VS Code's
 * dependencies, 0.4 GB of them. Ours are the few that a window without AI needs, and lie one place higher.
 */
function linkModules(): void {
  const link = join(vscodeRoot, 'node_modules');
  if (lstatSync(link, { throwIfNoEntry: false }) === undefined) symlinkSync('../../..', link);
}

/** Built-in extensions that would complain about modules that are not there, or ask people to sign in. */
function removeUnused(): void {
  for (const extension of ['copilot', 'mermaid-markdown-features', 'typescript-language-features']) {
    rmSync(join(vscodeRoot, 'extensions', extension), { recursive: true, force: true });
  }
}

/** Whoever raises code-server's version must raise the modules with it, to what that VS Code was built with. */
function refuseOtherVersions(): void {
  const wanted = (JSON.parse(readFileSync(join(vscodeRoot, 'npm-shrinkwrap.json'), 'utf8')) as Lock).packages;
  const ours = (JSON.parse(readFileSync(join(here, 'package.json'), 'utf8')) as Manifest).devDependencies;
  const wrong = Object.entries(ours).flatMap(([name, version]) => {
    const right = wanted[`node_modules/${name}`]?.version;
    return right === undefined || version.startsWith('file:') || version === right ? [] : [`${name} must be ${right}`];
  });
  if (wrong.length > 0)
    throw new Error(`test/vscode/server/package.json does not fit code-server: ${wrong.join(', ')}`);
}

interface Lock {
  readonly packages: Readonly<Record<string, { readonly version?: string }>>;
}

interface Manifest {
  readonly devDependencies: Readonly<Record<string, string>>;
}

/** Makes sure of a Chromium (or of what `CHROMIUM_PATH` names); gives the path of the program. */
export async function ensureChromium(run: Run = runHere): Promise<Ensured<string>> {
  const named = process.env['CHROMIUM_PATH'];
  if (named !== undefined) {
    return existsSync(named)
      ? { ok: true, value: named }
      : { ok: false, reason: `CHROMIUM_PATH is ${named}: no such file` };
  }
  const found = findChromium();
  if (found !== undefined) return { ok: true, value: found };
  const advice = 'install the package chromium, or set CHROMIUM_PATH';
  if (inPath('apt-get') === undefined || process.getuid?.() !== 0)
    return { ok: false, reason: `no Chromium: ${advice}` };

  const packages = ['chromium-headless-shell', 'fonts-dejavu-core'];
  console.log(`Installing a browser for the tests (apt-get install ${packages.join(' ')})…`);
  const script = `
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update >/dev/null
    apt-get -qq -y install --no-install-recommends ${packages.join(' ')} >/dev/null`;
  const { code } = await run({ file: 'sh', args: ['-c', script], cwd: here });
  const installed = findChromium();
  if (code !== 0 || installed === undefined)
    return { ok: false, reason: `apt-get could not install a Chromium: ${advice}` };
  return { ok: true, value: installed };
}

function findChromium(): string | undefined {
  const names = ['chromium-headless-shell', 'chromium', 'google-chrome-stable', 'google-chrome'];
  const mac = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';
  return names.map(inPath).find(path => path !== undefined) ?? (existsSync(mac) ? mac : undefined);
}

function inPath(name: string): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map(folder => join(folder, name))
    .find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
