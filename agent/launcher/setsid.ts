import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import type { RunId } from '../../protocol/index.ts';
import { LaunchError, type Launcher, type RunnerProgram } from './launcher.ts';
import { RunnerLogs } from './runner-logs.ts';

/**
 * Runners in a session of their own, for hosts without systemd and launchd. They survive the agent, but not a service
 * manager that ends the whole control group with it, and nobody but an agent starts them again.
 */
export class SetsidLauncher implements Launcher {
  readonly name = 'setsid';
  readonly #program: RunnerProgram;
  readonly #logs: RunnerLogs;
  /** Runners that this process started and that have not ended. */
  readonly #alive = new Set<RunId>();

  constructor(program: RunnerProgram, stateDir: string) {
    this.#program = program;
    this.#logs = new RunnerLogs(stateDir);
  }

  async launch(runId: RunId): Promise<void> {
    if (this.#alive.has(runId)) return;
    const [command = '', ...args] = this.#program.argv;
    let log: number;
    try {
      log = this.#logs.open(runId);
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
    return this.#logs.path(runId);
  }
}
