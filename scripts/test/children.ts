// The processes that the test runner starts: each in a group of its own, so that nothing of it survives the runner.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { InOrder } from './in-order.ts';
import type { Exit } from './record.ts';

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** What a group is sent when the runner is told to stop, with the milliseconds it is given after each. */
const FAREWELL = [
  ['SIGINT', 10_000],
  ['SIGTERM', 5_000],
  ['SIGKILL', 5_000],
] as const;

/** Milliseconds that what a child printed may take to arrive once its whole group is gone. */
const LAST_WORDS = 1_000;

export class Children {
  readonly #groups = new Set<number>();
  readonly #others: Children[] = [];
  readonly #print: (chunk: Uint8Array | string) => void;
  #stopping = false;

  /** @param print where children print, and what is said of them */
  constructor(print: (chunk: Uint8Array | string) => void = chunk => void process.stdout.write(chunk)) {
    this.#print = print;
  }

  /** Prints a line. */
  say(line: string): void {
    this.#print(`${line}\n`);
  }

  /** Children to start beside each other: what they print is shown as if one followed the other. `end` says that one is done. */
  beside(count: number): { readonly children: Children; readonly end: () => void }[] {
    const output = new InOrder(this.#print);
    return Array.from({ length: count }, () => {
      const slot = output.slot();
      const children = new Children(chunk => slot.write(chunk));
      this.#others.push(children);
      return { children, end: () => slot.end() };
    });
  }

  /** Whether the runner was told to stop: nothing new is started then. */
  get stopping(): boolean {
    return this.#stopping;
  }

  /** Runs a command to its end, and ends whatever it left behind in its group. */
  async run(command: Command): Promise<Exit> {
    if (this.#stopping) return { code: null, signal: 'SIGINT' };
    const child = spawn(command.file, command.args, {
      cwd: command.cwd,
      // who prints through a pipe cannot see the terminal at its end
      env: { ...process.env, ...(process.stdout.isTTY && { FORCE_COLOR: '1' }), ...command.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', this.#print);
    const closed = once(child, 'close').catch(() => undefined);
    const { pid } = child;
    if (pid !== undefined) this.#groups.add(pid);
    const exit = await new Promise<Exit>(resolve => {
      child.once('error', error => {
        this.say(`${command.file} could not be started: ${error.message}`);
        resolve({ code: 127, signal: null });
      });
      child.once('exit', (code, signal) => {
        resolve({ code, signal });
      });
    });
    if (pid !== undefined) {
      signalGroup(pid, 'SIGKILL');
      this.#groups.delete(pid);
      // somebody outside of the group may hold the pipe for ever
      await Promise.race([closed, delay(LAST_WORDS, undefined, { ref: false })]);
    }
    return exit;
  }

  /** Ends every group: first politely, so that tests can put away what they booted. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all([this.#stopOwn(), ...this.#others.map(other => other.stop())]);
  }

  async #stopOwn(): Promise<void> {
    for (const [signal, grace] of FAREWELL) {
      for (const group of this.#groups) signalGroup(group, signal);
      const deadline = Date.now() + grace;
      while (this.#groups.size > 0 && Date.now() < deadline) await new Promise(resolve => setTimeout(resolve, 50));
    }
  }

  /** Ends every group at once. */
  kill(): void {
    for (const group of this.#groups) signalGroup(group, 'SIGKILL');
    for (const other of this.#others) other.kill();
  }
}

function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch {
    // it is gone already
  }
}
