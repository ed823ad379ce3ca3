import { spawnSync } from 'node:child_process';
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { RunId } from '../../protocol/index.ts';
import { childPath } from '../steps/environment.ts';
import { statePaths } from './layout.ts';
import { readRefusal, refusalPath } from './refusal.ts';
import { listRefusals, listRuns, readEvents } from './run-list.ts';

/** Runs that are kept at the most. */
export const KEPT_RUNS = 50;
/** Milliseconds that a run is kept. */
export const KEPT_FOR = 30 * 24 * 3_600_000;
/** A run that has ended, as retention sees it. */
export interface EndedRun {
  readonly runId: RunId;
  /** When it was here, ms since the epoch by this host's clock: what its id says is the clock of whoever asked for it. */
  readonly at: number;
  /** Whether it left its lock in the checkout: the next pull must know that lock as this run's. */
  readonly leftLock: 'surely' | 'perhaps' | 'no';
}

/** The runs that need not be kept any longer. */
export function expiredRuns(ended: readonly EndedRun[], now: number): RunId[] {
  const runs = [...ended].sort((a, b) => b.at - a.at);
  // what one that perhaps left its lock did not overwrite is the lock of the one that surely did
  const withLock = [runs.find(run => run.leftLock === 'surely'), runs.find(run => run.leftLock === 'perhaps')];
  return runs
    .filter((run, index) => !withLock.includes(run) && (index >= KEPT_RUNS || run.at < now - KEPT_FOR))
    .map(run => run.runId);
}

const LEFT_LOCK: Readonly<Record<string, EndedRun['leftLock']>> = { succeeded: 'surely', inconsistent: 'perhaps' };

/** Removes the runs that have ended and need not be kept, and old refusals. Never one that is not at its end. */
export function removeExpiredRuns(stateDir: string, now = Date.now()): void {
  const ended = listRuns(stateDir).flatMap(runId => {
    const events = readEvents(stateDir, runId);
    const [first, end] = [events[0], events.at(-1)];
    if (first === undefined || end?.type !== 'ended') return [];
    return { runId, at: Math.max(first.at, end.at), leftLock: LEFT_LOCK[String(end['outcome'])] ?? 'no' };
  });
  for (const runId of expiredRuns(ended, now)) removeTree(join(statePaths(stateDir).runs, runId));
  for (const runId of listRefusals(stateDir))
    if (refusedAt(stateDir, runId) < now - KEPT_FOR) rmSync(refusalPath(stateDir, runId), { force: true });
}

function refusedAt(stateDir: string, runId: RunId): number {
  const stat = statSync(refusalPath(stateDir, runId), { throwIfNoEntry: false });
  return readRefusal(stateDir, runId)?.at ?? stat?.mtimeMs ?? 0;
}

/**
 * Removes a folder in which a folder of somebody else's lies (`roots`), who could put a link in the place of one of its
 * folders while it is gone through. rm(1) of every system holds on to the folders that it is in; Node's rm goes by names.
 */
function removeTree(path: string): void {
  spawnSync('rm', ['-rf', '--', path], { stdio: 'ignore', env: { PATH: childPath() } });
}
