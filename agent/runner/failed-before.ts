/**
 * Breaks the loop of a revision that takes a host down again and again: what failed to be proven here is not tried a second
 * time unless a person says so. What failed is read from the run directories, which are the truth about it.
 */
import { foldRun, type RunId, type RunState } from '../../protocol/index.ts';
import { listRuns, readEvents } from '../run-directory/run-list.ts';
import type { RunContext } from './context.ts';
import { fail } from './reason.ts';

export interface EarlierRun {
  readonly runId: RunId;
  readonly state: RunState;
}

/** The run whose agent of that revision was not proven, unless a later one proved it. Runs come newest first. Pure. */
export function failedToConfirm(runs: Iterable<EarlierRun>, rev: string): EarlierRun | undefined {
  for (const run of runs) {
    const { lock, end } = run.state;
    if (lock?.after.rev !== rev || !end) continue;
    if (end.outcome === 'succeeded') return undefined;
    if (end.reason?.kind === 'agent-not-confirmed') return run;
  }
  return undefined;
}

/** Throws `failed-before` when that revision was not proven on this host, and nobody said to try it all the same. */
export function refuseFailedRevision({ config, runId, request }: RunContext, rev: string | undefined): void {
  if (rev === undefined || request.retryAnyway === true) return;
  const failed = failedToConfirm(earlierRuns(config.stateDir, runId), rev);
  if (!failed?.state.end) return;
  const { at, reason } = failed.state.end;
  fail(
    'failed-before',
    `the revision ${rev.slice(0, 12)} was taken back on this host before (run ${failed.runId}, ${new Date(at).toISOString()}): ${reason?.message ?? ''}`,
    'Publish a revision that mends it, or choose Retry Anyway to try this one once more.',
  );
}

function* earlierRuns(stateDir: string, runId: RunId): Generator<EarlierRun> {
  for (const id of listRuns(stateDir)) {
    if (id === runId) continue;
    try {
      yield { runId: id, state: foldRun(readEvents(stateDir, id)) };
    } catch {
      // a journal that nobody can read remembers nothing
    }
  }
}
