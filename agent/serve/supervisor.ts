import { existsSync, readdirSync, rmSync } from 'node:fs';
import type { Logger } from 'pino';
import { runIdSchema, type RunId } from '../../protocol/index.ts';
import type { Launcher } from '../launcher/launcher.ts';
import { inboxPaths, runPaths, statePaths } from '../run-directory/layout.ts';
import { readRefusal } from '../run-directory/refusal.ts';
import { readLiveRunner } from '../run-directory/runner-file.ts';
import type { RunView } from './run-book.ts';

/** Launches of one run that brought it no step further, after which it is left to a person. */
const MAX_LAUNCHES = 5;

/** Milliseconds from one launch to the next of the same run; doubled each time. */
const LAUNCH_PAUSE = 2000;

interface Care {
  launches: number;
  /** The last event that the run had at the last launch. */
  seq: number;
  notBefore: number;
  gaveUp: boolean;
}

/**
 * Sees to it that every run that was begun is ended: one whose runner died gets another. Where the service manager does
 * that itself, it is left to it.
 */
export class Supervisor {
  readonly #stateDir: string;
  readonly #launcher: Launcher;
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #cares = new Map<RunId, Care>();

  /** @param now milliseconds of a clock that never jumps */
  constructor(stateDir: string, launcher: Launcher, log: Logger, now: () => number = () => performance.now()) {
    this.#stateDir = stateDir;
    this.#launcher = launcher;
    this.#log = log;
    this.#now = now;
  }

  /** Whether a run without an end will be left as it is. */
  hasGivenUp(runId: RunId): boolean {
    return this.#cares.get(runId)?.gaveUp ?? false;
  }

  /** Whether somebody works on a run, or will again without our doing. */
  async isAlive(runId: RunId): Promise<boolean> {
    return (
      readLiveRunner(runPaths(this.#stateDir, runId).runner) !== undefined || (await this.#launcher.isAlive(runId))
    );
  }

  /** Launches what nobody works on. */
  async lookAfter(run: RunView): Promise<void> {
    if (run.ended) {
      this.#cares.delete(run.runId);
      return;
    }
    const now = this.#now();
    const care = this.#careOf(run, now);
    if (care.gaveUp || now < care.notBefore || (await this.isAlive(run.runId))) return;
    if (care.launches >= MAX_LAUNCHES) {
      care.gaveUp = true;
      this.#log.error(
        `run ${run.runId} did not go on after ${MAX_LAUNCHES} launches and is left as it is; ` +
          `see ${this.#launcher.whereToLook(run.runId)}, and \`nixfleet-agent run ${run.runId}\` tries once more`,
      );
      return;
    }
    care.launches++;
    care.notBefore = now + LAUNCH_PAUSE * 2 ** care.launches;
    this.#log.warn(`the runner of run ${run.runId} is gone in phase ${run.phase}; launching another`);
    await this.#launch(run.runId);
  }

  /** Launches a runner for each request that waits in the inbox, as an agent that died may have left it. */
  async takeUpInbox(): Promise<void> {
    for (const runId of this.#waiting()) {
      const { request } = inboxPaths(this.#stateDir, runId);
      if (readRefusal(this.#stateDir, runId)) {
        rmSync(request, { force: true });
      } else if (!existsSync(runPaths(this.#stateDir, runId).dir) && !(await this.isAlive(runId))) {
        this.#log.info(`run ${runId} waits in the inbox; launching its runner`);
        await this.#launch(runId);
      }
    }
  }

  #waiting(): RunId[] {
    return readdirSync(statePaths(this.#stateDir).inbox)
      .flatMap(name => (name.endsWith('.json') ? (runIdSchema.safeParse(name.slice(0, -5)).data ?? []) : []))
      .sort();
  }

  #careOf(run: RunView, now: number): Care {
    const known = this.#cares.get(run.runId);
    if (known && run.seq <= known.seq) return known;
    const hasRunnerFile = existsSync(runPaths(this.#stateDir, run.runId).runner);
    // without the file a runner may be about to write it
    const care = { launches: 0, seq: run.seq, notBefore: hasRunnerFile ? now : now + LAUNCH_PAUSE, gaveUp: false };
    this.#cares.set(run.runId, care);
    return care;
  }

  async #launch(runId: RunId): Promise<void> {
    try {
      await this.#launcher.launch(runId);
    } catch (error) {
      this.#log.error(`run ${runId}: ${(error as Error).message}`);
    }
  }
}
