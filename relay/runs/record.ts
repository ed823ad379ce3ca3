import type { RequestEnvelope, RunId, RunSummary } from '../../protocol/index.ts';

/** What the relay keeps of a run besides its events and streams. A value. */
export interface RunRecord {
  readonly summary: RunSummary;
  /** What was asked, verbatim. Absent when the relay learnt of the run from its host. */
  readonly envelope?: RequestEnvelope;
  /** Who asked to cancel it while the host had it already; told to the host until it answers. */
  readonly cancelAskedBy?: string;
}

/** Who is said to have asked for a run of which the relay has only what its host tells. */
export const UNKNOWN_REQUESTER = 'unknown';

/** When a run id was made, ms since the epoch: the first 48 bits of a ULID. */
export function timeOfRunId(runId: RunId): number {
  let time = 0;
  for (const character of runId.slice(0, 10)) time = time * 32 + '0123456789ABCDEFGHJKMNPQRSTVWXYZ'.indexOf(character);
  return time;
}

/** The record of a run that a host has and the relay never heard of, such as after it lost its disk. Events fill it in. */
export function recordFromHost(runId: RunId, host: string): RunRecord {
  const at = timeOfRunId(runId);
  return {
    summary: {
      runId,
      host,
      requestedBy: UNKNOWN_REQUESTER,
      requestedAt: at,
      expiresAt: at,
      delivery: 'begun',
      seq: 0,
      phase: 'queued',
      phaseSince: at,
    },
  };
}
