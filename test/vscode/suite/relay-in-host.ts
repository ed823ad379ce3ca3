import { spawn, execFile, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { SUITES_VARIABLE, type SuitesInHost } from '../suites.ts';

/** The relay as it ships, in a process beside the extension host. */
export class RelayBeside implements AsyncDisposable {
  readonly #bundle: string;
  readonly #data = mkdtempSync(join(tmpdir(), 'nixfleet-relay-'));
  readonly #node: string;
  #address = '127.0.0.1:0';
  #child: ChildProcess | undefined;

  private constructor(root: string) {
    this.#bundle = join(root, 'dist/relay.mjs');
    const { node } = JSON.parse(process.env[SUITES_VARIABLE] ?? '{}') as SuitesInHost;
    this.#node = node;
  }

  /** @param root the project's folder */
  static async start(root: string): Promise<RelayBeside> {
    const relay = new RelayBeside(root);
    await relay.start();
    return relay;
  }

  get url(): string {
    return `ws://${this.#address}`;
  }

  /** Starts it again where it was. */
  async start(): Promise<void> {
    const args = [this.#bundle, 'serve', '--data', this.#data, '--listen', this.#address];
    const child = spawn(this.#node, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#child = child;
    const exited = once(child, 'exit').then(([code]) => Promise.reject(new Error(`the relay ended (${String(code)})`)));
    exited.catch(() => undefined);
    const firstLine = once(createInterface({ input: child.stdout }), 'line') as Promise<[string]>;
    const [line] = await Promise.race([firstLine, exited]);
    const { addresses } = JSON.parse(line) as { addresses: string[] };
    this.#address = (addresses[0] ?? '').replace(/^ws:\/\//, '');
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  /** Runs a verb of the relay's command line and returns what it prints. */
  async run(...args: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(this.#node, [this.#bundle, ...args, '--data', this.#data]);
    return stdout.trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill('SIGTERM');
    rmSync(this.#data, { recursive: true, force: true });
  }
}
