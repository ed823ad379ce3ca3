import {
  isHeld,
  isOver,
  MAX_NAMED_FAILURES,
  type RolloutCounts,
  type RunId,
  type RunSummary,
} from '../../protocol/index.ts';
import { takesPlace, type RolloutRecord, type Turn } from './record.ts';

/** What a host of a rollout is at. */
export interface TurnState extends Turn {
  /** Undefined: retention removed it. */
  readonly run: RunSummary | undefined;
  readonly online: boolean;
}

/** What is to be done about a rollout now. */
export interface RolloutPlan {
  /** The rollout after it. The same value when nothing is other than before. */
  readonly record: RolloutRecord;
  /** Runs whose turn it is: their hosts are to be told. */
  readonly release: readonly RunId[];
  /** Runs whose turn had come and whose host went away before it was told: they wait again. */
  readonly hold: readonly RunId[];
  /** Runs that are not begun any more. */
  readonly cancel: readonly RunId[];
  /** When to look again although nothing happens, ms. */
  readonly nextAt?: number;
}

/**
 * Decides how a rollout goes on. At most `width` of its hosts are at work at a time, and no two begin within `stagger`.
 * A host that is offline takes no place and is begun when it is there; one that went silent while it was at work keeps
 * its place, so that an update that takes hosts off the network comes to a halt by itself.
 * @param turns the rollout's hosts, in their order
 * @param now the relay's time, ms
 */
export function planRollout(before: RolloutRecord, turns: readonly TurnState[], now: number): RolloutPlan {
  if (before.rollout.endedAt !== undefined) return { record: before, release: [], hold: [], cancel: [] };
  const stopped = before.rollout.stopped ?? tooManyFailed(before, turns, now);
  const cancel = stopped
    ? turns.flatMap(({ run }) => (run?.delivery === 'queued' && !isOver(run) ? run.runId : []))
    : [];
  const hold = stopped ? [] : turns.filter(wasNotTold).map(({ runId }) => runId);
  const starts = stopped ? { release: [] } : planStarts(before, turns, new Set(hold), now);

  const changed = new Map<RunId, Where>();
  for (const runId of cancel) changed.set(runId, 'cancelled');
  for (const runId of hold) changed.set(runId, 'offline');
  for (const runId of starts.release) changed.set(runId, 'running');
  const places = turns.map(turn => changed.get(turn.runId) ?? whereIs(turn));
  const counts = count(places);
  const isEnded = counts.waiting + counts.offline + counts.running === 0;
  const failed = turns.filter((_, index) => places[index] === 'failed').slice(0, MAX_NAMED_FAILURES);
  const { lastStartAt = before.lastStartAt } = starts;
  const after: RolloutRecord = {
    ...before,
    rollout: {
      ...before.rollout,
      counts,
      failed: failed.map(({ host, runId }) => ({ host, runId })),
      ...(stopped && { stopped }),
      ...(isEnded && { endedAt: now }),
    },
    ...(lastStartAt !== undefined && { lastStartAt }),
  };
  return {
    record: isSame(before, after) ? before : after,
    release: starts.release,
    hold,
    cancel,
    ...(starts.nextAt !== undefined && { nextAt: starts.nextAt }),
  };
}

interface Starts {
  readonly release: readonly RunId[];
  readonly lastStartAt?: number;
  readonly nextAt?: number;
}

function planStarts(
  { rollout: { width, stagger }, lastStartAt: kept }: RolloutRecord,
  turns: readonly TurnState[],
  hold: ReadonlySet<RunId>,
  now: number,
): Starts {
  const ready = turns.filter(({ run, online }) => run && isHeld(run) && online).map(({ runId }) => runId);
  const taken = turns.filter(({ run, runId }) => run && takesPlace(run) && !hold.has(runId)).length;
  const free = Math.max(0, width - taken);
  if (ready.length === 0 || free === 0) return { release: [] };
  // a clock that was set back does not stop the rollout until it is late again
  const lastStartAt = kept === undefined ? undefined : Math.min(kept, now);
  const due = lastStartAt === undefined ? now : lastStartAt + stagger;
  if (due > now) return { release: [], nextAt: due, ...(lastStartAt !== undefined && { lastStartAt }) };
  const release = ready.slice(0, stagger === 0 ? free : 1);
  const isMore = release.length < ready.length && release.length < free;
  return { release, lastStartAt: now, ...(isMore && { nextAt: now + stagger }) };
}

/** The relay went down, or the host did, between its turn and the moment it was told. */
function wasNotTold({ run, online }: TurnState): boolean {
  return run?.delivery === 'queued' && !isOver(run) && !isHeld(run) && !online;
}

function tooManyFailed(
  { rollout: { stopAfterFailures } }: RolloutRecord,
  turns: readonly TurnState[],
  at: number,
): { readonly at: number } | undefined {
  const failures = turns.filter(turn => whereIs(turn) === 'failed').length;
  const isMore = turns.some(({ run }) => run?.delivery === 'queued');
  return failures >= stopAfterFailures && isMore ? { at } : undefined;
}

type Where = keyof RolloutCounts;

function whereIs({ run, online }: TurnState): Where {
  // what retention removed was over, and nobody can say any more how
  if (!run) return 'cancelled';
  if (!isOver(run)) {
    if (takesPlace(run)) return 'running';
    return online ? 'waiting' : 'offline';
  }
  switch (run.outcome) {
    case 'succeeded':
      return 'succeeded';
    case 'failed':
    case 'rolled-back':
    case 'inconsistent':
      return 'failed';
    case 'cancelled':
      return 'cancelled';
    case undefined:
      return run.delivery === 'refused' ? 'failed' : 'cancelled';
  }
}

function count(places: readonly Where[]): RolloutCounts {
  const counts = { waiting: 0, offline: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 };
  for (const place of places) counts[place]++;
  return counts;
}

function isSame(a: RolloutRecord, b: RolloutRecord): boolean {
  return a.lastStartAt === b.lastStartAt && JSON.stringify(a.rollout) === JSON.stringify(b.rollout);
}
