import type { Delivery, Outcome, Phase, Reason, RunState, RunSummary } from '../../protocol/index.ts';
import type { PlaceView } from '../../protocol/panel.ts';

/** No link. */
export interface PanelOutage {
  /** Why, in a sentence or two. */
  readonly why: string;
  /** Since when, by the clock on the wall. */
  readonly since: number;
}

/** What the panel shows a run from. A RunSession has it all but the last five. */
export interface RunSource {
  readonly runId: string;
  readonly host: string;
  readonly summary: RunSummary | undefined;
  readonly state: RunState;
  readonly lockBefore: string | undefined;
  readonly lockAfter: string | undefined;
  readonly gone: boolean;
  readonly problem: Reason | undefined;
  /** Whether the host is connected. Undefined when nobody knows. */
  readonly online: boolean | undefined;
  /** Where the problem is in this window's workspace. */
  readonly places: readonly PlaceView[];
  /** Whether this window has a nixcfg that a lock can be taken over to. */
  readonly hasNixcfg: boolean;
  /** Why this window hears nothing of any run just now; undefined while it does. */
  readonly outage: PanelOutage | undefined;
  /** Milliseconds that the host's clock is ahead of this one. */
  readonly clockAhead: number;
}

/** Events may be behind the summary (they are still coming) or ahead of it (it was never heard). The newer one counts. */
export function deliveryOf({ summary, state }: RunSource): Delivery {
  return state.seq > 0 ? 'begun' : (summary?.delivery ?? 'queued');
}

export function phaseOf({ summary, state }: RunSource): Phase {
  if (state.end) return state.end.phase;
  return summary && summary.seq >= state.seq ? summary.phase : state.phase;
}

export function outcomeOf({ summary, state }: RunSource): Outcome | undefined {
  return state.end?.outcome ?? summary?.outcome;
}

export function isOver(source: RunSource): boolean {
  const delivery = deliveryOf(source);
  return (
    outcomeOf(source) !== undefined || delivery === 'refused' || delivery === 'expired' || delivery === 'cancelled'
  );
}

/** A time of the host's, by the clock of this machine. */
export function localTime({ clockAhead }: RunSource, hostTime: number): number {
  return hostTime - clockAhead;
}
