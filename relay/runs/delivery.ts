import { isHeld, isOver, type Reason, type RunSummary } from '../../protocol/index.ts';
import { clip } from './reason.ts';
import type { RunRecord } from './record.ts';

/** Something that happened to a run other than an event of its own. Times are the relay's, ms. */
export type RunChange =
  /** Its turn in its rollout has come. */
  | { readonly kind: 'release' }
  /** Its turn had come, and its host went away before it was told. */
  | { readonly kind: 'hold' }
  /** The request is about to be said to the agent. */
  | { readonly kind: 'sent'; readonly at: number }
  /** The host says that it has begun it. */
  | { readonly kind: 'begun' }
  /** The agent will not begin it. */
  | { readonly kind: 'refused'; readonly at: number; readonly reason: Reason }
  /** Its time is over, and the host was never told of it, or has not said that it began. */
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
  if (isUnconfirmed(summary)) return confirm(record, change);
  if (isOver(summary)) return record;
  const waiting = summary.delivery === 'queued' || summary.delivery === 'sent';
  switch (change.kind) {
    case 'release': {
      const { held: _held, ...released } = summary;
      return isHeld(summary) ? { ...record, summary: released } : record;
    }
    case 'hold':
      return summary.delivery === 'queued' && !isHeld(summary)
        ? { ...record, summary: { ...summary, held: true } }
        : record;
    case 'sent':
      return summary.delivery === 'queued' && !isHeld(summary)
        ? { ...record, summary: { ...summary, delivery: 'sent' } }
        : record;
    case 'refused':
      return waiting ? over(record, 'refused', change.at, change.reason) : record;
    case 'expired':
      if ((endsAt(summary) ?? Infinity) > change.at) return record;
      return summary.delivery === 'queued' ? expire(record, change.at) : giveUp(record, change.at);
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

/** Milliseconds that a host has to say that it began what it got at the last moment. */
export const CONFIRMATION_GRACE = 2 * 60_000;

/** When the relay ends a run by itself, should nothing more be heard of it; ms. Undefined: not at all. */
export function endsAt(summary: RunSummary): number | undefined {
  if (isOver(summary)) return undefined;
  if (summary.delivery === 'queued') return summary.expiresAt;
  return summary.delivery === 'sent' ? summary.expiresAt + CONFIRMATION_GRACE : undefined;
}

/**
 * The host was sent the request and never said whether it began. From its expiry on no host begins it, so nothing more will
 * come of it here; but it may have begun before, and then it went on by itself. So neither "expired" (nothing was changed)
 * nor a failure would be true: what the host is now is not known. It no longer keeps the host busy, which sees to it itself
 * that it has one run at a time. The host's run directory is the truth: as soon as it is back, what it says of the run counts.
 */
function giveUp({ summary, envelope, cancelAskedBy }: RunRecord, at: number): RunRecord {
  const cancel = cancelAskedBy === undefined ? '' : ` Nor has it answered the wish of ${cancelAskedBy} to cancel it.`;
  const reason = {
    kind: UNCONFIRMED,
    message: `The request was sent to ${summary.host}, which did not say before the request expired whether it began. It may have updated itself, or not.${cancel}`,
    advice: 'It tells as soon as it is connected again. Until then only a look at the host itself says what it runs.',
  };
  return {
    ...(envelope && { envelope }),
    summary: { ...summary, outcome: 'inconsistent', endedAt: at, reason: clip(reason) },
  };
}

/** `Reason.kind` of an end that the relay stated because the host did not say whether it began. */
export const UNCONFIRMED = 'unconfirmed';

/** Whether the relay has given up a run of which only its host knows what became. */
export function isUnconfirmed(summary: RunSummary): boolean {
  return summary.outcome !== undefined && summary.reason?.kind === UNCONFIRMED;
}

/** The host says after all what became of a run that was given up, and that it never began it. */
function confirm(record: RunRecord, change: RunChange): RunRecord {
  const { outcome: _outcome, ...summary } = record.summary;
  if (change.kind === 'absent') return expire({ ...record, summary }, change.at);
  return change.kind === 'refused' ? over({ ...record, summary }, 'refused', change.at, change.reason) : record;
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
  const { held: _held, ...summary } = record.summary;
  return { ...rest, summary: { ...summary, delivery, endedAt, reason: clip(reason) } };
}

/** Whether an end of a run was stated by the relay, without an event of the run that says so. */
export function endedWithoutHost(summary: RunSummary): boolean {
  return isOver(summary) && (summary.outcome === undefined || summary.reason?.kind === LOST || isUnconfirmed(summary));
}
