// VS Code's own server: what a desktop window is, on any machine, for tests and for the demo. Started here, stopped whole.
import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { vscodeRoot } from './setup.ts';

export interface ServerOptions {
  /** Where the server keeps everything: settings, state, logs, sockets. Without it a temporary folder, gone after {@link VscodeServer.stop}. */
  readonly dataDir?: string;
  /** User settings, over those that keep the window quiet. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Environment of the server and of its extension host, over this process's own. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** Whoever has no token gets no window. Without one the server is open to everybody on this machine: for tests only. */
  readonly connectionToken?: string;
  /** The folder that a window opens when its address names none. */
  readonly defaultFolder?: string;
  /** Folders of extensions to install, each as it would ship: what its `.vscodeignore` lets through. */
  readonly extensions?: readonly string[];
  /**
   * Windows may load extensions under development, and their tests. VS Code then behaves as under its own smoke tests:
   * above all it shows no notifications. For people, and for tests of what people see, install the extension instead.
   */
  readonly underDevelopment?: boolean;
  /** Folders are not trusted unless a person trusts them, as VS Code comes. Without it every folder is. */
  readonly workspaceTrust?: boolean;
  /** Gets what the server prints, as it comes. */
  readonly onOutput?: (text: string) => void;
}

/** What desktop VS Code takes as command line arguments. */
export interface WindowOptions {
  readonly folder?: string;
  readonly extensionDevelopmentPath?: string | readonly string[];
  readonly extensionTestsPath?: string;
  readonly disableExtensions?: boolean;
}

export interface VscodeServer extends AsyncDisposable {
  readonly port: number;
  readonly dataDir: string;
  /** The address of a window, with the connection token if there is one. */
  url(window?: WindowOptions): string;
  /** Everything that the server has printed. */
  output(): string;
  /** Settles when the server has ended, with how. */
  readonly ended: Promise<string>;
  /** Ends the server and every process it started. */
  stop(): Promise<void>;
}

/** Settings that keep a window to the extension that is tried. */
const QUIET: Readonly<Record<string, unknown>> = {
  'chat.disableAIFeatures': true,
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': 'off',
  'extensions.ignoreRecommendations': true,
  'files.autoSave': 'off', // a browser window saves by itself unless told
  'git.openRepositoryInParentFolders': 'never',
  'security.workspace.trust.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
};

/** A folder is not trusted, and nobody asks whether it is. */
const UNTRUSTED: Readonly<Record<string, unknown>> = {
  'security.workspace.trust.enabled': true,
  'security.workspace.trust.startupPrompt': 'never',
  'security.workspace.trust.banner': 'never',
};

/** How long the server may take to listen, in milliseconds. */
const START_DEADLINE = 60_000;
/** How long it may take to end by itself once it was asked to, in milliseconds. */
const STOP_DEADLINE = 3_000;

/** Starts the server that {@link file://./setup.ts} installed. Throws what the server printed when it does not start. */
export async function startServer(options: ServerOptions = {}): Promise<VscodeServer> {
  const temporary = options.dataDir === undefined;
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'vscode-'));
  const settingsFile = join(dataDir, 'data/User/settings.json');
  mkdirSync(join(dataDir, 'data/User'), { recursive: true });
  mkdirSync(join(dataDir, 'extensions'), { recursive: true });
  for (const extension of options.extensions ?? []) install(extension, join(dataDir, 'extensions'));
  const trust = options.workspaceTrust === true ? UNTRUSTED : {};
  const settings = { ...QUIET, ...trust, ...readSettings(settingsFile), ...options.settings };
  writeFileSync(settingsFile, `${JSON.stringify(settings, undefined, 2)}\n`);

  const child = spawn(process.execPath, [join(vscodeRoot, 'out/server-main.js'), ...serverArgs(options, dataDir)], {
    env: serverEnv(dataDir, options.env),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a process group of its own: a polite end leaves the extension host alive
  });
  const killAll = () => {
    if (child.pid !== undefined) killGroup(child.pid);
    if (temporary) rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
  };
  process.once('exit', killAll);

  let output = '';
  const ended = new Promise<string>(done => {
    child.once('error', error => done(error.message));
    child.once('exit', (code, signal) => done(signal ?? `exit code ${code ?? 'unknown'}`));
  });
  const listening = new Promise<number>(found => {
    const onData = (data: Buffer) => {
      output += data.toString();
      options.onOutput?.(data.toString());
      const port = /Extension host agent listening on (\d+)/.exec(output)?.[1];
      if (port !== undefined) found(Number(port));
    };
    child.stdout.on('data', onData);
    child.stderr.on('data', onData);
  });

  const stop = async () => {
    process.off('exit', killAll);
    child.kill('SIGTERM');
    await within(STOP_DEADLINE, ended);
    killAll();
    await ended;
  };

  const trouble = Promise.race([ended, deadline(START_DEADLINE)]);
  const port = await Promise.race([listening, trouble]);
  if (typeof port !== 'number') {
    await stop();
    throw new Error(`VS Code's server did not start (${port}):\n${output}`);
  }
  return {
    port,
    dataDir,
    ended,
    stop,
    [Symbol.asyncDispose]: stop,
    output: () => output,
    url: window => {
      const developed = window?.extensionDevelopmentPath ?? window?.extensionTestsPath;
      if (developed !== undefined && options.underDevelopment !== true) {
        throw new Error(
          'extensions under development are loaded only by a server that was started with underDevelopment',
        );
      }
      return windowUrl(port, options.connectionToken, window);
    },
  };
}

