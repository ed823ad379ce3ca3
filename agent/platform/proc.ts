import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { processStartTime } from '../process.ts';
import type { AgentProcess } from './service-manager.ts';

/** What runs under a process id; undefined when nothing does. */
export function readProcess(pid: number): AgentProcess | undefined {
  const startTime = processStartTime(pid);
  if (startTime === undefined) return undefined;
  const argv = process.platform === 'linux' ? argvFromProc(pid) : argvFromPs(pid);
  const paths = argv.flatMap(argument => (argument.startsWith('/') ? [argument, resolved(argument)] : []));
  // read once more: the paths are those of one process, not of two that had the same id
  return processStartTime(pid) === startTime ? { pid, startTime, paths } : undefined;
}

function argvFromProc(pid: number): string[] {
  const argv = attempt(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0'), []);
  return [...attempt(() => [readlinkSync(`/proc/${pid}/exe`)], []), ...argv];
}

function argvFromPs(pid: number): string[] {
  return attempt(
    () => execFileSync('ps', ['-o', 'args=', '-ww', '-p', String(pid)], { encoding: 'utf8' }).split(/\s+/),
    [],
  );
}

function resolved(path: string): string {
  return attempt(() => realpathSync(path), path);
}

function attempt<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
