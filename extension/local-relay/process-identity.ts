/** Who a process is: its pid, the boot it belongs to and when it began, so that a recycled pid is never mistaken for it. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import * as z from 'zod';

export const processIdentitySchema = z.object({
  pid: z.int().positive(),
  /** Compared, never read: clock ticks since boot on Linux (proc(5), field 22 of stat), `ps -o lstart=` elsewhere. */
  startTime: z.string().max(64),
  bootId: z.string().max(64),
});
export type ProcessIdentity = z.infer<typeof processIdentitySchema>;

let thisBoot: Promise<string> | undefined;

/** The identity of a running process; undefined when there is none by that id, or only its corpse. */
export async function processIdentity(pid: number): Promise<ProcessIdentity | undefined> {
  const startTime = process.platform === 'linux' ? await startTimeByProc(pid) : await startTimeByPs(pid);
  return startTime === undefined ? undefined : { pid, startTime, bootId: await bootId() };
}

/** Whether that very process still runs. */
export async function isRunning(identity: ProcessIdentity): Promise<boolean> {
  const found = await processIdentity(identity.pid);
  return found?.startTime === identity.startTime && found.bootId === identity.bootId;
}

function bootId(): Promise<string> {
  thisBoot ??=
    process.platform === 'linux'
      ? readFile('/proc/sys/kernel/random/boot_id', 'utf8').then(text => text.trim())
      : run('sysctl', '-n', 'kern.bootsessionuuid').then(text => text.trim());
  return thisBoot;
}

async function startTimeByProc(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // the command's name may hold spaces and parentheses: count from the last one
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

async function startTimeByPs(pid: number): Promise<string | undefined> {
  const line = (await run('ps', '-o', 'stat=,lstart=', '-p', String(pid)).catch(() => '')).trim();
  return line === '' || line.startsWith('Z') ? undefined : line.slice(line.indexOf(' ')).trim();
}

async function run(file: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(file, args, { env: { ...process.env, LC_ALL: 'C' } });
  return stdout;
}
