/**
 * Part of the stand-in for launchd: one job, from its loading to its removal. What it does at the end of its process is
 * launchd's: SIGTERM to what is left of the process group unless AbandonProcessGroup is set (Apple, TN2083; launchd-842, `job_reap`), then
 * KeepAlive and QueueDirectories, not before ThrottleInterval is over.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync } from 'node:fs';
import { constants as os } from 'node:os';
import { dirname } from 'node:path';
import type { JobKeys } from './job-keys.ts';

/** What a job's process is given besides what its plist says. */
export interface Surroundings {
  readonly uid?: number;
  readonly gid?: number;
  readonly environment: Readonly<Record<string, string>>;
  /** Stands before the job's PATH, where the stand-in's launchctl lies. */
  readonly bin: string;
  /** Milliseconds of a second of launchd's. */
  readonly second: number;
}

export type State = 'not running' | 'running' | 'spawn scheduled' | 'SIGTERMed';

const QUEUE_POLL_MS = 50;
/** How xpcproxy ends where it cannot open a job's logs or run its program (sysexits(3)). */
const EX_CONFIG = 78;
/** Programs with a fixed place on a Mac, for which the stand-in has its own. */
const MAC_PROGRAMS = /(^|[\s;&|("'])(?:\/bin\/(wait4path|launchctl)|\/usr\/bin\/(sw_vers))\b/g;

export class Job {
  readonly keys: JobKeys;
  readonly plist: string;
  readonly domain: string;
  runs = 0;
  /** As `launchctl print` has it: an exit code or a signal. */
  lastExit: { readonly code: number | null; readonly signal: NodeJS.Signals | null } | undefined;
  readonly #here: Surroundings;
  #child: ChildProcess | undefined;
  #startedAt = -Infinity;
  #respawn: NodeJS.Timeout | undefined;
  #queue: NodeJS.Timeout | undefined;
  #killer: NodeJS.Timeout | undefined;
  #removed: (() => void) | undefined;
  #terminated = false;

  constructor(keys: JobKeys, plist: string, domain: string, here: Surroundings) {
    this.keys = keys;
    this.plist = plist;
    this.domain = domain;
    this.#here = here;
  }

  get state(): State {
    if (this.#child) return this.#terminated ? 'SIGTERMed' : 'running';
    return this.#respawn ? 'spawn scheduled' : 'not running';
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get isBeingRemoved(): boolean {
    return this.#removed !== undefined;
  }

  /** What loading starts. */
  load(): void {
    const { RunAtLoad, KeepAlive, QueueDirectories } = this.keys;
    const keeps = KeepAlive === true || (typeof KeepAlive === 'object' && KeepAlive.SuccessfulExit !== undefined);
    if (RunAtLoad === true || keeps) this.start();
    if (QueueDirectories) this.#queue = setInterval(() => this.#lookAtQueues(), QUEUE_POLL_MS);
  }

  /** Starts the process unless it runs; false where it must not start again. */
  start(): boolean {
    if (this.#child) return true;
    if (this.keys.LaunchOnlyOnce === true && this.runs > 0) return false;
    clearTimeout(this.#respawn);
    this.#respawn = undefined;
    this.#startedAt = performance.now();
    this.#terminated = false;
    this.runs++;
    this.#spawn();
    return true;
  }

  signal(signal: NodeJS.Signals): void {
    if (signal === 'SIGTERM' && this.#child) this.#terminated = true;
    if (this.pid !== undefined) kill(this.pid, signal);
  }

  /** Ends the process, for good: SIGTERM, and SIGKILL after the exit timeout. Resolves when it is gone. */
  remove(): Promise<void> {
    clearInterval(this.#queue);
    clearTimeout(this.#respawn);
    this.#respawn = undefined;
    return new Promise(resolve => {
      this.#removed = resolve;
      if (!this.#child) {
        resolve();
        return;
      }
      this.signal('SIGTERM');
      this.#killer = setTimeout(() => this.signal('SIGKILL'), (this.keys.ExitTimeOut ?? 5) * 1000);
    });
  }

  #spawn(): void {
    const { Program, ProgramArguments = [], WorkingDirectory, Umask } = this.keys;
    const argv = ProgramArguments.map(argument => this.#localized(argument));
    const file = Program === undefined ? (argv[0] ?? '') : this.#localized(Program);
    const mask = typeof Umask === 'string' ? parseInt(Umask, 8) : Umask;
    const before = mask === undefined ? undefined : process.umask(mask);
    const logs = this.#openLogs();
    if (!logs) {
      if (before !== undefined) process.umask(before);
      this.#ended(EX_CONFIG, null);
      return;
    }
    const { out, err } = logs;
    try {
      const { uid, gid } = this.#here;
      const child = spawn(file, argv.slice(1), {
        argv0: argv[0] ?? file,
        cwd: WorkingDirectory ?? '/',
        env: this.#environment(),
        stdio: ['ignore', out ?? 'ignore', err ?? 'ignore'],
        // a session of its own: launchd's jobs lead their process group
        detached: true,
        ...(uid !== undefined && { uid }),
        ...(gid !== undefined && { gid }),
      });
      this.#child = child;
      child.once('error', () => {
        if (child.pid === undefined) this.#ended(EX_CONFIG, null);
      });
      child.once('exit', (code, signal) => this.#ended(code, signal));
    } finally {
      if (before !== undefined) process.umask(before);
      if (out !== undefined) closeSync(out);
      if (err !== undefined && err !== out) closeSync(err);
    }
  }

  /** Undefined where the job's user may not: its logs are opened as that user (nix-community/home-manager#9611). */
  #openLogs(): { readonly out: number | undefined; readonly err: number | undefined } | undefined {
    const { StandardOutPath, StandardErrorPath } = this.keys;
    return asUser(this.#here, () => {
      try {
        const out = openLog(StandardOutPath);
        return { out, err: StandardErrorPath === StandardOutPath ? out : openLog(StandardErrorPath) };
      } catch {
        return undefined;
      }
    });
  }

  #environment(): Record<string, string> {
    const env: Record<string, string> = {
      PATH: '/usr/bin:/bin:/usr/sbin:/sbin',
      ...this.#here.environment,
      ...this.keys.EnvironmentVariables,
      XPC_SERVICE_NAME: this.keys.Label,
    };
    return { ...env, PATH: `${this.#here.bin}:${env['PATH'] ?? ''}` };
  }

  #localized(argument: string): string {
    return argument.replace(
      MAC_PROGRAMS,
      (_, before: string, a?: string, b?: string) => `${before}${this.#here.bin}/${a ?? b ?? ''}`,
    );
  }

  #ended(code: number | null, signal: NodeJS.Signals | null): void {
    const pid = this.pid;
    this.#child = undefined;
    this.lastExit = { code, signal };
    clearTimeout(this.#killer);
    if (pid !== undefined && this.keys.AbandonProcessGroup !== true) kill(-pid, 'SIGTERM');
    if (this.#removed) this.#removed();
    else if (this.#mustComeBack(code, signal)) this.#scheduleRespawn();
  }

  #mustComeBack(code: number | null, signal: NodeJS.Signals | null): boolean {
    const { KeepAlive, LaunchOnlyOnce } = this.keys;
    if (LaunchOnlyOnce === true) return false;
    if (typeof KeepAlive !== 'object') return KeepAlive === true;
    const isSuccess = code === 0;
    const crashed = signal !== null && CRASHES.has(signal);
    return (
      (KeepAlive.SuccessfulExit !== undefined && KeepAlive.SuccessfulExit === isSuccess) ||
      (KeepAlive.Crashed !== undefined && KeepAlive.Crashed === crashed)
    );
  }

  #scheduleRespawn(): void {
    if (this.#respawn) return;
    const pause = (this.keys.ThrottleInterval ?? 10) * this.#here.second - (performance.now() - this.#startedAt);
    this.#respawn = setTimeout(
      () => {
        this.#respawn = undefined;
        this.start();
      },
      Math.max(0, pause),
    );
  }

  #lookAtQueues(): void {
    if (this.#child || this.#respawn) return;
    if (this.keys.QueueDirectories?.some(holdsSomething)) this.#scheduleRespawn();
  }
}

const CRASHES = new Set<NodeJS.Signals>(['SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGFPE', 'SIGBUS', 'SIGSEGV', 'SIGSYS']);

/** The number of a signal, as `last terminating signal = Terminated: 15` ends. */
export function signalNumber(signal: NodeJS.Signals): number {
  return os.signals[signal];
}

function openLog(path: string | undefined): number | undefined {
  if (path === undefined) return undefined;
  mkdirSync(dirname(path), { recursive: true });
  return openSync(path, 'a');
}

/** Does what does not wait with the rights of another user. */
function asUser<T>({ uid, gid }: Pick<Surroundings, 'uid' | 'gid'>, act: () => T): T {
  if (uid === undefined || gid === undefined) return act();
  process.setegid?.(gid);
  process.seteuid?.(uid);
  try {
    return act();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}

function holdsSomething(folder: string): boolean {
  try {
    return readdirSync(folder).length > 0;
  } catch {
    return false;
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // it is gone
  }
}
