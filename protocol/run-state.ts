import type { AgentManifest } from './manifest.ts';
import type { Outcome, Phase } from './phase.ts';
import {
  knownEvent,
  type AnyRunEvent,
  type Commit,
  type LockedRef,
  type Reason,
  type RunEvent,
  type Snapshot,
} from './run-event.ts';

type EventOf<T extends RunEvent['type']> = Extract<RunEvent, { type: T }>;

export interface PhaseSpan {
  readonly phase: Phase;
  readonly startedAt: number;
  readonly endedAt?: number;
}

export interface Step {
  readonly step: number;
  readonly phase: Phase;
  readonly argv: readonly string[];
  readonly user: string;
  readonly startedAt: number;
  readonly exitCode?: number;
  readonly signal?: string;
  readonly durationMs?: number;
}

export interface RunEnd {
  readonly at: number;
  readonly outcome: Outcome;
  readonly changed: boolean;
  /** The phase in which the run ended. */
  readonly phase: Phase;
  readonly after: Snapshot;
  readonly reason?: Reason;
  readonly lastLines?: readonly string[];
}

/** What the events of a run add up to. A value: every event makes a new one. */
export interface RunState {
  /** Number of the last event that is in this state. */
  readonly seq: number;
  readonly phase: Phase;
  readonly phases: readonly PhaseSpan[];
  readonly steps: readonly Step[];
  readonly warnings: readonly string[];
  readonly host?: EventOf<'host'>;
  readonly before?: Snapshot;
  readonly commits?: {
    readonly listed: readonly Commit[];
    readonly more: number;
    readonly from: string;
    readonly to: string;
    readonly remote?: string;
  };
  readonly lock?: {
    readonly input: string;
    readonly before?: LockedRef;
    readonly after: LockedRef;
    readonly changed: boolean;
  };
  /** What nix had to build and download. */
  readonly totals?: EventOf<'build-totals'>;
  readonly packages?: EventOf<'packages'>;
  readonly built?: { readonly toplevel: string; readonly manifest: AgentManifest };
  readonly activated?: EventOf<'activated'>;
  readonly confirmed?: EventOf<'confirmed'>;
  readonly committed?: EventOf<'committed'>;
  readonly reboot?: EventOf<'reboot'>;
  /** Where the host publishes locks: that it is about to, and what came of it. */
  readonly publishing?: EventOf<'publishing'>;
  readonly published?: EventOf<'published'>;
  readonly cancelAsked?: { readonly at: number; readonly by: string };
  readonly resumes: number;
  readonly end?: RunEnd;
}

export const INITIAL_RUN: RunState = { seq: 0, phase: 'queued', phases: [], steps: [], warnings: [], resumes: 0 };

/**
 * The state after one more event. Events are numbered: one that is in the state already is ignored, and one behind a gap
 * throws RangeError, because a state that skipped an event would lie. Events of unknown type only move the number.
 */
export function applyEvent(state: RunState, event: AnyRunEvent): RunState {
  if (event.seq <= state.seq) return state;
  if (event.seq !== state.seq + 1) throw new RangeError(`event ${event.seq} came after ${state.seq}`);
  const known = knownEvent(event);
  const next = { ...state, seq: event.seq };
  return known ? reduce(next, known) : next;
}

/** The state of a run with these events, in order. */
export function foldRun(events: Iterable<AnyRunEvent>, from: RunState = INITIAL_RUN): RunState {
  let state = from;
  for (const event of events) state = applyEvent(state, event);
  return state;
}

function reduce(state: RunState, event: RunEvent): RunState {
  switch (event.type) {
    case 'phase':
      return {
        ...state,
        phase: event.phase,
        phases: [...closeSpan(state.phases, event.at), { phase: event.phase, startedAt: event.at }],
      };
    case 'host':
      return { ...state, host: event };
    case 'recorded':
      return { ...state, before: event.before };
    case 'pulled': {
      const { commits: listed, more, from, to, remote } = event;
      return { ...state, commits: { listed, more, from, to, ...(remote !== undefined && { remote }) } };
    }
    case 'locked': {
      const { input, before, after, changed } = event;
      return { ...state, lock: { input, after, changed, ...(before && { before }) } };
    }
    case 'build-totals':
      return { ...state, totals: event };
    case 'packages':
      return { ...state, packages: event };
    case 'built':
      return { ...state, built: { toplevel: event.toplevel, manifest: event.manifest } };
    case 'activated':
      return { ...state, activated: event };
    case 'confirmed':
      return { ...state, confirmed: event };
    case 'committed':
      return { ...state, committed: event };
    case 'reboot':
      return { ...state, reboot: event };
    case 'publishing':
      return { ...state, publishing: event };
    case 'published':
      return { ...state, published: event };
    case 'step-started': {
      const { step, argv, user } = event;
      return { ...state, steps: [...state.steps, { step, phase: state.phase, argv, user, startedAt: event.at }] };
    }
    case 'step-ended': {
      const { exitCode, signal, durationMs } = event;
      const ended = {
        durationMs,
        ...(exitCode !== undefined && { exitCode }),
        ...(signal !== undefined && { signal }),
      };
      return { ...state, steps: state.steps.map(step => (step.step === event.step ? { ...step, ...ended } : step)) };
    }
    case 'warning':
      return { ...state, warnings: [...state.warnings, event.message] };
    case 'resumed':
      return { ...state, resumes: state.resumes + 1 };
    case 'restored':
      return state;
    case 'cancel-asked':
      return { ...state, cancelAsked: { at: event.at, by: event.by } };
    case 'ended': {
      const { at, outcome, changed, after, reason, lastLines } = event;
      return {
        ...state,
        phases: closeSpan(state.phases, at),
        end: {
          at,
          outcome,
          changed,
          phase: state.phase,
          after,
          ...(reason && { reason }),
          ...(lastLines && { lastLines }),
        },
      };
    }
  }
}

function closeSpan(phases: readonly PhaseSpan[], at: number): readonly PhaseSpan[] {
  const last = phases.at(-1);
  return last && last.endedAt === undefined ? [...phases.slice(0, -1), { ...last, endedAt: at }] : phases;
}
