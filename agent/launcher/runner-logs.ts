import { constants, mkdirSync, openSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { RunId } from '../../protocol/index.ts';

/** Logs of runners that are kept, as many as runs. */
const KEPT_LOGS = 50;

/** What runners had to say, one file each, where no journal of the service manager keeps it. */
export class RunnerLogs {
  readonly #folder: string;

  constructor(stateDir: string) {
    this.#folder = join(stateDir, 'runner-logs');
  }

  path(runId: RunId): string {
    return join(this.#folder, `${runId}.log`);
  }

  /** Opens a run's log for appending, and removes old ones. Throws where it cannot be written. */
  open(runId: RunId): number {
    mkdirSync(this.#folder, { recursive: true, mode: 0o750 });
    const old = readdirSync(this.#folder).sort().reverse().slice(KEPT_LOGS);
    for (const name of old) rmSync(join(this.#folder, name), { force: true });
    return openSync(
      this.path(runId),
      constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW,
      0o640,
    );
  }
}