function serverArgs(options: ServerOptions, dataDir: string): string[] {
  const { defaultFolder, port = 0, underDevelopment = false } = options;
  return [
    '--host=127.0.0.1',
    `--port=${port}`,
    tokenArg(options.connectionToken, dataDir),
    `--server-data-dir=${dataDir}`,
    '--accept-server-license-terms',
    '--telemetry-level=off',
    ...(options.workspaceTrust === true ? [] : ['--disable-workspace-trust']),
    // without it a built server ignores extensionDevelopmentPath and extensionTestsPath
    ...(underDevelopment ? ['--enable-smoke-test-driver'] : []),
    ...(defaultFolder === undefined ? [] : [`--default-folder=${resolve(defaultFolder)}`]),
  ];
}

/** In a file, because everybody on the machine may read a process's arguments. */
function tokenArg(token: string | undefined, dataDir: string): string {
  if (token === undefined) return '--without-connection-token';
  const file = join(dataDir, 'connection-token');
  writeFileSync(file, token, { mode: 0o600 });
  return `--connection-token-file=${file}`;
}

function serverEnv(dataDir: string, extra: ServerOptions['env']): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(npm_|VSCODE_|ELECTRON_)/.test(name));
  return {
    ...Object.fromEntries(own),
    // its sockets go away with its data
    TMPDIR: dataDir,
    XDG_RUNTIME_DIR: dataDir,
    // no marketplace
    EXTENSIONS_GALLERY: '{}',
    // the environment as it is here, without what a login shell would put before it
    VSCODE_CLI: '1',
    ...extra,
  };
}

/**
 * The workbench's address. Its `payload` holds what a desktop window has on its command line; paths there are those of
 * a remote window, whose authority must be the very host and port of the page.
 */
function windowUrl(port: number, token: string | undefined, window: WindowOptions = {}): string {
  const authority = `127.0.0.1:${port}`;
  const remote = (path: string) => `vscode-remote://${authority}${resolve(path)}`;
  const developed = [window.extensionDevelopmentPath ?? []].flat();
  const payload = [
    ...developed.map(path => ['extensionDevelopmentPath', remote(path)]),
    ...(window.extensionTestsPath === undefined ? [] : [['extensionTestsPath', remote(window.extensionTestsPath)]]),
    ...(window.disableExtensions === true ? [['disableExtensions', 'true']] : []),
  ];
  const query = new URLSearchParams();
  if (token !== undefined) query.set('tkn', token);
  if (window.folder !== undefined) query.set('folder', resolve(window.folder));
  if (payload.length > 0) query.set('payload', JSON.stringify(payload));
  const search = query.toString();
  return `http://${authority}/${search === '' ? '' : `?${search}`}`;
}

/** Copies what ships of an extension: the names that an allow-list in `.vscodeignore` excepts, or else all of it. */
function install(extension: string, folder: string): void {
  const { publisher, name, version } = readJson(join(extension, 'package.json'));
  const target = join(folder, `${String(publisher)}.${String(name)}-${String(version)}`.toLowerCase());
  rmSync(target, { recursive: true, force: true });
  const ignore = join(extension, '.vscodeignore');
  const shipped = existsSync(ignore) ? exceptionsOf(readFileSync(ignore, 'utf8')) : ['**'];
  for (const file of globSync(shipped, { cwd: extension, exclude: ['**/node_modules', '.git'] })) {
    if (statSync(join(extension, file)).isFile()) cpSync(join(extension, file), join(target, file));
  }
}

function exceptionsOf(vscodeignore: string): string[] {
  return vscodeignore.split('\n').flatMap(line => (line.startsWith('!') ? [line.slice(1).trim()] : []));
}

function readSettings(file: string): Record<string, unknown> {
  return existsSync(file) ? readJson(file) : {};
}

function readJson(file: string): Record<string, unknown> {
  return JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
}

function killGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL');
  } catch {
    // nobody is left in it
  }
}

async function deadline(milliseconds: number): Promise<string> {
  await new Promise(resolve => setTimeout(resolve, milliseconds).unref());
  return `nothing after ${milliseconds / 1000} s`;
}

async function within(milliseconds: number, happening: Promise<unknown>): Promise<void> {
  await Promise.race([happening, deadline(milliseconds)]);
}
