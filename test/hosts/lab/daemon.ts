import { execa } from 'execa';

export interface Daemon {
  /** Its pid and its process group, which is its own. */
  readonly pid: number;
  readonly running: boolean;
  readonly exited: Promise<unknown>;
}

export interface DaemonOptions {
  readonly argv: readonly string[];
  /** It runs in this cgroup from its first instruction on. */
  readonly cgroup: string;
  /** What it prints is appended there. */
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Starts a program that lives beside this process rather than below it: it gets no Ctrl-C that is meant for this one, and
 * does not keep this one alive.
 */
export function startDaemon({ argv, cgroup, logFile, env = {} }: DaemonOptions): Daemon {
  const child = execa(
    'sh',
    ['-c', 'echo $$ > "$0/cgroup.procs" || exit; log=$1; shift; exec "$@" >> "$log" 2>&1', cgroup, logFile, ...argv],
    {
      detached: true,
      cleanup: false,
      reject: false,
      stdin: 'ignore',
      stdout: 'ignore',
      stderr: 'ignore',
      cwd: '/',
      env,
    },
  );
  const { pid, nodeChildProcess: node } = child;
  if (pid === undefined) throw new Error(`cannot start ${argv.join(' ')}`);
  node.unref();
  return {
    pid,
    get running() {
      return node.exitCode === null && node.signalCode === null;
    },
    get exited() {
      // whoever waits for its end is kept alive by it
      node.ref();
      return child;
    },
  };
}
