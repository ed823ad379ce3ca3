import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { decodeTime } from 'ulid';
import type { RunId } from '../../protocol/index.ts';
import { childPath } from '../steps/environment.ts';
import { statePaths } from './layout.ts';
import { refusalPath } from './refusal.ts';
import { listRefusals, listRuns, readEvents } from './run-list.ts';

/** Runs that are kept at the most. */
export const KEPT_RUNS = 50;
/** Milliseconds that a run is kept. */
export const KEPT_FOR = 30 * 24 * 3_600_000;
/** A run that has ended, as retention sees it. */
export interface EndedRun {
  readonly runId: RunId;
  /** Whether it left its lock in the checkout: the next pull must know that lock as this run's. */
  readonly leftLock: 'surely' | 'perhaps' | 'no';
}

/** The runs, of those given newest first, that need not be kept any longer. */
export function expiredRuns(runs: readonly EndedRun[], now: number): RunId[] {
  // what one that perhaps left its lock did not overwrite is the lock of the one that surely did
  const withLock = [runs.find(run => run.leftLock === 'surely'), runs.find(run => run.leftLock === 'perhaps')];
  return runs
    .filter((run, index) => !withLock.includes(run) && (index >= KEPT_RUNS || decodeTime(run.runId) < now - KEPT_FOR))
    .map(run => run.runId);
}

const LEFT_LOCK: Readonly<Record<string, EndedRun['leftLock']>> = { succeeded: 'surely', inconsistent: 'perhaps' };

/** Removes the runs that have ended and need not be kept, and old refusals. Never one that is not at its end. */
export function removeExpiredRuns(stateDir: string, now = Date.now()): void {
  const ended = listRuns(stateDir).flatMap(runId => {
    const end = readEvents(stateDir, runId).at(-1);
    if (end?.type !== 'ended') return [];
    return { runId, leftLock: LEFT_LOCK[String(end['outcome'])] ?? 'no' };
  });
  for (const runId of expiredRuns(ended, now)) removeTree(join(statePaths(stateDir).runs, runId));
  for (const runId of listRefusals(stateDir))
    if (decodeTime(runId) < now - KEPT_FOR) rmSync(refusalPath(stateDir, runId), { force: true });
}

/**
 * Removes a folder in which a folder of somebody else's lies (`roots`), who could put a link in the place of one of its
 * folders while it is gone through. rm(1) of every system holds on to the folders that it is in; Node's rm goes by names.
 */
function removeTree(path: string): void {
  spawnSync('rm', ['-rf', '--', path], { stdio: 'ignore', env: { PATH: childPath() } });
}
