import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import type { AgentManifest } from '../../protocol/index.ts';
import type { AgentState } from '../run-directory/agent-state.ts';
import {
  judge,
  mayBeTheRelay,
  RECONNECT_MS,
  watchOn,
  type Health,
  type Sighting,
  type Verdict,
  type Watch,
} from './confirm-rules.ts';

const path = '/nix/store/x-agent-2';
const manifest: AgentManifest = { format: 1, storePath: path, version: '2', rev: 'r', protocol: 1 };
const process = { pid: 7, startTime: '100', paths: ['/nix/store/n-node/bin/node', `${path}/lib/agent.mjs`] };
const state: AgentState = {
  format: 1,
  pid: 7,
  startTime: '100',
  bootId: 'b',
  instance: 'i',
  identity: manifest,
  startedAt: 1,
};
const sighting: Sighting = { service: { active: true, state: 'active', process }, state, bootId: 'b' };
const kind = (more: Partial<Sighting>): string => judge({ ...sighting, ...more }, manifest).kind;

describe('whether the right agent runs', () => {
  it('is proven by a process from the store path that the relay has greeted', () => {
    assert.equal(kind({ state: { ...state, helloAt: 2 } }), 'proven');
    assert.equal(kind({}), 'healthy');
  });

  it('is not shown by a service that is down, another program, or one with a longer name', () => {
    assert.equal(kind({ service: { active: false, state: 'failed', process } }), 'missing');
    assert.equal(kind({ service: { active: true, state: 'active' } }), 'missing');
    for (const other of ['/nix/store/x-agent-1/lib/agent.mjs', `${path}0/lib/agent.mjs`])
      assert.equal(
        kind({ service: { active: true, state: 'active', process: { ...process, paths: [other] } } }),
        'missing',
      );
  });

  it('is not shown by what another process said: one before it, of another boot, or with another identity', () => {
    const greeted = { ...state, helloAt: 2 };
    assert.equal(kind({ state: undefined }), 'missing');
    assert.equal(kind({ state: { ...greeted, pid: 8 } }), 'missing');
    assert.equal(kind({ state: { ...greeted, startTime: '99' } }), 'missing');
    assert.equal(kind({ state: { ...greeted, bootId: 'other' } }), 'missing');
    assert.equal(
      kind({ state: { ...greeted, identity: { ...manifest, storePath: '/nix/store/x-agent-1' } } }),
      'missing',
    );
  });

  it('needs no more than that it runs where the generation promised no manifest', () => {
    assert.equal(judge({ ...sighting, state: undefined }, undefined).kind, 'healthy');
  });
});

const limits = { settling: 100, relayPatience: 300 };
const at = (health: Health['kind'], pid = 7): Health =>
  health === 'missing' ? { kind: 'missing', why: 'x' } : { kind: health, pid, startTime: String(pid) };

/** Looks again and again; the time of each look is given. */
function look(looks: readonly (readonly [number, Health, (boolean | undefined)?])[]): Verdict {
  let watch: Watch = {};
  let verdict: Verdict = { kind: 'wait', watch, why: '' };
  for (const [now, health, reachable] of looks) {
    const probe = reachable === undefined ? undefined : reachable ? { reachable } : { reachable, why: 'refused' };
    verdict = watchOn(watch, health, probe, now, limits);
    if (verdict.kind === 'wait') watch = verdict.watch;
  }
  return verdict;
}

describe('when an agent is confirmed', () => {
  it('is after the settling time of the same proven process', () => {
    assert.equal(
      look([
        [0, at('proven')],
        [99, at('proven')],
      ]).kind,
      'wait',
    );
    assert.deepEqual(
      look([
        [0, at('proven')],
        [100, at('proven')],
      ]),
      { kind: 'confirmed', pid: 7, proof: 'hello' },
    );
  });

  it('begins anew when the process is another or was gone in between', () => {
    assert.equal(
      look([
        [0, at('proven')],
        [60, at('proven', 8)],
        [120, at('proven', 8)],
      ]).kind,
      'wait',
    );
    assert.equal(
      look([
        [0, at('proven')],
        [50, at('missing')],
        [100, at('proven')],
      ]).kind,
      'wait',
    );
  });

  it('is never while the relay can be reached and has not greeted the agent', () => {
    assert.equal(look([0, 200, 400, 600, 800].map(now => [now, at('healthy'), true] as const)).kind, 'wait');
  });

  it('is by local health when the relay has been out of reach for a while, and not for a blip', () => {
    const lost = [0, 200, 400].map(now => [now, at('healthy'), false] as const);
    assert.deepEqual(look([...lost, [500, at('healthy'), false]]), { kind: 'confirmed', pid: 7, proof: 'local' });
    assert.equal(
      look([
        [0, at('healthy'), false],
        [200, at('healthy'), true],
        [400, at('healthy'), false],
        [500, at('healthy'), false],
      ]).kind,
      'wait',
    );
  });

  it('is never with a pid that was not the last one seen', () => {
    const one = fc.record({
      step: fc.integer({ min: 1, max: 80 }),
      kind: fc.constantFrom('missing', 'healthy', 'proven'),
      pid: fc.integer({ min: 1, max: 3 }),
      probe: fc.option(fc.boolean(), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(one, { minLength: 1 }), looks => {
        let now = 0;
        const verdict = look(looks.map(l => [(now += l.step), at(l.kind, l.pid), l.probe] as const));
        if (verdict.kind !== 'confirmed') return;
        const last = looks.at(-1)!;
        assert.equal(verdict.pid, last.pid);
        assert.notEqual(last.kind, 'missing');
      }),
    );
  });
});

describe('an agent that nobody greeted', () => {
  const lost = [0, at('healthy'), false] as const;
  const back = [200, at('healthy'), true] as const;
  const watchAfter = (looks: Parameters<typeof look>[0]): Watch => {
    const verdict = look(looks);
    assert.ok(verdict.kind === 'wait');
    return verdict.watch;
  };

  it('may be one whose relay is out of reach, or has been and is back for less than an agent’s longest pause', () => {
    assert.ok(mayBeTheRelay(watchAfter([lost]), at('healthy'), 10_000));
    const again = watchAfter([lost, back, [400, at('healthy'), true]]);
    assert.ok(mayBeTheRelay(again, at('healthy'), 200 + RECONNECT_MS - 1));
    assert.ok(!mayBeTheRelay(again, at('healthy'), 200 + RECONNECT_MS));
  });

  it('is to blame itself where the relay answered all the time, or where it does not run', () => {
    assert.ok(!mayBeTheRelay(watchAfter([[0, at('healthy'), true]]), at('healthy'), 1));
    assert.ok(!mayBeTheRelay(watchAfter([[0, at('healthy')]]), at('healthy'), 1));
    assert.ok(!mayBeTheRelay(watchAfter([lost]), at('missing'), 1));
  });
});
