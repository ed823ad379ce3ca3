/**
 * The link to the relay as a pure state machine. Each state has at most one deadline; whoever runs the machine sets one
 * timer to it and says `deadline` when it has passed. Times are milliseconds of one clock that never jumps back.
 */
import { retryOf, type Trouble } from './trouble.ts';
import { retryDelay } from './backoff.ts';

/** Who answered, as its welcome says. */
export interface RelayInfo {
  readonly protocol: number;
  readonly version: string;
  /** The name of the operator whom the token belongs to. */
  readonly operator: string;
}

/** `socket` numbers the sockets of this machine, so that the word of an old one is told from that of the present one. */
interface Numbered {
  readonly socket: number;
}

/** Why there is no link, and since when: since it was lost, or since the first attempt failed. */
export interface Downtime {
  readonly why: Trouble;
  readonly downSince: number;
}

/** Why and since when is there when it is not the first attempt. */
interface Attempt extends Partial<Downtime> {
  readonly attempt: number;
  readonly deadline: number;
}

export type ConnectionState = Numbered &
  (
    | { readonly kind: 'signed-out' }
    | (Attempt & { readonly kind: 'connecting' })
    | (Attempt & { readonly kind: 'greeting' })
    | {
        readonly kind: 'online';
        readonly attempt: number;
        readonly since: number;
        readonly relay: RelayInfo;
        /** When the link is looked at next; `pingedAt` is there while an answer to a ping is awaited. */
        readonly checkAt: number;
        readonly pingedAt?: number;
        /** When the machine woke from a sleep during this link: silence counts from then. */
        readonly awakeSince?: number;
      }
    | (Downtime & { readonly kind: 'reconnecting'; readonly attempt: number; readonly until: number })
    /** Trying again would meet the same; a person has to act. `until`: tried once more then, without being asked. */
    | (Downtime & { readonly kind: 'refused'; readonly until?: number })
  );

export type ConnectionEvent =
  /** There is a relay to connect to, or another one than before. */
  | { readonly type: 'sign-in' }
  | { readonly type: 'sign-out' }
  | { readonly type: 'opened'; readonly socket: number }
  | { readonly type: 'welcomed'; readonly socket: number; readonly relay: RelayInfo }
  /** A socket is over, whether it ever opened or not. */
  | { readonly type: 'ended'; readonly socket: number; readonly trouble: Trouble }
  | { readonly type: 'deadline' }
  /** A person wants it tried now. */
  | { readonly type: 'retry' }
  /** The person is back: look at the link, cut a wait short. */
  | { readonly type: 'wake' }
  /** The machine slept, and no time that passed meanwhile says anything about the relay. */
  | { readonly type: 'slept' };

export type ConnectionEffect =
  | { readonly type: 'open'; readonly socket: number }
  | { readonly type: 'close'; readonly socket: number }
  | { readonly type: 'ping'; readonly socket: number };

export interface ConnectionContext {
  readonly now: number;
  /** When the present socket last brought anything. */
  readonly heardAt: number;
  /** A random number in [0, 1). */
  readonly random: number;
}

export const CONNECT_WITHIN = 15_000;
export const GREET_WITHIN = 10_000;
/** Without a word for so long the link is pinged; then it has so long to answer. */
export const PING_AFTER = 15_000;
export const PONG_WITHIN = 10_000;
/** After a sleep an answer, of whatever kind is awaited, is there so soon or does not come. */
export const AWAKE_WITHIN = 5000;
/** A link that stayed up for so long was a good one: the next attempt is the first again. */
export const STABLE_AFTER = 10_000;
export const SLOW_RETRY = 60_000;
/** A loss that is mended so soon need not be spoken of. */
export const BRIEF = 2000;

export const SIGNED_OUT: ConnectionState = { kind: 'signed-out', socket: 0 };

type Step = readonly [ConnectionState, readonly ConnectionEffect[]];

export function reduceConnection(state: ConnectionState, event: ConnectionEvent, context: ConnectionContext): Step {
  switch (event.type) {
    case 'sign-in': {
      const [next, effects] = connect(state.socket, 0, context);
      return [next, [...closing(state), ...effects]];
    }
    case 'sign-out':
      return [{ kind: 'signed-out', socket: state.socket }, closing(state)];
    case 'opened': {
      if (state.kind !== 'connecting' || event.socket !== state.socket) return [state, []];
      return [{ ...state, kind: 'greeting', deadline: context.now + GREET_WITHIN }, []];
    }
    case 'welcomed': {
      if (state.kind !== 'greeting' || event.socket !== state.socket) return [state, []];
      const { socket, attempt } = state;
      const { now } = context;
      return [{ kind: 'online', socket, attempt, since: now, relay: event.relay, checkAt: now + PING_AFTER }, []];
    }
    case 'ended':
      if (event.socket !== state.socket) return [state, []];
      return lost(state, event.trouble, context);
    case 'deadline':
      return atDeadline(state, context);
    case 'retry':
      if (state.kind === 'reconnecting' || state.kind === 'refused') return connect(state.socket, 0, context, state);
      return wake(state, context);
    case 'wake':
      return wake(state, context);
    case 'slept':
      return afterSleep(state, context);
  }
}

