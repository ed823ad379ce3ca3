import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';

const BUNDLE = join(import.meta.dirname, '../../dist/relay.mjs');

export interface RelayProcessOptions {
  /** The relay's data folder. */
  readonly data: string;
  /** The file its log is appended to. */
  readonly log: string;
  /** `--listen`, as often as there are entries; the first is TCP. Port 0 takes a free one, which a restart keeps. */
  readonly listen: readonly [string, ...string[]];
}

/** The relay as it ships (dist/relay.mjs), in a process of its own that can be killed and started again. */
export class RelayProcess implements AsyncDisposable {
  readonly data: string;
  readonly log: string;
  #listen: readonly string[];
  #child: ChildProcess | undefined;

  private constructor({ data, log, listen }: RelayProcessOptions) {
    this.data = data;
    this.log = log;
    this.#listen = listen;
  }

  static async start(options: RelayProcessOptions): Promise<RelayProcess> {
    const relay = new RelayProcess(options);
    await relay.start();
    return relay;
  }

  /** `ws://127.0.0.1:PORT` */
  get url(): string {
    return `ws://${this.#listen[0]}`;
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('the relay does not run');
    return this.#child.pid;
  }

  /** Starts it again where it was; resolves when it listens. */
  async start(): Promise<void> {
    const log = openSync(this.log, 'a');
    const args = [BUNDLE, 'serve', '--data', this.data, ...this.#listen.flatMap(address => ['--listen', address])];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', log] });
    closeSync(log);
    this.#child = child;
    const exited = once(child, 'exit').then(([code]) => {
      throw new Error(`the relay ended (${String(code)}): ${readFileSync(this.log, 'utf8').slice(-2000)}`);
    });
    exited.catch(() => undefined); // it matters only until the relay listens
    if (!child.stdout) throw new Error('the relay has no output');
    const firstLine = once(createInterface({ input: child.stdout }), 'line') as Promise<[string]>;
    const [line] = await Promise.race([firstLine, exited]);
    const { addresses } = JSON.parse(line) as { addresses: string[] };
    this.#listen = addresses.map(address => address.replace('ws+unix:', 'unix:').replace(/^ws:\/\//, ''));
  }

  /** `kill -9`, and waits until it is gone. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  /** Goes down in order. */
  close(): Promise<void> {
    return this.#end('SIGTERM');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Enrolls a host and returns its token. */
  enroll(host: string): Promise<string> {
    return this.run('enroll', host, '--token-only');
  }

  /** Lets an operator in and returns the token. */
  operator(name: string): Promise<string> {
    return this.run('operator', name, '--token-only');
  }

  /** Runs a verb of the relay's command line on its data; returns what it prints. */
  async run(...args: string[]): Promise<string> {
    const { stdout } = await execa(process.execPath, [BUNDLE, ...args, '--data', this.data], { stdin: 'ignore' });
    return stdout;
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }
}
