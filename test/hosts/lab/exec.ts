// Commands in a running host: as transient units of its own systemd, so that they have a clean environment and a cgroup
// there, and end when the host ends.
import { randomBytes } from 'node:crypto';
import { execa, type Options } from 'execa';

export interface ExecOptions {
  /** 'root' by default. */
  readonly user?: string;
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

/** Runs such an argv out here, in the host's own cgroup, so that it ends with the host and never after it. */
function enterAndRun(place: Place, argv: readonly string[], options: Options = {}) {
  const script = 'mkdir -p "$0" && echo $$ > "$0/cgroup.procs" && exec "$@"';
  return execa('sh', ['-c', script, place.cgroup, ...enter(place.leader, argv)], { stdin: 'ignore', ...options });
}

/** A program in a host that is talked to. */
export type Conversation = ReturnType<typeof startIn>;

/** Starts a program in the host, as root, to talk to by its stdin and stderr. It ends with the host, at the latest. */
export function startIn(place: Place, argv: readonly string[]) {
  return enterAndRun(place, argv, { stdin: 'pipe', stdout: 'ignore', buffer: false, reject: false });
}

/** Where commands run. */
export interface Place {
  /** For messages. */
  readonly host: string;
  /** The host's PID 1, as a pid of this machine. */
  readonly leader: number;
  /** A cgroup of the host that its systemd does not manage; made when it is first needed. */
  readonly cgroup: string;
}

/**
 * Runs a command in the host as a unit and waits for its end. Its exit code is a value.
 * @throws Error when it takes too long, or when the host goes down meanwhile
 */
export async function execIn(place: Place, argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
  const { user = 'root', input, cwd = '~', timeout = 60_000 } = options;
  const unit = `lab-${randomBytes(6).toString('hex')}.service`;
  const env = { PATH, ...options.env };
  const command = [
    'systemd-run',
    ...['--quiet', '--pipe', '--wait', '--collect', '--service-type=exec', '--expand-environment=no'],
    `--unit=${unit}`,
    `--property=User=${user}`,
    `--property=WorkingDirectory=${cwd}`,
    ...Object.entries(env).map(([name, value]) => `--setenv=${name}=${value}`),
    '--',
    ...argv,
  ];
  const patience = new AbortController();
  const timer = setTimeout(() => {
    patience.abort();
    // the unit, not what waits for it: that ends by itself then
    void enterAndRun(place, ['systemctl', 'kill', '--signal=SIGKILL', unit], { reject: false });
  }, timeout);
  const result = await enterAndRun(place, command, {
    reject: false,
    maxBuffer: 1 << 30,
    ...(input === undefined ? {} : { stdin: 'pipe', input }),
  }).finally(() => clearTimeout(timer));
  const { stdout, stderr } = result as { stdout: string; stderr: string };
  if (patience.signal.aborted)
    throw new Error(`${argv.join(' ')} did not end within ${timeout / 1000} s\n${stdout}\n${stderr}`);
  if (result.signal === 'SIGKILL') throw new Error(`${place.host} went down while it ran ${argv.join(' ')}`);
  return { stdout, stderr, exitCode: result.exitCode ?? 255 };
}
