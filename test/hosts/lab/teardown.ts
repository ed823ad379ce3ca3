// Takes a lab down: processes, cgroups, mounts, network namespaces, files. Needs nothing but the lab's id, can be run again
// after it was interrupted, and beside another that takes the same lab down.
// Also a program: `node teardown.ts CACHE ID`, which the lab's janitor runs.
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { killCgroup, labCgroup, removeCgroup } from './cgroup.ts';
import { eventually } from './wait.ts';

const NAMESPACES = '/run/netns';
const NSPAWN = '/run/systemd/nspawn';

/** What every name that the lab gives outside of its folder begins with: network namespaces, machines. */
export function prefix(id: string): string {
  return `nf-${id}`;
}

const quietly = { reject: false, stdin: 'ignore' } as const;

/** Mount points at or below `folder`, the deepest first. */
function mountsBelow(folder: string): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map(line =>
      (line.split(' ')[4] ?? '').replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))),
    )
    .filter(point => point === folder || point.startsWith(`${folder}/`))
    .sort((a, b) => b.length - a.length);
}

async function unmountBelow(folder: string): Promise<void> {
  for (const point of mountsBelow(folder)) {
    const plain = await execa('umount', [point], quietly);
    if (plain.failed) await execa('umount', ['--lazy', point], quietly);
  }
}

/** nspawn, killed, leaves a lock named after its root folder and a folder named after the machine. */
async function removeNspawnTraces(id: string, roots: readonly string[]): Promise<void> {
  for (const root of roots) {
    const { dev, ino } = statSync(root);
    rmSync(join(NSPAWN, 'locks', `inode-${dev}:${ino}`), { force: true });
  }
  if (!existsSync(NSPAWN)) return;
  for (const kind of readdirSync(NSPAWN))
    for (const name of readdirSync(join(NSPAWN, kind)).filter(name => name.startsWith(`${prefix(id)}-`))) {
      await unmountBelow(join(NSPAWN, kind, name));
      rmSync(join(NSPAWN, kind, name), { recursive: true, force: true });
    }
}

export async function teardown(cache: string, id: string): Promise<void> {
  const folder = join(cache, 'labs', id);
  const cgroup = labCgroup(id);
  // a process that was just about to move in can come a moment after the others were killed
  await eventually(
    async () => {
      await killCgroup(cgroup);
      removeCgroup(cgroup);
      return true;
    },
    { what: `the cgroup of lab ${id} to be gone` },
  );
  await removeNspawnTraces(
    id,
    mountsBelow(folder).filter(point => basename(point) === 'root'),
  );
  await unmountBelow(folder);
  const namespaces = existsSync(NAMESPACES) ? readdirSync(NAMESPACES) : [];
  for (const name of namespaces.filter(name => name === prefix(id) || name.startsWith(`${prefix(id)}-`)))
    await execa('ip', ['netns', 'delete', name], quietly);
  // an overlay that is still mounted is left alone
  await execa('rm', ['-rf', '--one-file-system', folder], { stdin: 'ignore' });
}

if (process.argv[1] === import.meta.filename) {
  const [cache, id] = process.argv.slice(2);
  if (cache === undefined || id === undefined || !/^[0-9a-f]{6}$/.test(id))
    throw new Error('usage: teardown.ts CACHE ID');
  await teardown(cache, id);
}
