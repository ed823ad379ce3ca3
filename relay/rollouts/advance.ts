import type { RunId } from '../../protocol/index.ts';
import type { AdvanceResult } from '../backbone/backbone.ts';
import { applyChange, type RunChange } from '../runs/delivery.ts';
import type { RunRecord } from '../runs/record.ts';
import { planRollout } from './plan.ts';
import type { RolloutRecord } from './record.ts';

/** What a store holds that a rollout goes on by. */
export interface AdvanceContext {
  readonly run: (runId: RunId) => RunRecord | undefined;
  readonly isOnline: (host: string) => boolean;
}

export interface Advance extends AdvanceResult {
  readonly record: RolloutRecord;
  readonly isChanged: boolean;
  /** Runs that are other than before. */
  readonly runs: readonly RunRecord[];
}

/** What the relay goes on by after it was written. */
export function resultOf({ hosts, nextAt }: Advance): AdvanceResult {
  return { hosts, ...(nextAt !== undefined && { nextAt }) };
}

/** A rollout and its runs after what is to be done about it now (see `planRollout`). */
export function advance(before: RolloutRecord, { run, isOnline }: AdvanceContext, now: number): Advance {
  const records = new Map(before.turns.map(({ runId }) => [runId, run(runId)]));
  const turns = before.turns.map(turn => ({
    ...turn,
    run: records.get(turn.runId)?.summary,
    online: isOnline(turn.host),
  }));
  const { record, release, hold, cancel, nextAt } = planRollout(before, turns, now);
  const change = (ids: readonly RunId[], what: RunChange): RunRecord[] =>
    ids.flatMap(id => {
      const known = records.get(id);
      return known ? applyChange(known, what) : [];
    });
  const released = change(release, { kind: 'release' });
  const runs = [
    ...released,
    ...change(hold, { kind: 'hold' }),
    ...change(cancel, { kind: 'cancel', at: now, by: stoppedBy(record) }),
  ];
  return {
    record,
    isChanged: record !== before || runs.length > 0,
    runs,
    hosts: released.map(({ summary }) => summary.host),
    ...(nextAt !== undefined && { nextAt }),
  };
}

/** The rollout after a person said that no other host is to begin. */
export function stopped(record: RolloutRecord, by: string, at: number): RolloutRecord {
  const { rollout } = record;
  if (rollout.stopped || rollout.endedAt !== undefined) return record;
  return { ...record, rollout: { ...rollout, stopped: { at, by } } };
}

/** Who cancels what did not begin, as the subject of a sentence. */
function stoppedBy({ rollout: { stopped: said, counts } }: RolloutRecord): string {
  return said?.by ?? `The rollout, after ${counts.failed} failures,`;
}

/** Rollouts that are over, of which operators are told. */
export const SHOWN_ENDED = 10;
