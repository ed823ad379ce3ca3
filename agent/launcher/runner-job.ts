import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { RunId } from '../../protocol/index.ts';
import type { Launcher } from './launcher.ts';

/** Milliseconds between looks at a job. */
const LOOK = 1000;

/**
 * Executes a run by a job of its own and waits for its end, for `run-inbox` below launchd: an activation may unload the daemon
 * that watches the inbox, and the run goes on all the same.
 */
export function runnerJob(launcher: Launcher, log: Logger, look = LOOK): (runId: RunId) => Promise<void> {
  return async runId => {
    log.info(`run ${runId} is executed`);
    try {
      await launcher.launch(runId);
      while (await launcher.isAlive(runId)) await delay(look);
    } catch (error) {
      log.error(`run ${runId}: ${(error as Error).message}`);
    }
  };
}
