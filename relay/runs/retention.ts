import { isOver, type RunId, type RunSummary } from '../../protocol/index.ts';
import { timeOfRunId } from './record.ts';

/** How many runs a host keeps at the relay, and for how long, ms. */
export interface Retention {
  readonly runs: number;
  readonly age: number;
}

/** Milliseconds. */
export const DAY = 86_400_000;

export const RETENTION: Retention = { runs: 50, age: 30 * DAY };

/**
 * The runs of one host that are to go: those behind the newest ones that are kept, and those that are too old. Never one that
 * is not over, and never the newest, so that a host's last update can always be looked at.
 * @param runs all runs of the host
 * @param now ms
 */
export function runsToRemove(runs: readonly RunSummary[], now: number, retention = RETENTION): readonly RunId[] {
  const newestFirst = [...runs].sort((a, b) => (a.runId < b.runId ? 1 : -1));
  return newestFirst
    .filter((run, index) => index > 0 && isOver(run) && isStale(run.runId, index, now, retention, run.endedAt))
    .map(run => run.runId);
}

/**
 * Which of the runs that a host has are worth taking over: not those that retention would remove at once.
 * @param known ids of the host's runs at the relay
 * @param offered ids of runs that the relay does not know
 */
export function runsToAdopt(
  known: readonly RunId[],
  offered: readonly RunId[],
  now: number,
  retention = RETENTION,
): readonly RunId[] {
  const newestFirst = [...new Set([...known, ...offered])].sort().reverse();
  const wanted = new Set(offered);
  return newestFirst.filter((id, index) => wanted.has(id) && (index === 0 || !isStale(id, index, now, retention)));
}

function isStale(runId: RunId, index: number, now: number, retention: Retention, endedAt?: number): boolean {
  return index >= retention.runs || now - Math.max(timeOfRunId(runId), endedAt ?? 0) > retention.age;
}
