import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import { ulid } from 'ulid';
import { CloseCode } from './close-codes.ts';
import { decodeMessage, MAX_MESSAGE_BYTES } from './codec.ts';
import { isOver, type RunSummary } from './fleet.ts';
import { runIdSchema } from './ids.ts';
import {
  agentMessageSchema,
  MAX_EVENTS_PER_MESSAGE,
  toAgentMessageSchema,
  type AgentMessage,
  type ToAgentMessage,
} from './messages-agent.ts';
import {
  operatorMessageSchema,
  toOperatorMessageSchema,
  type OperatorMessage,
  type ToOperatorMessage,
} from './messages-operator.ts';
import { defaultStopAfterFailures, hostsOf, MAX_ROLLOUT_HOSTS, rolloutIdSchema, type Rollout } from './rollout.ts';

const runId = runIdSchema.parse(ulid());
const agent = {
  instance: 'i',
  bootId: 'b',
  version: '1.0.0',
  rev: 'r',
  platform: 'nixos' as const,
  system: 'x86_64-linux',
  attribute: 'a',
  launcher: 'systemd' as const,
};
const run: RunSummary = {
  runId,
  host: 'web',
  requestedBy: 'ana',
  requestedAt: 1,
  expiresAt: 2,
  delivery: 'queued',
  seq: 0,
  phase: 'queued',
  phaseSince: 1,
};
const host = { host: 'web', enrolledAt: 1, online: true, agent, runs: [run] };
const position = { epoch: 0, offset: 0 };
const reason = { kind: 'k', message: 'm' };
const rolloutId = rolloutIdSchema.parse(ulid());
const pace = { width: 5, stagger: 2000, stopAfterFailures: 3 };
const rollout: Rollout = {
  ...pace,
  rolloutId,
  requestedBy: 'ana',
  requestedAt: 1,
  targetRev: 'a'.repeat(40),
  counts: { waiting: 1, offline: 0, running: 2, succeeded: 3, failed: 1, cancelled: 0 },
  failed: [{ host: 'web', runId }],
  stopped: { at: 2, by: 'ana' },
  endedAt: 3,
};
const event = { v: 1, seq: 1, at: 1, type: 'novel', more: true };

/** One of each, in full; a message that is added to a union has to be added here, or this does not compile. */
const fromAgent: { [T in AgentMessage['type']]: Extract<AgentMessage, { type: T }> } = {
  hello: { type: 'hello', protocol: 1, host: 'web', agent },
  runs: { type: 'runs', runs: [{ runId, seq: 1, ended: false, streams: { output: position } }] },
  status: { type: 'status', status: { at: 1, problems: [] } },
  'request-result': { type: 'request-result', runId, accepted: false, reason },
  events: { type: 'events', runId, events: [event] },
  'cancel-result': { type: 'cancel-result', runId, accepted: true, message: 'm' },
  progress: { type: 'progress', runId, progress: { builds: { done: 1, total: 5 }, now: [], more: 0 } },
};
const toAgent: { [T in ToAgentMessage['type']]: Extract<ToAgentMessage, { type: T }> } = {
  welcome: { type: 'welcome', protocol: 1, relayVersion: '1' },
  'update-agent': { type: 'update-agent', runId, request: 'e30=', keyId: 'k', signature: 'c2ln' },
  cancel: { type: 'cancel', runId, by: 'ana' },
  refresh: { type: 'refresh' },
  resume: { type: 'resume', runId, afterSeq: 0, streams: { 'lock-before': position } },
  rewind: { type: 'rewind', runId, stream: 'output', to: position },
  'events-ack': { type: 'events-ack', runId, seq: 1 },
  error: { type: 'error', kind: 'k', message: 'm' },
};
const fromOperator: { [T in OperatorMessage['type']]: Extract<OperatorMessage, { type: T }> } = {
  hello: { type: 'hello', protocol: 1, client: { name: 'n', version: '1' }, features: ['rollouts'] },
  'update-agent': { type: 'update-agent', id: 1, runId, request: 'e30=' },
  cancel: { type: 'cancel', id: 1, runId },
  'start-rollout': { type: 'start-rollout', id: 1, ...pace, rolloutId, requests: [{ runId, request: 'e30=' }] },
  'stop-rollout': { type: 'stop-rollout', id: 1, rolloutId },
  refresh: { type: 'refresh', id: 1, host: 'web' },
  subscribe: { type: 'subscribe', id: 1, runId, afterSeq: 0, streams: {} },
  unsubscribe: { type: 'unsubscribe', id: 1, runId },
  'list-runs': { type: 'list-runs', id: 1, host: 'web', limit: 100, before: runId },
};
const toOperator: { [T in ToOperatorMessage['type']]: Extract<ToOperatorMessage, { type: T }> } = {
  welcome: { type: 'welcome', protocol: 1, relayVersion: '1', operator: 'ana', now: 1, features: ['rollouts'] },
  fleet: { type: 'fleet', hosts: [host], last: true },
  host: { type: 'host', host },
  'host-removed': { type: 'host-removed', host: 'web' },
  run: { type: 'run', run: { ...run, rollout: rolloutId, held: true } },
  rollouts: { type: 'rollouts', rollouts: [rollout] },
  rollout: { type: 'rollout', rollout },
  events: { type: 'events', runId, events: [event] },
  reply: {
    ...{ type: 'reply', id: 1, ok: false, error: reason, run, runs: [run], rollout, message: 'm' },
    refused: [{ host: 'web', reason }],
  },
  'stream-gone': { type: 'stream-gone', runId, stream: 'output' },
  error: { type: 'error', kind: 'k', message: 'm' },
};

