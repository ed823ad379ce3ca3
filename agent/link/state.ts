/**
 * The link to the relay as a pure state machine: what happened goes in, the next state and what to do about it come out.
 * It knows no socket, no clock and no chance; `link.ts` is its shell. Times are milliseconds of a clock that never jumps.
 */
import { CloseCode } from '../../protocol/index.ts';
import { retryDelay, type BackoffLimits } from './backoff.ts';
import { inWords, judge, type Trouble } from './trouble.ts';

export interface LinkTimings {
  readonly backoff: BackoffLimits;
  /** From the first packet to the open socket. */
  readonly connect: number;
  /** From the hello to the welcome. */
  readonly greeting: number;
  /** A ping this often. */
  readonly ping: number;
  /** A link that was silent for so long is dead, whatever the kernel thinks. */
  readonly silence: number;
  /** A link that held for so long was a good one: the next failure counts as the first. */
  readonly stable: number;
  /** For going down in order. */
  readonly drain: number;
  /** The wait after a close that says that coming back soon is wrong, and its share of chance. */
  readonly long: number;
  /** The wait after a close that only a person can mend. */
  readonly rare: number;
}

export const DEFAULT_TIMINGS: LinkTimings = {
  backoff: { base: 1000, cap: 30_000, floor: 100 },
  connect: 10_000,
  greeting: 10_000,
  ping: 15_000,
  silence: 40_000,
  stable: 30_000,
  drain: 2000,
  long: 2 * 60_000,
  rare: 15 * 60_000,
};

export type LinkState =
  /** `retryOnChange`: a token or certificate that is written anew is worth a try at once. */
  | { readonly name: 'waiting'; readonly until: number; readonly failures: number; readonly retryOnChange: boolean }
  | { readonly name: 'connecting'; readonly deadline: number; readonly failures: number }
  | { readonly name: 'greeting'; readonly deadline: number; readonly failures: number }
  | {
      readonly name: 'online';
      readonly since: number;
      readonly heardAt: number;
      readonly pingAt: number;
      readonly failures: number;
    }
  /** Said goodbye, waits for the relay's. */
  | { readonly name: 'closing'; readonly deadline: number }
  | { readonly name: 'stopped' };

export type LinkEvent =
  | { readonly type: 'opened' }
  | { readonly type: 'welcomed' }
  /** Something arrived, or went out that had been stuck: the other side lives. */
  | { readonly type: 'heard' }
  | { readonly type: 'lost'; readonly trouble: Trouble }
  /** The relay said something that is not a message. */
  | { readonly type: 'nonsense'; readonly detail: string }
  /** Token or certificate were written anew. */
  | { readonly type: 'credentials-changed' }
  | { readonly type: 'tick' }
  | { readonly type: 'shutdown' };

export type LinkEffect =
  | { readonly type: 'connect' }
  | { readonly type: 'say-hello' }
  | { readonly type: 'begin-session' }
  | { readonly type: 'end-session' }
  | { readonly type: 'ping' }
  /** Say goodbye and wait for the relay's. */
  | { readonly type: 'close'; readonly code: number; readonly reason: string }
  /** Forget the socket, after a last word where there is a code; nothing of it is heard any more. */
  | { readonly type: 'drop'; readonly code?: number; readonly reason?: string }
  | { readonly type: 'log'; readonly level: 'info' | 'warn' | 'error'; readonly message: string };

export interface Transition {
  readonly state: LinkState;
  readonly effects: readonly LinkEffect[];
}

/** What the world is like while an event is taken. */
export interface Circumstances {
  readonly now: number;
  /** In [0, 1). */
  readonly random: number;
  readonly timings: LinkTimings;
}

/** Before the first try: the first tick connects. */
export const INITIAL_LINK: LinkState = { name: 'waiting', until: 0, failures: 0, retryOnChange: false };

/** When a state wants a `tick` at the latest; undefined when time changes nothing. */
export function wakeAt(state: LinkState, timings: LinkTimings): number | undefined {
  switch (state.name) {
    case 'waiting':
      return state.until;
    case 'connecting':
    case 'greeting':
    case 'closing':
      return state.deadline;
    case 'online':
      return Math.min(state.pingAt, state.heardAt + timings.silence);
    case 'stopped':
      return undefined;
  }
}

