// Who owns which lab. A lab is a folder in the cache that names its owner, so that one whose owner died can be found.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { teardown } from './teardown.ts';

interface Owner {
  readonly pid: number;
  /** In clock ticks since boot: a recycled pid is not mistaken for the owner. */
  readonly startTime: string;
  readonly bootId: string;
}

/** Field 22 of /proc/PID/stat; undefined when the process is gone, also as a zombie. */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
const labsIn = (cache: string): string => join(cache, 'labs');

/** Makes the folder of a new lab, owned by this process; returns its id. */
export function register(cache: string): string {
  const id = randomBytes(3).toString('hex');
  const folder = join(labsIn(cache), id);
  const unfinished = `${folder}.new`;
  mkdirSync(unfinished, { recursive: true });
  const owner: Owner = { pid: process.pid, startTime: startTime(process.pid) ?? '', bootId: bootId() };
  writeFileSync(join(unfinished, 'owner.json'), JSON.stringify(owner));
  renameSync(unfinished, folder);
  return id;
}

function alive(owner: Owner): boolean {
  return owner.bootId === bootId() && startTime(owner.pid) === owner.startTime;
}

/** The ids of the labs in `cache` whose owner lives. */
export function liveLabs(cache: string): string[] {
  return labs(cache).filter(id => ownerLives(cache, id));
}

function labs(cache: string): string[] {
  return existsSync(labsIn(cache)) ? readdirSync(labsIn(cache)).filter(name => /^[0-9a-f]{6}$/.test(name)) : [];
}

function ownerLives(cache: string, id: string): boolean {
  try {
    return alive(JSON.parse(readFileSync(join(labsIn(cache), id, 'owner.json'), 'utf8')) as Owner);
  } catch {
    return false;
  }
}

/** Removes what labs with a dead owner left behind; returns their ids. */
export async function sweep(cache: string): Promise<string[]> {
  const dead = labs(cache).filter(id => !ownerLives(cache, id));
  for (const id of dead) await teardown(cache, id);
  return dead;
}

/** Takes a lab down when asked to, and by itself when this process ends, in whatever way it ends. */
export interface Janitor {
  close(): Promise<void>;
}

/**
 * Starts the lab's janitor: a shell, in a session of its own, that waits for the end of a pipe which only this process
 * holds open. A Ctrl-C, a crash and `kill -9` all end the pipe.
 */
export function startJanitor(cache: string, id: string): Janitor {
  const janitor = execa(
    'sh',
    ['-c', 'read -r _; exec "$@"', 'janitor', process.execPath, join(import.meta.dirname, 'teardown.ts'), cache, id],
    { detached: true, cleanup: false, reject: false, stdin: 'pipe', stdout: 'ignore', stderr: 'pipe', cwd: '/' },
  );
  // it does not keep this process alive
  const handles = [janitor.nodeChildProcess, janitor.stdin, janitor.stderr] as unknown as {
    ref(): void;
    unref(): void;
  }[];
  for (const handle of handles) handle.unref();
  return {
    async close() {
      for (const handle of handles) handle.ref();
      janitor.stdin.end();
      const { failed, stderr } = await janitor;
      if (failed) throw new Error(`lab ${id} was not taken down whole: ${stderr}`);
    },
  };
}
