// The processes that the test runner starts: each in a group of its own, so that nothing of it survives the runner.
import { spawn } from 'node:child_process';
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

export class Children {
  readonly #groups = new Set<number>();
  #stopping = false;

  /** Whether the runner was told to stop: nothing new is started then. */
  get stopping(): boolean {
    return this.#stopping;
  }

  /** Runs a command to its end with the runner's own output, and ends whatever it left behind in its group. */
  async run(command: Command): Promise<Exit> {
    if (this.#stopping) return { code: null, signal: 'SIGINT' };
    const child = spawn(command.file, command.args, {
      cwd: command.cwd,
      env: { ...process.env, ...command.env },
      stdio: ['ignore', 'inherit', 'inherit'],
      detached: true,
    });
    const { pid } = child;
    if (pid !== undefined) this.#groups.add(pid);
    const exit = await new Promise<Exit>(resolve => {
      child.once('error', error => {
        console.error(`${command.file} could not be started: ${error.message}`);
        resolve({ code: 127, signal: null });
      });
      child.once('exit', (code, signal) => {
        resolve({ code, signal });
      });
    });
    if (pid !== undefined) {
      signalGroup(pid, 'SIGKILL');
      this.#groups.delete(pid);
    }
    return exit;
  }

  /** Ends every group: first politely, so that tests can put away what they booted. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const [signal, grace] of FAREWELL) {
      for (const group of this.#groups) signalGroup(group, signal);
      const deadline = Date.now() + grace;
      while (this.#groups.size > 0 && Date.now() < deadline) await new Promise(resolve => setTimeout(resolve, 50));
    }
  }

  /** Ends every group at once. */
  kill(): void {
    for (const group of this.#groups) signalGroup(group, 'SIGKILL');
  }
}

function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch {
    // it is gone already
  }
}