const unions = [
  ['an agent', agentMessageSchema, fromAgent],
  ['a relay to an agent', toAgentMessageSchema, toAgent],
  ['an operator', operatorMessageSchema, fromOperator],
  ['a relay to an operator', toOperatorMessageSchema, toOperator],
] as const;

for (const [who, schema, examples] of unions) {
  describe(`what ${who} says`, () => {
    for (const message of Object.values<{ readonly type: string }>(examples)) {
      it(`comes through whole: ${message.type}`, () => {
        assert.deepEqual(decodeMessage(schema, JSON.stringify(message)), { ok: true, message });
      });

      it(`may have fields of the future, which are left out: ${message.type}`, () => {
        assert.deepEqual(decodeMessage(schema, JSON.stringify({ ...message, novel: [1] })), { ok: true, message });
      });

      it(`is refused when a field is missing or of another kind: ${message.type}`, () => {
        for (const key of Object.keys(message)) {
          if (key === 'type') continue;
          const wrong = decodeMessage(schema, JSON.stringify({ ...message, [key]: { wrong: true } }));
          assert.ok(!wrong.ok && wrong.kind === 'shape', key);
          assert.ok(wrong.detail.startsWith(key), wrong.detail);
        }
      });
    }

    it('is nothing else', () => {
      for (const [text, kind] of [
        ['', 'json'],
        ['{', 'json'],
        ['null', 'shape'],
        ['[]', 'shape'],
        ['"hello"', 'shape'],
        ['{}', 'shape'],
        ['{"type":7}', 'shape'],
        ['{"type":"dance"}', 'unknown-type'],
        ['{"type":"constructor"}', 'unknown-type'],
        ['{"type":"toString"}', 'unknown-type'],
      ] as const) {
        const result = decodeMessage(schema, text);
        assert.ok(!result.ok);
        assert.equal(result.kind, kind, text);
        assert.ok(result.detail.length > 0);
      }
    });

    it('is never read by throwing, nor told at length when it is nonsense', () => {
      fc.assert(
        fc.property(fc.oneof(fc.string(), fc.json()), text => {
          const result = decodeMessage(schema, text);
          if (!result.ok) assert.ok(result.detail.length < 2048);
        }),
      );
      const long = decodeMessage(schema, JSON.stringify({ type: 'x'.repeat(100_000) }));
      assert.ok(!long.ok && long.detail.length < 200);
    });
  });
}

describe('what is said', () => {
  it('is bounded', () => {
    const events = (count: number) => ({
      ...fromAgent.events,
      events: Array.from({ length: count }, (_, i) => ({ ...event, seq: i + 1 })),
    });
    assert.equal(decodeMessage(agentMessageSchema, JSON.stringify(events(MAX_EVENTS_PER_MESSAGE))).ok, true);
    assert.equal(decodeMessage(agentMessageSchema, JSON.stringify(events(MAX_EVENTS_PER_MESSAGE + 1))).ok, false);
    assert.equal(decodeMessage(agentMessageSchema, JSON.stringify(events(0))).ok, false);
    const limit = { ...fromOperator['list-runs'], limit: 101 };
    assert.equal(decodeMessage(operatorMessageSchema, JSON.stringify(limit)).ok, false);
  });

  it('is a rollout that fits into one message, with hosts and a pace that make sense', () => {
    const requests = (count: number) => Array.from({ length: count }, () => ({ runId, request: 'A'.repeat(600) }));
    const ask = (part: object) => JSON.stringify({ ...fromOperator['start-rollout'], ...part });
    const is = (text: string) => decodeMessage(operatorMessageSchema, text).ok;
    const most = ask({ requests: requests(MAX_ROLLOUT_HOSTS) });
    assert.ok(is(most) && most.length < MAX_MESSAGE_BYTES);
    assert.equal(is(ask({ requests: requests(MAX_ROLLOUT_HOSTS + 1) })), false);
    for (const part of [{ requests: [] }, { width: 0 }, { width: 101 }, { stagger: -1 }, { stopAfterFailures: 0 }])
      assert.equal(is(ask(part)), false, JSON.stringify(part));
  });

  it('names only streams that there are', () => {
    const strange = { ...fromOperator.subscribe, streams: { '../passwd': position } };
    assert.equal(decodeMessage(operatorMessageSchema, JSON.stringify(strange)).ok, false);
  });

  it('lets an operator that is too old say so', () => {
    const old = { ...fromOperator.hello, protocol: 0 };
    assert.equal(decodeMessage(operatorMessageSchema, JSON.stringify(old)).ok, true);
  });
});

describe('a close code', () => {
  it('of the house is one that applications may use', () => {
    const codes = Object.values(CloseCode);
    assert.equal(new Set(codes).size, codes.length);
    for (const code of codes) assert.ok(code === 1000 || (code >= 4000 && code <= 4999));
  });
});

describe('a rollout', () => {
  it('stops after three failures, in a big fleet after one in twenty, unless said otherwise', () => {
    assert.deepEqual([1, 12, 60, 61, 400].map(defaultStopAfterFailures), [3, 3, 3, 4, 20]);
  });

  it('has as many hosts as its counts say', () => assert.equal(hostsOf(rollout.counts), 7));
});

describe('a run', () => {
  it('is over by its outcome, or when it never began', () => {
    assert.equal(isOver({ delivery: 'begun' }), false);
    assert.equal(isOver({ delivery: 'queued' }), false);
    assert.equal(isOver({ delivery: 'sent' }), false);
    assert.equal(isOver({ delivery: 'begun', outcome: 'failed' }), true);
    for (const delivery of ['refused', 'expired', 'cancelled'] as const) assert.equal(isOver({ delivery }), true);
  });
});
