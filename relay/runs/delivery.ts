import { isOver, type Reason, type RunSummary } from '../../protocol/index.ts';
import { clip } from './reason.ts';
import type { RunRecord } from './record.ts';

/** Something that happened to a run other than an event of its own. Times are the relay's, ms. */
export type RunChange =
  /** The request is about to be said to the agent. */
  | { readonly kind: 'sent'; readonly at: number }
  /** The host says that it has begun it. */
  | { readonly kind: 'begun' }
  /** The agent will not begin it. */
  | { readonly kind: 'refused'; readonly at: number; readonly reason: Reason }
  /** Its time is over, and the host was never told of it. */
  | { readonly kind: 'expired'; readonly at: number }
  | { readonly kind: 'cancel'; readonly at: number; readonly by: string }
  /** The host knows that it is to cancel. */
  | { readonly kind: 'cancel-answered' }
  /** The host said which runs it has, and this is none of them. */
  | { readonly kind: 'absent'; readonly at: number };

/**
 * A run after a change; the same value when the change does not apply to where the run is. What a host has begun can no
 * longer be refused, expire or be cancelled here: only its own events end it. And what the host says it has begun has
 * begun, whatever was stated here before.
 */
export function applyChange(record: RunRecord, change: RunChange): RunRecord {
  const { summary } = record;
  if (change.kind === 'cancel-answered') {
    const { cancelAskedBy, ...rest } = record;
    return cancelAskedBy === undefined ? record : rest;
  }
  if (change.kind === 'begun') {
    const begun = asBegun(summary);
    return begun === summary ? record : { ...record, summary: begun };
  }
  if (isOver(summary)) return record;
  const waiting = summary.delivery === 'queued' || summary.delivery === 'sent';
  switch (change.kind) {
    case 'sent':
      return summary.delivery === 'queued' ? { ...record, summary: { ...summary, delivery: 'sent' } } : record;
    case 'refused':
      return waiting ? over(record, 'refused', change.at, change.reason) : record;
    case 'expired':
      return summary.delivery === 'queued' ? expire(record, change.at) : record;
    case 'cancel':
      return summary.delivery === 'queued'
        ? cancel(record, change.at, change.by)
        : { ...record, cancelAskedBy: change.by };
    case 'absent':
      if (summary.delivery === 'queued') return record;
      if (summary.delivery === 'begun') {
        // without an event the runner may be about to make the run directory
        return summary.seq > 0 || summary.expiresAt <= change.at ? lose(record, change.at) : record;
      }
      if (record.cancelAskedBy !== undefined) return cancel(record, change.at, record.cancelAskedBy);
      return summary.expiresAt <= change.at ? expire(record, change.at) : record;
  }
}

function expire(record: RunRecord, at: number): RunRecord {
  return over(record, 'expired', at, {
    kind: 'expired',
    message: `${record.summary.host} did not begin before the request expired. Nothing was changed on it.`,
    advice: 'Update it again when the host is online.',
  });
}

function cancel(record: RunRecord, at: number, by: string): RunRecord {
  return over(record, 'cancelled', at, {
    kind: 'cancelled',
    message: `${by} cancelled it before ${record.summary.host} began. Nothing was changed on the host.`,
  });
}

/** Nobody will ever say how it ended. */
function lose({ summary, envelope }: RunRecord, at: number): RunRecord {
  const reason = {
    kind: LOST,
    message: `${summary.host} no longer has this run, so how it ended is not known.`,
    advice: 'Look at what the host runs now, and update it again.',
  };
  return { ...(envelope && { envelope }), summary: { ...summary, outcome: 'inconsistent', endedAt: at, reason } };
}

/** `Reason.kind` of an end that the relay stated because the host had lost the run. */
export const LOST = 'lost';

/** The summary of a run of which its host has spoken: an end that was stated without the host is not true. */
export function asBegun(summary: RunSummary): RunSummary {
  if (endedWithoutHost(summary)) {
    const { outcome: _outcome, endedAt: _endedAt, reason: _reason, ...rest } = summary;
    return { ...rest, delivery: 'begun' };
  }
  return summary.delivery === 'begun' ? summary : { ...summary, delivery: 'begun' };
}

function over(
  record: RunRecord,
  delivery: 'refused' | 'expired' | 'cancelled',
  endedAt: number,
  reason: Reason,
): RunRecord {
  const { cancelAskedBy: _, ...rest } = record;
  return { ...rest, summary: { ...record.summary, delivery, endedAt, reason: clip(reason) } };
}

/** Whether an end of a run was stated by the relay, without an event of the run that says so. */
export function endedWithoutHost(summary: RunSummary): boolean {
  return isOver(summary) && (summary.outcome === undefined || summary.reason?.kind === LOST);
}
