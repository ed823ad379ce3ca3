import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Milliseconds between the request to end and the kill. */
export const KILL_GRACE_MS = 5000;

/** Sends a signal to every process of a group; false when there is none left. */
export function signalGroup(pgid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-pgid, signal);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Ends a whole process group: SIGTERM, and SIGKILL for what is left after the grace. Returns when it is gone, or as long
 * after the kill: what sits in the kernel is waited for no longer.
 */
export async function endGroup(pgid: number, graceMs = KILL_GRACE_MS): Promise<void> {
  if (!signalGroup(pgid, 'SIGTERM')) return;
  const killAt = performance.now() + graceMs;
  // counted from the kill itself, which may come late on a machine that was busy or asleep
  let killedAt: number | undefined;
  while (groupLives(pgid)) {
    const now = performance.now();
    if (killedAt !== undefined && now - killedAt >= graceMs) return;
    if (now >= killAt) {
      signalGroup(pgid, 'SIGKILL');
      killedAt ??= now;
    }
    await delay(20);
  }
}

/** Whether a process of the group still runs; corpses that nobody has collected do not count. */
export function groupLives(pgid: number): boolean {
  if (!signalGroup(pgid, 0)) return false;
  if (process.platform !== 'linux') return true;
  return processes().some(pid => {
    const { state, group } = readStat(pid);
    return group === pgid && state !== 'Z' && state !== 'X';
  });
}

/** The process group of a process; undefined when there is no such process. */
export function groupOf(pid: number): number | undefined {
  return readStat(pid).group;
}

/** Processes whose environment holds `variable=value`: children that a dead runner left behind. Linux only. */
export function processesMarked(variable: string, value: string): number[] {
  if (process.platform !== 'linux') return [];
  const mark = `${variable}=${value}`;
  return processes().filter(pid => pid !== process.pid && readProc(pid, 'environ').split('\0').includes(mark));
}

function processes(): number[] {
  return readdirSync('/proc').flatMap(name => (/^\d+$/.test(name) ? [Number(name)] : []));
}

/** State and process group (proc(5), fields 3 and 5 of stat). */
function readStat(pid: number): { state: string | undefined; group: number | undefined } {
  const stat = readProc(pid, 'stat');
  const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state, group: group === undefined ? undefined : Number(group) };
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return '';
  }
}
