import { createHash } from 'node:crypto';
import {
  isHeld,
  isOver,
  MAX_NAMED_FAILURES,
  parseRequest,
  requestBytes,
  type Reason,
  type RequestEnvelope,
  type Rollout,
  type RolloutAsk,
  type RunId,
  type RunSummary,
  type UpdateRequest,
} from '../../protocol/index.ts';
import type { Ask, AskDecision } from '../runs/ask.ts';
import { clip } from '../runs/reason.ts';
import type { RunRecord } from '../runs/record.ts';

/** What the relay keeps of a rollout. What its hosts do stands in their runs. A value. */
export interface RolloutRecord {
  readonly rollout: Rollout;
  /** Its runs, in the order of their turns. */
  readonly turns: readonly Turn[];
  /** When the last turn was given, by the relay's clock, ms. */
  readonly lastStartAt?: number;
  /** SHA-256 of what was asked: the same id with another content is refused. */
  readonly digest: string;
  /** Hosts that were asked for and are not part of it. */
  readonly refused: readonly Refused[];
}

export interface Turn {
  readonly host: string;
  readonly runId: RunId;
}

export interface Refused {
  readonly host: string;
  readonly reason: Reason;
}

/** An operator asks for a rollout. */
export interface RolloutQuestion {
  readonly ask: RolloutAsk;
  /** What the envelopes' bytes say, in their order. */
  readonly requests: readonly UpdateRequest[];
  readonly by: string;
  /** The relay's time, ms. */
  readonly at: number;
}

/** Reads the requests of an ask. A host or a run that is named twice is a mistake of whoever asks. */
export function readRequests({
  requests,
}: Pick<RolloutAsk, 'requests'>):
  { readonly ok: true; readonly requests: UpdateRequest[] } | { readonly ok: false; readonly message: string } {
  const read: UpdateRequest[] = [];
  const seen = new Set<string>();
  for (const envelope of requests) {
    const parsed = parseRequest(requestBytes(envelope), envelope.runId);
    if (!parsed.ok) return parsed;
    const { host, runId } = parsed.request;
    if (seen.has(host) || seen.has(runId)) return { ok: false, message: `the rollout names ${host} or its run twice` };
    seen.add(host).add(runId);
    read.push(parsed.request);
  }
  return { ok: true, requests: read };
}

export type RolloutDecision =
  | { readonly kind: 'new'; readonly record: RolloutRecord; readonly runs: readonly RunRecord[] }
  /** Asked before, with the same content. */
  | { readonly kind: 'same'; readonly record: RolloutRecord }
  | { readonly kind: 'refused'; readonly reason: Reason };

/**
 * Decides what becomes of an ask for a rollout: the same id is the same rollout. A host that may not have a run now is left
 * out and named; the rollout is refused when none is left. Its runs are queued at once, and held until their turn comes.
 * @param existing the rollout that has this id already
 * @param decide what would become of each request alone
 */
export function decideRollout(
  question: RolloutQuestion,
  existing: RolloutRecord | undefined,
  decide: (ask: Ask) => AskDecision,
): RolloutDecision {
  const { ask, requests, by, at } = question;
  const digest = digestOf(ask);
  if (existing) {
    if (existing.digest === digest) return { kind: 'same', record: existing };
    const message = `Rollout ${ask.rolloutId} was asked for before, with another content.`;
    return { kind: 'refused', reason: { kind: 'other-content', message, advice: 'Ask under a new id.' } };
  }
  const runs: RunRecord[] = [];
  const refused: Refused[] = [];
  for (const [index, envelope] of ask.requests.entries()) {
    const request = requests[index];
    if (!request) continue;
    const decision = decide({ envelope, request, by, at });
    if (decision.kind === 'new') runs.push(held(decision.record, ask));
    else refused.push({ host: request.host, reason: clip(refusalOf(decision, request)) });
  }
  const [first] = runs;
  if (!first) return { kind: 'refused', reason: refused[0]?.reason ?? NOTHING };
  const { targetRev } = first.summary;
  const isOne = targetRev !== undefined && runs.every(run => run.summary.targetRev === targetRev);
  const { rolloutId, width, stagger, stopAfterFailures } = ask;
  const turns = runs.map(({ summary: { host, runId } }) => ({ host, runId }));
  const record: RolloutRecord = {
    rollout: {
      ...{ rolloutId, width, stagger, stopAfterFailures, requestedBy: by, requestedAt: at },
      ...(isOne && { targetRev }),
      counts: { waiting: turns.length, offline: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 },
      failed: [],
    },
    turns,
    digest,
    refused: refused.slice(0, MAX_NAMED_FAILURES),
  };
  return { kind: 'new', record, runs };
}

const NOTHING: Reason = { kind: 'bad-request', message: 'The rollout names no host.' };

function held(record: RunRecord, { rolloutId }: RolloutAsk): RunRecord {
  return { ...record, summary: { ...record.summary, rollout: rolloutId, held: true } };
}

/** A run that there is already is not made part of a rollout. */
function refusalOf(decision: Exclude<AskDecision, { kind: 'new' }>, { host, runId }: UpdateRequest): Reason {
  return decision.kind === 'refused'
    ? decision.reason
    : { kind: 'other-content', message: `Run ${runId} of ${host} was asked for before, alone.` };
}

function digestOf({ width, stagger, stopAfterFailures, requests }: RolloutAsk): string {
  const hash = createHash('sha256').update(JSON.stringify([width, stagger, stopAfterFailures]));
  for (const envelope of requests) hash.update(JSON.stringify(contentOf(envelope)));
  return hash.digest('hex');
}

function contentOf({ runId, request, keyId, signature }: RequestEnvelope): unknown {
  return [runId, request, keyId ?? null, signature ?? null];
}

/** Whether a run takes one of the places of its rollout. */
export function takesPlace(run: RunSummary): boolean {
  return !isOver(run) && !isHeld(run);
}
