/** Who a process is: its pid, the boot it belongs to and when it began, so that a recycled pid is never mistaken for it. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import * as z from 'zod';

export const processIdentitySchema = z.object({
  pid: z.int().positive(),
  /** Compared, never read: clock ticks since boot on Linux (proc(5), field 22 of stat), `ps -o lstart=` elsewhere. */
  startTime: z.string().max(64),
  bootId: z.string().max(64),
});
export type ProcessIdentity = z.infer<typeof processIdentitySchema>;

let knownBootId: string | undefined;

/** The id of this boot of the host: new after every restart of the machine. */
export function bootId(): string {
  knownBootId ??= (
    process.platform === 'linux'
      ? readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')
      : execFileSync('sysctl', ['-n', 'kern.bootsessionuuid'], { encoding: 'utf8' })
  ).trim();
  return knownBootId;
}

/** When a process began, as an opaque text; undefined when there is none by that id, or only its corpse. */
export function processStartTime(pid: number): string | undefined {
  if (process.platform !== 'linux') return startTimeByPs(pid);
  const stat = readProc(pid, 'stat');
  if (stat === undefined) return undefined;
  // the command's name may hold spaces and parentheses: count from the last one
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

/** The identity of a running process; undefined when there is none by that id. */
export function processIdentity(pid: number = process.pid): ProcessIdentity | undefined {
  const startTime = processStartTime(pid);
  return startTime === undefined ? undefined : { pid, startTime, bootId: bootId() };
}

/** The identity of this process. */
export function selfIdentity(): ProcessIdentity {
  const identity = processIdentity();
  if (!identity) throw new Error(`process ${process.pid} does not find itself`);
  return identity;
}

/** Whether that very process still runs. */
export function isRunning(identity: ProcessIdentity): boolean {
  return identity.bootId === bootId() && processStartTime(identity.pid) === identity.startTime;
}

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}

function startTimeByPs(pid: number): string | undefined {
  try {
    const line = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
    return line === '' || line.startsWith('Z') ? undefined : line.slice(line.indexOf(' ')).trim();
  } catch {
    return undefined;
  }
}
