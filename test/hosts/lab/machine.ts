// The machine that the lab stands on: what it must be able to do, the Debian packages the lab needs there, its mirror.
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { execa } from 'execa';
import { cgroupRoot } from './cgroup.ts';

/** Programs the lab calls, and the Debian package that brings each where it is missing. */
const PROGRAMS: Readonly<Record<string, string>> = {
  mmdebstrap: 'mmdebstrap',
  'systemd-nspawn': 'systemd-container',
  ip: 'iproute2',
  git: 'git',
  openssl: 'openssl',
  mount: 'mount',
  'mkfs.ext4': 'e2fsprogs',
};

export type Log = (line: string) => void;

function onPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some(folder => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function missingPackages(): string[] {
  return Object.entries(PROGRAMS).flatMap(([program, name]) => (onPath(program) ? [] : [name]));
}

/** Why hosts cannot be booted on this machine, as the end of a sentence; undefined where they can. */
export async function unsupported(): Promise<string | undefined> {
  if (process.platform !== 'linux') return `hosts need Linux, this is ${process.platform}`;
  if (process.arch !== 'x64' && process.arch !== 'arm64') return `there are no hosts for the processor ${process.arch}`;
  if (process.getuid?.() !== 0) return 'booting hosts needs root';
  const missing = missingPackages();
  if (missing.length > 0 && !(existsSync('/etc/debian_version') && onPath('apt-get')))
    return `${missing.join(', ')} must be installed first: that is done by itself on Debian only`;
  if (!/^\S*\s*overlay$/m.test(readFileSync('/proc/filesystems', 'utf8')))
    return 'the kernel has no overlay file system';
  const root = cgroupRoot();
  if (root === undefined) return 'no writable cgroup v2 hierarchy at /sys/fs/cgroup';
  if (!existsSync(join(root, 'cgroup.kill')) && !kernelHasCgroupKill()) return 'Linux 5.14 or newer is needed';
  const namespaces = await execa('unshare', ['--mount', '--net', '--pid', '--uts', '--ipc', '--fork', 'true'], {
    reject: false,
    stdin: 'ignore',
  });
  if (namespaces.failed) return `no namespaces can be made here: ${namespaces.stderr || namespaces.shortMessage}`;
  return undefined;
}

/** The root cgroup has no `cgroup.kill` of its own, so the kernel's version is all there is to go by. */
function kernelHasCgroupKill(): boolean {
  const [major = 0, minor = 0] = readFileSync('/proc/sys/kernel/osrelease', 'utf8').split('.').map(Number);
  return major > 5 || (major === 5 && minor >= 14);
}

const apt = { env: { DEBIAN_FRONTEND: 'noninteractive' }, stdin: 'ignore', all: true } as const;

async function updateLists(log: Log): Promise<void> {
  log('Reading the package lists of this machine’s Debian mirror…');
  await execa('apt-get', ['update'], apt);
}

/** Installs what is missing; says so before it does. */
export async function installMissing(log: Log): Promise<void> {
  const packages = missingPackages();
  if (packages.length === 0) return;
  log(`Installing Debian packages that test hosts need: ${packages.join(', ')}…`);
  const install = () => execa('apt-get', ['install', '--yes', '--no-install-recommends', ...packages], apt);
  // lists may be absent (a container image) or too old to find the files they name
  await install().catch(async () => {
    await updateLists(log);
    await install();
  });
}

/** The address of the Debian mirror that this machine is set up with. */
export async function debianMirror(log: Log): Promise<string> {
  const find = async () => {
    const targets = await execa('apt-get', [
      'indextargets',
      '--format',
      '$(REPO_URI)',
      'Origin: Debian',
      'Label: Debian',
    ]);
    return targets.stdout.split('\n').sort()[0];
  };
  let mirror = await find();
  if (!mirror) {
    await updateLists(log);
    mirror = await find();
  }
  if (!mirror) throw new Error('apt on this machine knows no Debian mirror, so no root file system can be made');
  return mirror;
}

/** apt's own way to that mirror (proxy, certificates, whether to mind dates), as options for another apt. */
export async function mirrorOptions(): Promise<string[]> {
  const { stdout } = await execa('apt-config', ['dump']);
  return stdout
    .split('\n')
    .filter(line => /^Acquire::(https?::(Proxy|CaInfo|Verify)|Check-|Retries)\S* "[^"]+";$/.test(line));
}
