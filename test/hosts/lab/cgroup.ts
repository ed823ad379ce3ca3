// One cgroup for each lab, in it one for each host and one for the lab's own services, so that a lab is killed in one write.
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { eventually } from './wait.ts';

/** Where cgroup v2 is mounted, on hybrid machines beside v1; undefined where it is not or cannot be written to. */
export function cgroupRoot(): string | undefined {
  return ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'].find(root => {
    try {
      accessSync(join(root, 'cgroup.procs'), constants.W_OK);
      return existsSync(join(root, 'cgroup.controllers'));
    } catch {
      return false;
    }
  });
}

export function labCgroup(id: string): string {
  const root = cgroupRoot();
  if (root === undefined) throw new Error('no writable cgroup v2 hierarchy at /sys/fs/cgroup');
  return join(root, `nixfleet-lab-${id}`);
}

export function makeCgroup(path: string): void {
  mkdirSync(path, { recursive: true });
}

/** Whether a process is left in it or below. Zombies count as gone: PID 1 of this machine may reap slowly. */
function populated(path: string): boolean {
  return readFileSync(join(path, 'cgroup.events'), 'utf8').includes('populated 1');
}

/** Kills everything in it and below at one moment, and waits until all of it is gone. */
export async function killCgroup(path: string): Promise<void> {
  if (!existsSync(path)) return;
  writeFileSync(join(path, 'cgroup.kill'), '1');
  await eventually(() => !populated(path), { what: `the processes of ${path} to end` });
}

/** Removes an empty cgroup and those below it. */
export function removeCgroup(path: string): void {
  if (!existsSync(path)) return;
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) removeCgroup(join(path, entry.name));
  rmdirSync(path);
}
