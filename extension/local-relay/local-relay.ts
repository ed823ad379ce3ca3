/**
 * The relay that a machine runs for its own windows: one process for all of them, which lives on when the window that
 * started it closes. Its data, its log and the state by which other windows find it lie in one folder. No VS Code in here.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, open, readFile, rename, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import * as z from 'zod';
import type { Log } from '../base/log.ts';
import { localUrl, LOOPBACK } from './addresses.ts';
import { withFileLock } from './file-lock.ts';
import { isRunning, processIdentity } from './process-identity.ts';
import { findRuntime, type Runtime, type RuntimePlaces } from './runtime.ts';
import { readState, writeState, type LocalListen, type LocalRelayState } from './state-file.ts';

/** The port it takes when nobody else has it. */
const PORT = 7780;
/** Milliseconds for a relay to begin, and for another window to have done what it does under the lock. */
const START_WITHIN = 30_000;
const LOCK_WITHIN = 60_000;
/** Milliseconds that a relay has to go down in order. */
const STOP_WITHIN = 10_000;
/** Bytes of log after which a start begins another file. */
const LONGEST_LOG = 5 * 1024 * 1024;

/** The local relay as windows and hosts meet it. */
export interface RunningRelay {
  /** Of its data. */
  readonly id: string;
  readonly url: string;
  /** Of its certificate, where it has one. */
  readonly fingerprint: string | undefined;
}

/** It could not be started, or did not do what it was asked; the message is what the relay said. */
export class LocalRelayError extends Error {
  override readonly name = 'LocalRelayError';
}

export interface LocalRelayOptions {
  readonly folder: string;
  /** The relay's program, `relay.mjs`. */
  readonly bundle: string;
  readonly places: RuntimePlaces;
  readonly log: Log;
}

const startedSchema = z.object({ msg: z.literal('listening'), pid: z.int() });
const certificateSchema = z.object({ fingerprint: z.string() });

export class LocalRelay {
  readonly #options: LocalRelayOptions;
  #runtime: Promise<Runtime> | undefined;

  constructor(options: LocalRelayOptions) {
    this.#options = options;
  }

