// Commands in a running host: as transient units of its own systemd, so that they have a clean environment and a cgroup
// there, and end when the host ends.
import { randomBytes } from 'node:crypto';
import { execa } from 'execa';

export interface ExecOptions {
  /** 'root' by default. */
  readonly user?: string;
  /** Run as root as `sudo` would for this user: SUDO_USER, SUDO_UID, SUDO_GID and SUDO_COMMAND are set. */
  readonly sudoFrom?: string;
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  /** The user's home by default. */
  readonly cwd?: string;
  /** Milliseconds, 60 s by default; then the command is killed and the promise rejected. */
  readonly timeout?: number;
}

export interface ExecResult {
  /** Without its last newline, as is stderr. */
  readonly stdout: string;
  readonly stderr: string;
  /** 255 when the command was killed by a signal. */
  readonly exitCode: number;
}

/** A command that did not exit with 0, where that was taken for granted. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
  readonly result: ExecResult;

  constructor(host: string, argv: readonly string[], result: ExecResult) {
    const said = [result.stdout, result.stderr].filter(Boolean).join('\n');
    super(`${host}: ${argv.join(' ')} exited with ${result.exitCode}\n${said}`);
    this.result = result;
  }
}

const PATH = '/run/current-system/sw/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The argv that runs `argv` in all namespaces of the host whose PID 1 is `leader` out here, but not as a unit. */
export function enter(leader: number, argv: readonly string[]): string[] {
  return ['nsenter', `--target=${leader}`, '--all', '--', 'env', '-i', `PATH=${PATH}`, 'HOME=/root', ...argv];
}

async function idOf(leader: number, flag: '-u' | '-g', user: string): Promise<string> {
  const [file = '', ...args] = enter(leader, ['id', flag, user]);
  return (await execa(file, args, { stdin: 'ignore' })).stdout;
}

/** Runs a command in the host as a unit and waits for its end. Its exit code is a value, a timeout an error. */
export async function execIn(leader: number, argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
  const { sudoFrom, input, cwd = '~', timeout = 60_000 } = options;
  const user = options.user ?? 'root';
  const unit = `lab-${randomBytes(6).toString('hex')}.service`;
  const env = {
    PATH,
    ...(sudoFrom !== undefined && {
      SUDO_USER: sudoFrom,
      SUDO_UID: await idOf(leader, '-u', sudoFrom),
      SUDO_GID: await idOf(leader, '-g', sudoFrom),
      SUDO_COMMAND: argv.join(' '),
    }),
    ...options.env,
  };
  const [file = '', ...args] = enter(leader, [
    'systemd-run',
    ...['--quiet', '--pipe', '--wait', '--collect', '--service-type=exec', '--expand-environment=no'],
    `--unit=${unit}`,
    `--property=User=${user}`,
    `--property=WorkingDirectory=${cwd}`,
    ...Object.entries(env).map(([name, value]) => `--setenv=${name}=${value}`),
    '--',
    ...argv,
  ]);
  const result = await execa(file, args, {
    reject: false,
    timeout,
    maxBuffer: 1 << 30,
    ...(input === undefined ? { stdin: 'ignore' } : { input }),
  });
  if (result.timedOut) {
    const [file = '', ...args] = enter(leader, ['systemctl', 'kill', '--signal=SIGKILL', unit]);
    await execa(file, args, { reject: false, stdin: 'ignore' });
    throw new Error(`${argv.join(' ')} did not end within ${timeout / 1000} s\n${result.stdout}\n${result.stderr}`);
  }
  return { stdout: result.stdout, stderr: result.stderr, exitCode: result.exitCode ?? 255 };
}
