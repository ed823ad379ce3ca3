import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import { isOver, type Delivery, type RunSummary } from '../../protocol/index.ts';
import { newRunId } from '../testing/harness.ts';
import { requestFor } from '../testing/test-operator.ts';
import {
  applyChange,
  CONFIRMATION_GRACE,
  endedWithoutHost,
  endsAt,
  isUnconfirmed,
  UNCONFIRMED,
  type RunChange,
} from './delivery.ts';
import type { RunRecord } from './record.ts';
import { foldSummary } from './summary.ts';

const EXPIRES = 5000;

function record(delivery: Delivery, more: Partial<RunSummary> = {}): RunRecord {
  const runId = newRunId();
  return {
    envelope: requestFor('web', runId),
    summary: {
      runId,
      host: 'web',
      requestedBy: 'ana',
      requestedAt: 0,
      expiresAt: EXPIRES,
      delivery,
      seq: 0,
      phase: 'queued',
      phaseSince: 0,
      ...more,
    },
  };
}

const deliveryAfter = (before: RunRecord, ...changes: RunChange[]) =>
  changes.reduce(applyChange, before).summary.delivery;

describe('the delivery of a run', () => {
  it('goes from the queue to the host', () => {
    const queued = record('queued');
    assert.equal(deliveryAfter(queued, { kind: 'sent', at: 1 }), 'sent');
    assert.equal(deliveryAfter(queued, { kind: 'sent', at: 1 }, { kind: 'begun' }), 'begun');
    assert.equal(deliveryAfter(record('begun'), { kind: 'sent', at: 1 }), 'begun');
  });

  it('ends when the host refuses, with its reason', () => {
    const reason = { kind: 'busy', message: 'no' };
    const refused = applyChange(record('sent'), { kind: 'refused', at: 9, reason });
    assert.equal(refused.summary.delivery, 'refused');
    assert.deepEqual(refused.summary.reason, reason);
    assert.equal(refused.summary.endedAt, 9);
    assert.equal(deliveryAfter(record('begun'), { kind: 'refused', at: 9, reason }), 'begun', 'it has begun already');
  });

  it('is ended by time while the host was not told, and never once the host has begun', () => {
    assert.equal(deliveryAfter(record('queued'), { kind: 'expired', at: EXPIRES }), 'expired');
    assert.equal(deliveryAfter(record('queued'), { kind: 'expired', at: EXPIRES - 1 }), 'queued');
    const begun = record('begun');
    assert.equal(applyChange(begun, { kind: 'expired', at: 1e15 }), begun);
    assert.equal(endsAt(begun.summary), undefined);
  });

  it('is not known when the host was told, did not answer, and can begin no more', () => {
    const sent = record('sent');
    const over = EXPIRES + CONFIRMATION_GRACE;
    assert.equal(endsAt(sent.summary), over);
    assert.equal(applyChange(sent, { kind: 'expired', at: over - 1 }), sent, 'it may be about to say so');
    const { summary } = applyChange(sent, { kind: 'expired', at: over });
    assert.equal(isOver(summary), true, 'it keeps the host busy no longer');
    assert.deepEqual([summary.outcome, summary.reason?.kind, summary.endedAt], ['inconsistent', UNCONFIRMED, over]);
    assert.match(summary.reason?.message ?? '', /It may have updated itself, or not\.$/);
    assert.doesNotMatch(summary.reason?.message ?? '', /Nothing was changed/);
    assert.equal(endedWithoutHost(summary), true);
    const wished = applyChange(sent, { kind: 'cancel', at: 1, by: 'bea' });
    assert.match(applyChange(wished, { kind: 'expired', at: over }).summary.reason?.message ?? '', /wish of bea/);
  });

  it('is what the host says, when it comes back after that', () => {
    const over = EXPIRES + CONFIRMATION_GRACE;
    const unknown = applyChange(record('sent'), { kind: 'expired', at: over });
    const begun = applyChange(unknown, { kind: 'begun' }).summary;
    assert.deepEqual(
      [begun.delivery, isOver(begun), begun.reason, begun.endedAt],
      ['begun', false, undefined, undefined],
    );
    const ended = { v: 1, seq: 1, at: 7, type: 'ended', outcome: 'succeeded', changed: true, after: {} };
    const folded = foldSummary(unknown.summary, [ended]);
    assert.deepEqual([folded.outcome, folded.endedAt, folded.reason], ['succeeded', 7, undefined]);
    const absent = applyChange(unknown, { kind: 'absent', at: over + 5 }).summary;
    assert.deepEqual([absent.delivery, absent.outcome, absent.reason?.kind], ['expired', undefined, 'expired']);
    assert.match(absent.reason?.message ?? '', /Nothing was changed/);
    const reason = { kind: 'expired', message: 'too late' };
    const refused = applyChange(unknown, { kind: 'refused', at: over + 5, reason }).summary;
    assert.deepEqual([refused.delivery, refused.outcome, refused.reason], ['refused', undefined, reason]);
    for (const kind of ['sent', 'expired'] as const)
      assert.equal(applyChange(unknown, { kind, at: over + 9 }), unknown);
    assert.equal(applyChange(unknown, { kind: 'cancel', at: over + 9, by: 'bea' }), unknown);
  });

  it('is cancelled at once while it waits, and becomes a wish when the host may have it', () => {
    const cancel = { kind: 'cancel', at: 1, by: 'bea' } as const;
    assert.match(applyChange(record('queued'), cancel).summary.reason?.message ?? '', /bea.*Nothing was changed/);
    for (const delivery of ['sent', 'begun'] as const) {
      const wished = applyChange(record(delivery), cancel);
      assert.equal(wished.summary.delivery, delivery);
      assert.equal(wished.cancelAskedBy, 'bea');
      assert.equal(applyChange(wished, { kind: 'cancel-answered' }).cancelAskedBy, undefined);
    }
  });

  it('knows what a run is that the host does not have', () => {
    const absent = (at: number) => ({ kind: 'absent', at }) as const;
    assert.equal(deliveryAfter(record('queued'), absent(EXPIRES)), 'queued');
    assert.equal(deliveryAfter(record('sent'), absent(EXPIRES - 1)), 'sent', 'it will be told again');
    assert.equal(deliveryAfter(record('sent'), absent(EXPIRES)), 'expired');
    assert.equal(deliveryAfter(record('sent'), { kind: 'cancel', at: 1, by: 'bea' }, absent(2)), 'cancelled');
    const starting = applyChange(record('begun'), absent(EXPIRES - 1));
    assert.equal(isOver(starting.summary), false, 'its runner may be about to make its folder');
    const lost = applyChange(record('begun', { seq: 3 }), absent(1));
    assert.equal(lost.summary.outcome, 'inconsistent');
    assert.equal(lost.summary.reason?.kind, 'lost');
  });

  it('is overruled by what the host says', () => {
    const phase = { v: 1, seq: 1, at: 7, type: 'phase', phase: 'pulling' };
    for (const before of [
      applyChange(record('queued'), { kind: 'cancel', at: 1, by: 'bea' }),
      applyChange(record('queued'), { kind: 'expired', at: EXPIRES }),
      applyChange(record('sent'), { kind: 'refused', at: 1, reason: { kind: 'busy', message: 'no' } }),
    ]) {
      assert.equal(endedWithoutHost(before.summary), true);
      for (const after of [foldSummary(before.summary, [phase]), applyChange(before, { kind: 'begun' }).summary]) {
        assert.equal(after.delivery, 'begun');
        assert.equal(isOver(after), false);
        assert.equal(after.reason, undefined);
        assert.equal(after.endedAt, undefined);
      }
    }
    const lost = applyChange(record('begun', { seq: 1 }), { kind: 'absent', at: 1 });
    const found = foldSummary(lost.summary, [{ ...phase, seq: 2 }]);
    assert.equal(isOver(found), false);
    assert.equal(isOver(applyChange(lost, { kind: 'begun' }).summary), false);
  });

  it('does not touch what the host ended', () => {
    const ended = record('begun', { seq: 4, outcome: 'failed', endedAt: 5, reason: { kind: 'x', message: 'y' } });
    for (const kind of ['sent', 'begun', 'expired', 'absent'] as const) {
      assert.equal(applyChange(ended, { kind, at: 9 }), ended);
    }
    assert.equal(applyChange(ended, { kind: 'cancel', at: 9, by: 'bea' }), ended);
  });

  it('never leaves an end that was reached, unless the host says otherwise', () => {
    const change: fc.Arbitrary<RunChange> = fc.oneof(
      fc.constantFrom<RunChange>(
        { kind: 'sent', at: 1 },
        { kind: 'begun' },
        { kind: 'refused', at: 1, reason: { kind: 'x', message: 'y' } },
        { kind: 'expired', at: EXPIRES },
        { kind: 'expired', at: EXPIRES + CONFIRMATION_GRACE },
        { kind: 'cancel', at: 1, by: 'bea' },
        { kind: 'cancel-answered' },
      ),
      fc.nat(2 * EXPIRES).map((at): RunChange => ({ kind: 'absent', at })),
    );
    fc.assert(
      fc.property(fc.array(change), changes => {
        let now = record('queued');
        for (const next of changes) {
          const after = applyChange(now, next);
          const isHost =
            next.kind === 'begun' || (isUnconfirmed(now.summary) && /^(?:absent|refused)$/.test(next.kind));
          if (isOver(now.summary) && !isHost) assert.deepEqual(after.summary, now.summary);
          if (isOver(after.summary)) assert.equal(after.cancelAskedBy, undefined);
          assert.deepEqual(after.envelope, now.envelope, 'what was asked is never lost');
          now = after;
        }
      }),
    );
  });
});