export function reduce(state: LinkState, event: LinkEvent, at: Circumstances): Transition {
  if (state.name === 'stopped') return stay(state);
  if (state.name === 'closing') {
    const over = event.type === 'lost' || (event.type === 'tick' && at.now >= state.deadline);
    return over ? { state: { name: 'stopped' }, effects: [{ type: 'drop' }] } : stay(state);
  }
  switch (event.type) {
    case 'opened':
      if (state.name !== 'connecting') return stay(state);
      return {
        state: { name: 'greeting', deadline: at.now + at.timings.greeting, failures: state.failures },
        effects: [{ type: 'say-hello' }],
      };
    case 'welcomed':
      if (state.name !== 'greeting') return stay(state);
      return {
        state: {
          name: 'online',
          since: at.now,
          heardAt: at.now,
          pingAt: at.now + at.timings.ping,
          failures: state.failures,
        },
        effects: [{ type: 'begin-session' }],
      };
    case 'heard':
      return stay(state.name === 'online' ? { ...state, heardAt: at.now } : state);
    case 'lost':
      return state.name === 'waiting' ? stay(state) : retreat(state, event.trouble, at);
    case 'nonsense':
      if (state.name !== 'online' && state.name !== 'greeting') return stay(state);
      return retreat(state, { kind: 'closed', code: CloseCode.badMessage, reason: event.detail }, at, {
        type: 'drop',
        code: CloseCode.badMessage,
        reason: event.detail,
      });
    case 'credentials-changed':
      return state.name === 'waiting' && state.retryOnChange ? connect(state.failures, at) : stay(state);
    case 'tick':
      return tick(state, at);
    case 'shutdown':
      return shutDown(state, at);
  }
}

type Live = Exclude<LinkState, { name: 'closing' | 'stopped' }>;

function stay(state: LinkState): Transition {
  return { state, effects: [] };
}

function connect(failures: number, at: Circumstances): Transition {
  return {
    state: { name: 'connecting', deadline: at.now + at.timings.connect, failures },
    effects: [{ type: 'connect' }],
  };
}

function tick(state: Live, at: Circumstances): Transition {
  switch (state.name) {
    case 'waiting':
      return at.now >= state.until ? connect(state.failures, at) : stay(state);
    case 'connecting':
      if (at.now < state.deadline) return stay(state);
      return retreat(state, { kind: 'unreachable', message: `no answer within ${inWords(at.timings.connect)}` }, at);
    case 'greeting':
      if (at.now < state.deadline) return stay(state);
      return retreat(state, { kind: 'unreachable', message: `no welcome within ${inWords(at.timings.greeting)}` }, at);
    case 'online':
      if (at.now >= state.heardAt + at.timings.silence) {
        const silent = `not a sign of life for ${inWords(at.now - state.heardAt)}`;
        return retreat(state, { kind: 'unreachable', message: silent }, at);
      }
      return at.now >= state.pingAt
        ? { state: { ...state, pingAt: at.now + at.timings.ping }, effects: [{ type: 'ping' }] }
        : stay(state);
  }
}

function shutDown(state: Live, at: Circumstances): Transition {
  if (state.name === 'waiting') return { state: { name: 'stopped' }, effects: [] };
  if (state.name === 'connecting') return { state: { name: 'stopped' }, effects: [{ type: 'drop' }] };
  return {
    state: { name: 'closing', deadline: at.now + at.timings.drain },
    effects: [
      ...(state.name === 'online' ? [{ type: 'end-session' } as const] : []),
      { type: 'close', code: CloseCode.normal, reason: 'the agent stops' },
    ],
  };
}

/** Gives the link up for now, and says how long. */
function retreat(
  state: Exclude<Live, { name: 'waiting' }>,
  trouble: Trouble,
  at: Circumstances,
  goodbye: LinkEffect = { type: 'drop' },
): Transition {
  const wasGood = state.name === 'online' && at.now - state.since >= at.timings.stable;
  const failures = (wasGood ? 0 : state.failures) + 1;
  const { level, message, wait, retryOnChange } = judge(trouble);
  const delay =
    wait === 'backoff' ? retryDelay(at.timings.backoff, failures, at.random) : at.timings[wait] * (1 + 0.5 * at.random);
  return {
    state: { name: 'waiting', until: at.now + delay, failures, retryOnChange },
    effects: [
      ...(state.name === 'online' ? [{ type: 'end-session' } as const] : []),
      goodbye,
      { type: 'log', level, message: `${message}; next try in ${inWords(delay)}` },
    ],
  };
}
