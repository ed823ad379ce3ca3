// Every state with every event: where it leads and what is done. A state or an event that is added to the machine does not
// compile here until its edges are written down.
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { reduceConnection, type ConnectionEvent, type ConnectionState } from './state.ts';
import type { Trouble } from './trouble.ts';

const NOW = 100_000;
const LATER = NOW + 1;
const why: Trouble = { kind: 'lost', code: 1006 };
const down = { why, downSince: 90_000 };
const socket = 7;
const attempt = 3;
const relay = { protocol: 1, version: '1.0.0', operator: 'ana' };
const online = { kind: 'online', socket, attempt, since: 0, relay, checkAt: LATER } as const;

/** Each kind of state, once or more often where what is in it makes a difference. Nothing is due yet. */
const STATES = {
  'signed-out': { 'signed-out': { kind: 'signed-out', socket } },
  connecting: { connecting: { kind: 'connecting', socket, attempt, deadline: LATER, ...down } },
  greeting: { greeting: { kind: 'greeting', socket, attempt, deadline: LATER, ...down } },
  online: { online, pinged: { ...online, pingedAt: NOW - 10_000 } },
  reconnecting: { reconnecting: { kind: 'reconnecting', socket, attempt, until: LATER, ...down } },
  refused: {
    refused: { kind: 'refused', socket, ...down },
    'refused for now': { kind: 'refused', socket, until: LATER, ...down },
  },
} as const satisfies Record<ConnectionState['kind'], Record<string, ConnectionState>>;

const ended = (trouble: Trouble, of = socket): ConnectionEvent => ({ type: 'ended', socket: of, trouble });
const rejected: Trouble = { kind: 'token-rejected' };

const EVENTS = {
  'sign-in': { 'sign-in': { type: 'sign-in' } },
  'sign-out': { 'sign-out': { type: 'sign-out' } },
  opened: { opened: { type: 'opened', socket }, 'an old socket opened': { type: 'opened', socket: 6 } },
  welcomed: {
    welcomed: { type: 'welcomed', socket, relay },
    'an old socket was welcomed': { type: 'welcomed', socket: 6, relay },
  },
  ended: {
    lost: ended(why),
    'turned away': ended(rejected),
    'turned away for now': ended({ kind: 'too-old' }),
    'an old socket ended': ended(rejected, 6),
  },
  deadline: { 'called too early': { type: 'deadline' }, 'time is up': { type: 'deadline' } },
  retry: { retry: { type: 'retry' } },
  wake: { wake: { type: 'wake' } },
  slept: { slept: { type: 'slept' } },
} as const satisfies Record<ConnectionEvent['type'], Record<string, ConnectionEvent>>;

type Names<T> = { [K in keyof T]: keyof T[K] }[keyof T] & string;
type StateName = Names<typeof STATES>;
type EventName = Names<typeof EVENTS>;

const stays = '';

