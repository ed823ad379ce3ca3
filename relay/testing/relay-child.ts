import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const MAIN = join(import.meta.dirname, '..', 'main.ts');

/** A relay in a process of its own, as a person starts it, which can be killed. */
export class RelayChild implements AsyncDisposable {
  readonly dir: string;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;
  address = '';
  /** What it said when it listened. */
  started: Readonly<Record<string, unknown>> = {};
  log = '';

  constructor(dir: string, args: readonly string[] = []) {
    this.dir = dir;
    this.#args = args;
  }

  /** Resolves when it listens; the port stays the same over restarts. */
  async start(): Promise<void> {
    const port = this.address === '' ? '0' : new URL(this.address).port;
    const child = spawn(
      process.execPath,
      [MAIN, 'serve', '--data', this.dir, '--listen', `127.0.0.1:${port}`, ...this.#args],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.#child = child;
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.log += text));
    const first = once(createInterface(child.stdout), 'line') as Promise<[string]>;
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`the relay ended with ${String(code)}: ${this.log}`);
    });
    const [line] = await Promise.race([first, ended]);
    ended.catch(() => undefined);
    const started = JSON.parse(line) as { msg: string; addresses: string[] };
    this.started = started;
    this.address = started.addresses[0] ?? '';
  }

  /** Ends it and resolves with its exit code; null when a signal ended it. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null) return child?.exitCode ?? null;
    const exited = once(child, 'exit') as Promise<[number | null]>;
    child.kill(signal);
    return (await exited)[0];
  }

  /** Runs another verb of the command line on the same data. */
  async run(
    ...args: readonly string[]
  ): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
    const child = spawn(process.execPath, [MAIN, ...args, '--data', this.dir], { stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const [code] = (await once(child, 'close')) as [number];
    return { code, stdout, stderr };
  }

  /** A test that failed leaves no relay behind, which would keep the whole run from ending. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGKILL');
  }
}