/** When the machine wants to be told that time has passed; undefined when it waits for nothing. */
export function deadlineOf(state: ConnectionState): number | undefined {
  switch (state.kind) {
    case 'signed-out':
      return undefined;
    case 'connecting':
    case 'greeting':
      return state.deadline;
    case 'online':
      return state.checkAt;
    case 'reconnecting':
    case 'refused':
      return state.until;
  }
}

/** The trouble that a person should know of in this state, also while it is tried again. */
export function troubleIn(state: ConnectionState): Trouble | undefined {
  return state.kind === 'signed-out' || state.kind === 'online' ? undefined : state.why;
}

/**
 * The trouble that is worth showing: not that of a link which was just lost and is being got back at the first attempt,
 * as when a relay is restarted.
 */
export function lastingTrouble(state: ConnectionState, now: number): Trouble | undefined {
  if (state.kind === 'signed-out' || state.kind === 'online' || !state.why) return undefined;
  const isBlip = state.kind !== 'refused' && state.attempt <= 1 && now - (state.downSince ?? now) < BRIEF;
  return isBlip ? undefined : state.why;
}

function connect(lastSocket: number, attempt: number, context: ConnectionContext, before?: Downtime): Step {
  const socket = lastSocket + 1;
  const deadline = context.now + CONNECT_WITHIN;
  const after = before && { why: before.why, downSince: before.downSince };
  return [{ kind: 'connecting', socket, attempt, deadline, ...after }, [{ type: 'open', socket }]];
}

function atDeadline(state: ConnectionState, context: ConnectionContext): Step {
  const deadline = deadlineOf(state);
  if (deadline === undefined || context.now < deadline) return [state, []];
  switch (state.kind) {
    case 'signed-out':
      return [state, []];
    case 'connecting':
      return giveUp(state, { kind: 'timeout', what: 'connect' }, context);
    case 'greeting':
      return giveUp(state, { kind: 'timeout', what: 'welcome' }, context);
    case 'online':
      return check(state, context);
    case 'reconnecting':
      return connect(state.socket, state.attempt, context, state);
    case 'refused':
      return connect(state.socket, 0, context, state);
  }
}

type Online = Extract<ConnectionState, { kind: 'online' }>;

function check(state: Online, context: ConnectionContext): Step {
  const { pingedAt, ...quiet } = state;
  const { now, heardAt } = context;
  if (pingedAt !== undefined && heardAt < pingedAt) {
    const since = Math.max(heardAt, state.awakeSince ?? 0);
    return giveUp(state, { kind: 'silent', ms: Math.round(now - since) }, context);
  }
  if (heardAt + PING_AFTER > now) return [{ ...quiet, checkAt: heardAt + PING_AFTER }, []];
  return ping(quiet, now, PONG_WITHIN);
}

function ping(state: Online, now: number, within: number): Step {
  return [{ ...state, pingedAt: now, checkAt: now + within }, [{ type: 'ping', socket: state.socket }]];
}

function wake(state: ConnectionState, context: ConnectionContext): Step {
  if (state.kind === 'reconnecting') return connect(state.socket, state.attempt, context, state);
  if (state.kind === 'online' && state.pingedAt === undefined) return ping(state, context.now, PONG_WITHIN);
  return [state, []];
}

function afterSleep(state: ConnectionState, context: ConnectionContext): Step {
  const { now } = context;
  switch (state.kind) {
    case 'signed-out':
      return [state, []];
    case 'connecting':
    case 'greeting':
      return [{ ...state, deadline: now + AWAKE_WITHIN }, []];
    case 'online':
      return ping({ ...state, awakeSince: now }, now, AWAKE_WITHIN);
    case 'reconnecting':
      return connect(state.socket, 0, context, state);
    case 'refused':
      return state.until === undefined ? [state, []] : connect(state.socket, 0, context, state);
  }
}

function giveUp(state: ConnectionState, trouble: Trouble, context: ConnectionContext): Step {
  const [next, effects] = lost(state, trouble, context);
  return [next, [...closing(state), ...effects]];
}

function lost(state: ConnectionState, why: Trouble, context: ConnectionContext): Step {
  if (state.kind !== 'connecting' && state.kind !== 'greeting' && state.kind !== 'online') return [state, []];
  const { socket } = state;
  const downSince = (state.kind === 'online' ? undefined : state.downSince) ?? context.now;
  const retry = retryOf(why);
  if (retry === 'never') return [{ kind: 'refused', socket, why, downSince }, []];
  if (retry === 'slow') return [{ kind: 'refused', socket, why, downSince, until: context.now + SLOW_RETRY }, []];
  const wasStable = state.kind === 'online' && context.now - state.since >= STABLE_AFTER;
  const attempt = wasStable ? 0 : state.attempt;
  const until = context.now + retryDelay(attempt, context.random);
  return [{ kind: 'reconnecting', socket, attempt: attempt + 1, until, why, downSince }, []];
}

function closing(state: ConnectionState): readonly ConnectionEffect[] {
  const hasSocket = state.kind === 'connecting' || state.kind === 'greeting' || state.kind === 'online';
  return hasSocket ? [{ type: 'close', socket: state.socket }] : [];
}
