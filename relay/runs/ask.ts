import {
  isOver,
  requestBytes,
  type Reason,
  type RequestEnvelope,
  type RunSummary,
  type UpdateRequest,
} from '../../protocol/index.ts';
import type { RunRecord } from './record.ts';

/** An operator asks for a run. */
export interface Ask {
  readonly envelope: RequestEnvelope;
  /** What the envelope's bytes say. */
  readonly request: UpdateRequest;
  readonly by: string;
  /** The relay's time, ms. */
  readonly at: number;
}

/** What the store holds that an ask depends on. */
export interface AskContext {
  /** The run that has this id already. */
  readonly existing?: RunRecord | undefined;
  readonly enrolled: boolean;
  /** The runs of the host that are not over. */
  readonly live: readonly RunSummary[];
}

export type AskDecision =
  | { readonly kind: 'new'; readonly record: RunRecord }
  /** Asked before, with the same bytes. */
  | { readonly kind: 'same'; readonly record: RunRecord }
  | { readonly kind: 'refused'; readonly reason: Reason };

/** Decides what becomes of an ask: the same id is the same run, and a host has one run at a time. */
export function decideAsk(ask: Ask, { existing, enrolled, live }: AskContext): AskDecision {
  const { request, envelope, by, at } = ask;
  if (existing) {
    return existing.summary.host === request.host && sameBytes(existing.envelope, envelope)
      ? { kind: 'same', record: existing }
      : refused('other-content', `Run ${request.runId} was asked for before, with another content.`, NEW_ID);
  }
  if (!enrolled) {
    return refused(
      'unknown-host',
      `No host of the name ${request.host} is enrolled.`,
      `Enrol it at the relay: nixfleet-relay enroll ${request.host}`,
    );
  }
  if (request.expiresAt <= at) {
    return refused(
      'expired',
      `The request expired ${new Date(request.expiresAt).toISOString()}, before it reached the relay.`,
      'Ask again; if it happens again, compare the clocks of this machine and of the relay.',
    );
  }
  const busyWith = live[0];
  if (busyWith) {
    return refused(
      'busy',
      `${request.host} is busy with run ${busyWith.runId}, which ${busyWith.delivery === 'queued' ? 'waits for the host' : `is ${busyWith.phase}`}.`,
      'Wait for that run to end, or cancel it.',
    );
  }
  return {
    kind: 'new',
    record: {
      envelope,
      summary: {
        runId: request.runId,
        host: request.host,
        requestedBy: by,
        requestedAt: at,
        expiresAt: request.expiresAt,
        ...(request.targetRev !== undefined && { targetRev: request.targetRev }),
        delivery: 'queued',
        seq: 0,
        phase: 'queued',
        phaseSince: at,
      },
    },
  };
}

const NEW_ID = 'Ask under a new run id.';

function refused(kind: string, message: string, advice: string): AskDecision {
  return { kind: 'refused', reason: { kind, message, advice } };
}

/** A run without an envelope came from its host: what was asked then is not known, so nothing speaks against it. */
function sameBytes(before: RequestEnvelope | undefined, now: RequestEnvelope): boolean {
  return !before || Buffer.from(requestBytes(before)).equals(requestBytes(now));
}

/** The run that keeps a host busy, if one does. */
export function liveRun(runs: readonly RunSummary[]): RunSummary | undefined {
  return runs.find(run => !isOver(run));
}