/** Where each edge leads, and in brackets what is done; nothing where all stays as it is. */
const TABLE: Record<StateName, Record<EventName, string>> = {
  'signed-out': {
    'sign-in': 'connecting (open)',
    'sign-out': 'signed-out',
    opened: stays,
    'an old socket opened': stays,
    welcomed: stays,
    'an old socket was welcomed': stays,
    lost: stays,
    'turned away': stays,
    'turned away for now': stays,
    'an old socket ended': stays,
    'called too early': stays,
    'time is up': stays,
    retry: stays,
    wake: stays,
    slept: stays,
  },
  connecting: {
    'sign-in': 'connecting (close open)',
    'sign-out': 'signed-out (close)',
    opened: 'greeting',
    'an old socket opened': stays,
    welcomed: stays,
    'an old socket was welcomed': stays,
    lost: 'reconnecting',
    'turned away': 'refused',
    'turned away for now': 'refused for now',
    'an old socket ended': stays,
    'called too early': stays,
    'time is up': 'reconnecting (close)',
    retry: stays,
    wake: stays,
    slept: 'connecting',
  },
  greeting: {
    'sign-in': 'connecting (close open)',
    'sign-out': 'signed-out (close)',
    opened: stays,
    'an old socket opened': stays,
    welcomed: 'online',
    'an old socket was welcomed': stays,
    lost: 'reconnecting',
    'turned away': 'refused',
    'turned away for now': 'refused for now',
    'an old socket ended': stays,
    'called too early': stays,
    'time is up': 'reconnecting (close)',
    retry: stays,
    wake: stays,
    slept: 'greeting',
  },
  online: {
    'sign-in': 'connecting (close open)',
    'sign-out': 'signed-out (close)',
    opened: stays,
    'an old socket opened': stays,
    welcomed: stays,
    'an old socket was welcomed': stays,
    lost: 'reconnecting',
    'turned away': 'refused',
    'turned away for now': 'refused for now',
    'an old socket ended': stays,
    'called too early': stays,
    'time is up': 'pinged (ping)',
    retry: 'pinged (ping)',
    wake: 'pinged (ping)',
    slept: 'pinged (ping)',
  },
  pinged: {
    'sign-in': 'connecting (close open)',
    'sign-out': 'signed-out (close)',
    opened: stays,
    'an old socket opened': stays,
    welcomed: stays,
    'an old socket was welcomed': stays,
    lost: 'reconnecting',
    'turned away': 'refused',
    'turned away for now': 'refused for now',
    'an old socket ended': stays,
    'called too early': stays,
    'time is up': 'reconnecting (close)',
    retry: stays,
    wake: stays,
    slept: 'pinged (ping)',
  },
  reconnecting: {
    'sign-in': 'connecting (open)',
    'sign-out': 'signed-out',
    opened: stays,
    'an old socket opened': stays,
    welcomed: stays,
    'an old socket was welcomed': stays,
    lost: stays,
    'turned away': stays,
    'turned away for now': stays,
    'an old socket ended': stays,
    'called too early': stays,
    'time is up': 'connecting (open)',
    retry: 'connecting (open)',
    wake: 'connecting (open)',
    slept: 'connecting (open)',
  },
  refused: {
    'sign-in': 'connecting (open)',
    'sign-out': 'signed-out',
    opened: stays,
    'an old socket opened': stays,
    welcomed: stays,
    'an old socket was welcomed': stays,
    lost: stays,
    'turned away': stays,
    'turned away for now': stays,
    'an old socket ended': stays,
    'called too early': stays,
    'time is up': stays,
    retry: 'connecting (open)',
    wake: stays,
    slept: stays,
  },
  'refused for now': {
    'sign-in': 'connecting (open)',
    'sign-out': 'signed-out',
    opened: stays,
    'an old socket opened': stays,
    welcomed: stays,
    'an old socket was welcomed': stays,
    lost: stays,
    'turned away': stays,
    'turned away for now': stays,
    'an old socket ended': stays,
    'called too early': stays,
    'time is up': 'connecting (open)',
    retry: 'connecting (open)',
    wake: stays,
    slept: 'connecting (open)',
  },
};

describe('every state of the connection with every event', () => {
  const states = Object.values(STATES).flatMap(kind => Object.entries(kind)) as [StateName, ConnectionState][];
  const events = Object.values(EVENTS).flatMap(type => Object.entries(type)) as [EventName, ConnectionEvent][];

  for (const [stateName, state] of states) {
    it(stateName, () => {
      assert.deepEqual(Object.keys(TABLE[stateName]), Object.keys(TABLE['signed-out']), 'no edge is left out');
      for (const [eventName, event] of events) {
        const now = eventName === 'time is up' ? LATER : NOW;
        const [next, effects] = reduceConnection(state, event, { now, heardAt: NOW - 20_000, random: 0.5 });
        const done = effects.length > 0 ? ` (${effects.map(({ type }) => type).join(' ')})` : '';
        const edge = next === state && done === '' ? stays : `${nameOf(next)}${done}`;
        assert.equal(edge, TABLE[stateName][eventName], `${stateName}: ${eventName}`);
      }
    });
  }
});

function nameOf(state: ConnectionState): StateName {
  if (state.kind === 'online') return state.pingedAt === undefined ? 'online' : 'pinged';
  if (state.kind === 'refused') return state.until === undefined ? 'refused' : 'refused for now';
  return state.kind;
}
