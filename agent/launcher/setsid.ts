import { spawn } from 'node:child_process';
import { closeSync, constants, mkdirSync, openSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { RunId } from '../../protocol/index.ts';
import { LaunchError, type Launcher, type RunnerProgram } from './launcher.ts';

/** Logs of runners that are kept, as many as runs. */
const KEPT_LOGS = 50;

/**
 * Runners in a session of their own, for hosts without systemd and launchd. They survive the agent, but not a service
 * manager that ends the whole control group with it, and nobody but an agent starts them again.
 */
export class SetsidLauncher implements Launcher {
  readonly name = 'setsid';
  readonly #program: RunnerProgram;
  readonly #logs: string;
  /** Runners that this process started and that have not ended. */
  readonly #alive = new Set<RunId>();

  constructor(program: RunnerProgram, stateDir: string) {
    this.#program = program;
    this.#logs = join(stateDir, 'runner-logs');
  }

  async launch(runId: RunId): Promise<void> {
    if (this.#alive.has(runId)) return;
    const [command = '', ...args] = this.#program.argv;
    let log: number;
    try {
      mkdirSync(this.#logs, { recursive: true, mode: 0o750 });
      this.#removeOldLogs();
      log = openSync(
        this.#logFile(runId),
        constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW,
        0o640,
      );
    } catch (error) {
      throw new LaunchError(`the runner's log cannot be written: ${(error as Error).message}`);
    }
    try {
      const child = spawn(command, [...args, 'run', runId], {
        detached: true,
        cwd: '/',
        env: this.#program.environment,
        stdio: ['ignore', log, log],
      });
      await new Promise<void>((resolve, reject) => {
        child.once('spawn', resolve);
        child.once('error', error => reject(new LaunchError(`${command} could not be started: ${error.message}`)));
      });
      this.#alive.add(runId);
      child.once('exit', () => this.#alive.delete(runId));
      child.unref();
    } finally {
      closeSync(log);
    }
  }

  isAlive(runId: RunId): Promise<boolean> {
    return Promise.resolve(this.#alive.has(runId));
  }

  whereToLook(runId: RunId): string {
    return this.#logFile(runId);
  }

  #logFile(runId: RunId): string {
    return join(this.#logs, `${runId}.log`);
  }

  #removeOldLogs(): void {
    const old = readdirSync(this.#logs).sort().reverse().slice(KEPT_LOGS);
    for (const name of old) rmSync(join(this.#logs, name), { force: true });
  }
}
