// The root file system that every host of every lab lies on: Debian with systemd, Nix and git, made once and kept.
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { debianMirror, mirrorOptions, type Log } from './machine.ts';
import { withLock } from './lock.ts';

const SUITE = 'trixie';
const PACKAGES = [
  'systemd',
  'systemd-sysv',
  'dbus',
  'polkitd',
  'nix-bin',
  'git',
  'openssh-client',
  'openssh-server',
  'ca-certificates',
  'iproute2',
  'iputils-ping',
  'procps',
  'curl',
  'hostname',
  'less',
  'sudo',
  'libstdc++6',
  'libfaketime',
];
const FILES = join(import.meta.dirname, 'rootfs');
const CUSTOMIZE = join(import.meta.dirname, 'customize.sh');

/** A name that changes with everything the root file system is made of. */
function key(): string {
  const hash = createHash('sha256').update(JSON.stringify([SUITE, PACKAGES, process.arch]));
  hash.update(readFileSync(CUSTOMIZE));
  for (const file of globSync('**', { cwd: FILES }).sort())
    if (statSync(join(FILES, file)).isFile()) hash.update(file).update(readFileSync(join(FILES, file)));
  return hash.digest('hex').slice(0, 16);
}

/** Makes the root file system in `cache` if it is not there yet; returns its path. It is never written to afterwards. */
export async function ensureRootfs(cache: string, log: Log): Promise<string> {
  const path = join(cache, `rootfs-${key()}`);
  if (existsSync(path)) return path;
  return withLock(join(cache, 'rootfs.lock'), async () => {
    if (existsSync(path)) return path;
    const start = performance.now();
    log('Making the root file system of the test hosts (once, about a minute)…');
    const unfinished = `${path}.unfinished`;
    rmSync(unfinished, { recursive: true, force: true });
    await bootstrap(unfinished, log);
    await customize(unfinished);
    renameSync(unfinished, path);
    removeOutdated(cache, path);
    log(`Made ${path} in ${((performance.now() - start) / 1000).toFixed(0)} s`);
    return path;
  });
}

/** Removes root file systems of other makes, unless a host of an older checkout lies on them. */
function removeOutdated(cache: string, current: string): void {
  const mounts = readFileSync('/proc/mounts', 'utf8');
  for (const name of readdirSync(cache).filter(name => name.startsWith('rootfs-'))) {
    const path = join(cache, name);
    if (path !== current && !mounts.includes(`lowerdir=${path},`)) rmSync(path, { recursive: true, force: true });
  }
}

async function bootstrap(target: string, log: Log): Promise<void> {
  const mirror = await debianMirror(log);
  const build = execa(
    'mmdebstrap',
    [
      '--variant=minbase',
      '--mode=root',
      `--include=${PACKAGES.join(',')}`,
      ...['doc', 'man', 'info', 'locale'].map(folder => `--dpkgopt=path-exclude=/usr/share/${folder}/*`),
      '--dpkgopt=force-unsafe-io',
      ...(await mirrorOptions()).map(option => `--aptopt=${option}`),
      SUITE,
      target,
      mirror,
    ],
    { stdin: 'ignore', stdout: 'ignore', stderr: 'pipe', env: { DEBIAN_FRONTEND: 'noninteractive' } },
  );
  for await (const line of build.iterable({ from: 'stderr' }))
    if (line.startsWith('I: ')) log(`  ${line.slice('I: '.length)}`);
  await build;
}

async function customize(target: string): Promise<void> {
  cpSync(FILES, target, { recursive: true });
  const script = join(target, 'customize.sh');
  cpSync(CUSTOMIZE, script);
  chmodSync(script, 0o755);
  mkdirSync(join(target, 'proc'), { recursive: true });
  // /proc in a mount namespace that ends with the script
  await execa(
    'unshare',
    ['--mount', 'sh', '-c', 'mount -t proc proc "$0/proc" && exec chroot "$0" /customize.sh', target],
    { stdin: 'ignore' },
  );
  rmSync(script);
}