  /** Where it listens, or did before it was stopped; undefined when there never was one. */
  async listen(): Promise<LocalListen | undefined> {
    return (await readState(this.#statePath))?.listen;
  }

  /** Undefined when it does not run. */
  async running(): Promise<RunningRelay | undefined> {
    const state = await readState(this.#statePath);
    return state?.process && (await isRunning(state.process)) ? this.#describe(state) : undefined;
  }

  /**
   * Starts it again if it is the one that a window remembers and has ended without being told to, as when the machine was
   * restarted. False when there is nothing to do.
   * @throws NoRuntime, LocalRelayError, LockTimeout
   */
  async revive(id: string): Promise<boolean> {
    const mayBeGone = async (): Promise<boolean> => {
      const state = await readState(this.#statePath);
      return state?.id === id && state.process !== undefined && !(await isRunning(state.process));
    };
    if (!(await mayBeGone())) return false;
    return this.#locked(async () => {
      if (await mayBeGone()) await this.#begin(undefined);
      return true;
    });
  }

  /**
   * Starts it unless it runs. However many windows ask at once, there is one.
   * @param host an address of this machine to listen on; undefined: where it did before, or loopback
   * @param then is done before another window may start or stop it
   * @throws NoRuntime, LocalRelayError, LockTimeout
   */
  async start(
    host: string | undefined,
    then: (relay: RunningRelay) => Promise<void> = () => Promise.resolve(),
  ): Promise<RunningRelay> {
    return this.#locked(async () => {
      const relay = (await this.running()) ?? (await this.#begin(host));
      await then(relay);
      return relay;
    });
  }

  /** Ends it, in order if it can. False when it did not run. */
  async stop(): Promise<boolean> {
    return this.#locked(async () => {
      const state = await readState(this.#statePath);
      if (!state?.process || !(await isRunning(state.process))) return false;
      const deadline = Date.now() + STOP_WITHIN;
      for (let asked = false; await isRunning(state.process); asked = true) {
        if (!asked) signal(state.process.pid, 'SIGTERM');
        else if (Date.now() > deadline) signal(state.process.pid, 'SIGKILL');
        await delay(50);
      }
      const { process: _gone, ...rest } = state;
      await writeState(this.#statePath, rest);
      return true;
    });
  }

  /**
   * A new token of an operator or host, of which the relay keeps a hash alone. It comes over a pipe: no argument and no file
   * ever holds it.
   * @param replace ends the token that there is; without it one that has a token is an error
   * @throws LocalRelayError
   */
  async token(kind: 'operator' | 'enroll', name: string, { replace }: { readonly replace: boolean }): Promise<string> {
    const stdout = await this.#run(kind, name, '--token-only', ...(replace ? ['--replace'] : []));
    return stdout.trim();
  }

  get #statePath(): string {
    return join(this.#options.folder, 'state.json');
  }

  get #data(): string {
    return join(this.#options.folder, 'data');
  }

  async #locked<T>(work: () => Promise<T>): Promise<T> {
    await mkdir(this.#options.folder, { recursive: true, mode: 0o700 });
    return withFileLock(join(this.#options.folder, 'lock'), LOCK_WITHIN, work);
  }

  async #describe({ id, listen }: LocalRelayState): Promise<RunningRelay> {
    return { id, url: localUrl(listen), fingerprint: listen.host === LOOPBACK ? undefined : await this.#fingerprint() };
  }

  async #fingerprint(): Promise<string | undefined> {
    const text = await readFile(join(this.#data, 'certificate.json'), 'utf8').catch(() => '{}');
    return certificateSchema.safeParse(JSON.parse(text)).data?.fingerprint;
  }

  async #begin(host: string | undefined): Promise<RunningRelay> {
    const before = await readState(this.#statePath);
    // hosts were told the address: it stays
    const keeps = before && (host === undefined || host === before.listen.host);
    const listen = keeps ? before.listen : await freeAddress(host ?? LOOPBACK);
    const state: LocalRelayState = { version: 1, id: before?.id ?? randomUUID(), listen };
    const { file, env } = await this.#findRuntime();
    const { host: at, port } = listen;
    const address = at.includes(':') ? `[${at}]:${port}` : `${at}:${port}`;
    const args = ['serve', '--data', this.#data, '--listen', address, ...(at === LOOPBACK ? [] : ['--self-signed'])];
    const log = await this.#openLog();
    try {
      const child = spawn(file, [this.#options.bundle, ...args], {
        cwd: this.#options.folder,
        env,
        detached: true, // it outlives this window
        stdio: ['ignore', 'pipe', log.handle.fd],
      });
      const beginning = begun(child);
      const identity = child.pid === undefined ? undefined : await processIdentity(child.pid);
      if (identity) await writeState(this.#statePath, { ...state, process: identity });
      const problem = await beginning;
      if (problem !== undefined) {
        // one that was to run still is: the next window tries again
        await writeState(this.#statePath, before?.process ? { ...state, process: before.process } : state);
        throw new LocalRelayError(lastWords(await log.read()) ?? problem);
      }
      child.unref();
    } finally {
      await log.handle.close();
    }
    this.#options.log.info(`the local relay listens on ${address}, run by ${file}`);
    return this.#describe(state);
  }

  #findRuntime(): Promise<Runtime> {
    this.#runtime ??= findRuntime(this.#options.bundle, this.#options.places).catch((error: unknown) => {
      this.#runtime = undefined; // one may be installed meanwhile
      throw error;
    });
    return this.#runtime;
  }

  async #openLog(): Promise<{ readonly handle: Awaited<ReturnType<typeof open>>; read(): Promise<string> }> {
    const path = join(this.#options.folder, 'relay.log');
    const before = (await stat(path).catch(() => undefined))?.size ?? 0;
    if (before > LONGEST_LOG) await rename(path, `${path}.old`);
    const from = before > LONGEST_LOG ? 0 : before;
    const handle = await open(path, 'a', 0o600);
    return { handle, read: async () => (await readFile(path)).subarray(from).toString() };
  }

  async #run(...args: readonly string[]): Promise<string> {
    const { file, env } = await this.#findRuntime();
    try {
      const all = [this.#options.bundle, '--data', this.#data, ...args];
      return (await promisify(execFile)(file, all, { env, timeout: START_WITHIN })).stdout;
    } catch (error) {
      const { stderr = '', message } = error as Error & { stderr?: string };
      throw new LocalRelayError(lastWords(stderr) ?? message, { cause: error });
    }
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Waits until it says that it listens; else why it does not. Never rejects. */
async function begun(child: ChildProcess): Promise<string | undefined> {
  if (!child.stdout) return 'it could not be started';
  const lines = createInterface({ input: child.stdout });
  const ended = new AbortController();
  const { signal } = ended;
  try {
    return await Promise.race([
      once(lines, 'line', { signal }).then(([line]) =>
        startedSchema.safeParse(JSON.parse(String(line))).success ? undefined : 'it said something else than expected',
      ),
      once(child, 'exit', { signal }).then(([code]) => `it ended (${String(code)})`),
      delay(START_WITHIN, undefined, { signal }).then(() => {
        child.kill('SIGKILL');
        return `it did not begin within ${START_WITHIN / 1000} s`;
      }),
    ]);
  } catch (error) {
    return (error as Error).message;
  } finally {
    ended.abort();
    lines.close();
    child.stdout.destroy();
  }
}

/** What the relay's command line said last, without its name. */
function lastWords(text: string): string | undefined {
  return text
    .split('\n')
    .findLast(line => line.startsWith('nixfleet-relay: '))
    ?.slice('nixfleet-relay: '.length);
}

/** The usual port, or any other when somebody has it. */
async function freeAddress(host: string): Promise<LocalListen> {
  return { host, port: (await tryPort(host, PORT)) ?? (await tryPort(host, 0)) ?? PORT };
}

async function tryPort(host: string, port: number): Promise<number | undefined> {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
    const address = server.address();
    return typeof address === 'object' ? address?.port : undefined;
  } catch {
    return undefined;
  } finally {
    await new Promise<void>(resolve => server.close(() => resolve()));
  }
}
