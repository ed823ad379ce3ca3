import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import { OUTCOMES, PHASES } from './phase.ts';
import { anyRunEventSchema, knownEvent, runEventSchema, type AnyRunEvent, type RunEvent } from './run-event.ts';
import { applyEvent, foldRun, INITIAL_RUN } from './run-state.ts';

const manifest = { format: 1 as const, storePath: '/nix/store/x', version: '1.0.0', rev: 'r', protocol: 1 };
const rev = 'a'.repeat(40);

type Body = RunEvent extends infer T ? (T extends unknown ? Omit<T, 'v' | 'seq' | 'at'> : never) : never;

const bodies: fc.Arbitrary<Body> = fc.oneof(
  fc.constantFrom(...PHASES).map(phase => ({ type: 'phase' as const, phase })),
  fc.constant<Body>({ type: 'recorded' as const, before: { agent: manifest, head: rev } }),
  fc.constant<Body>({ type: 'pulled' as const, from: rev, to: rev, commits: [], more: 0 }),
  fc.constant<Body>({ type: 'locked' as const, input: 'nixfleet', after: { rev }, changed: true }),
  fc.constant<Body>({ type: 'built' as const, toplevel: '/nix/store/t', manifest }),
  fc.constant<Body>({ type: 'activated' as const, toplevel: '/nix/store/t', failedUnits: [] }),
  fc.constant<Body>({ type: 'confirmed' as const, agent: manifest, pid: 1, proof: 'hello' as const }),
  fc.constant<Body>({ type: 'committed' as const, generation: { toplevel: '/nix/store/t', number: 2 } }),
  fc.boolean().map(changed => ({ type: 'publishing' as const, changed })),
  fc
    .constantFrom('pushed' as const, 'held' as const, 'not-published' as const)
    .map(result => ({ type: 'published' as const, result, to: 'origin/main', rev, why: 'why' })),
  fc.integer({ min: 1, max: 5 }).map(step => ({
    type: 'step-started' as const,
    step,
    argv: ['git', 'pull'],
    user: 'ana',
    raw: 'raw',
    rawOffset: 0,
    outputOffset: 0,
  })),
  fc.integer({ min: 1, max: 5 }).map(step => ({ type: 'step-ended' as const, step, exitCode: 0, durationMs: 3 })),
  fc.string().map(message => ({ type: 'warning' as const, message })),
  fc.constant<Body>({ type: 'resumed' as const, bootId: 'b', why: 'power' }),
  fc.constant<Body>({ type: 'restored' as const, what: 'checkout' as const, detail: 'lock' }),
  fc.constant<Body>({ type: 'cancel-asked' as const, by: 'ana' }),
  fc.constantFrom(...OUTCOMES).map(outcome => ({ type: 'ended' as const, outcome, changed: false, after: {} })),
);

const known = fc
  .array(fc.tuple(bodies, fc.nat(1000)))
  .map(list => list.map(([body, at], index): RunEvent => ({ v: 1, seq: index + 1, at, ...body })));
/** With events that only a newer runner knows in between. */
const journals = fc
  .array(fc.oneof(bodies, fc.record({ type: fc.constant('novel'), extra: fc.jsonValue() })))
  .map(list => list.map((body, index): AnyRunEvent => ({ v: 1, seq: index + 1, at: index, ...body })));

describe('the events of a run', () => {
  it('go through JSON and both schemas unchanged', () => {
    fc.assert(
      fc.property(known, events => {
        for (const event of events) {
          const wire: unknown = JSON.parse(JSON.stringify(event));
          assert.deepEqual(runEventSchema.parse(wire), event);
          assert.deepEqual(anyRunEventSchema.parse(wire), event);
          assert.deepEqual(knownEvent(anyRunEventSchema.parse(wire)), event);
        }
      }),
    );
  });

  it('of the future are carried on whole, and known for what they are', () => {
    const novel = { v: 9, seq: 4, at: 1, type: 'teleported', where: { deep: [1, null] } };
    assert.deepEqual(anyRunEventSchema.parse(novel), novel);
    assert.equal(knownEvent(anyRunEventSchema.parse(novel)), undefined);
    assert.equal(knownEvent({ v: 1, seq: 1, at: 1, type: 'phase', phase: 'teleporting' }), undefined);
  });

  it('without a number, a time or a type are none', () => {
    for (const bad of [
      { v: 1, seq: 0, at: 1, type: 'x' },
      { v: 1, seq: 1.5, at: 1, type: 'x' },
      { v: 1, seq: 1, at: -1, type: 'x' },
      { v: 1, seq: 1, at: 1 },
      { seq: 1, at: 1, type: 'x' },
      { v: 1, seq: 1, at: 1, type: 'x'.repeat(65) },
      [],
      null,
    ])
      assert.equal(anyRunEventSchema.safeParse(bad).success, false, JSON.stringify(bad));
  });
});

describe('the state of a run', () => {
  it('is the same however its events come in pieces, and however often', () => {
    fc.assert(
      fc.property(journals, fc.array(fc.nat(40)), (events, cuts) => {
        const whole = foldRun(events);
        assert.equal(whole.seq, events.length);
        let state = INITIAL_RUN;
        for (const cut of [...cuts.sort((a, b) => a - b), events.length]) {
          // a reader that resumes may be sent what it has already
          const again = Math.max(0, state.seq - (cut % 3));
          state = foldRun(events.slice(again, Math.max(cut, state.seq)), state);
        }
        assert.deepEqual(state, whole);
      }),
    );
  });

  it('never lies about what it has not seen', () => {
    fc.assert(
      fc.property(journals, fc.integer({ min: 2, max: 5 }), (events, gap) => {
        const state = foldRun(events);
        assert.throws(() => applyEvent(state, { v: 1, seq: state.seq + gap, at: 1, type: 'x' }), RangeError);
      }),
    );
  });

  it('is a value: what was there before stays as it was', () => {
    fc.assert(
      fc.property(known, events => {
        let state = INITIAL_RUN;
        for (const event of events) {
          const before = structuredClone(state);
          const next = applyEvent(state, event);
          assert.deepEqual(state, before);
          assert.equal(applyEvent(next, event), next, 'the same event again is the same state');
          state = next;
        }
      }),
    );
    assert.deepEqual(INITIAL_RUN, { seq: 0, phase: 'queued', phases: [], steps: [], warnings: [], resumes: 0 });
  });

  it('has one open phase at the most, the last, and none when the run is over', () => {
    fc.assert(
      fc.property(known, events => {
        const ended = events.findIndex(({ type }) => type === 'ended');
        const state = foldRun(ended < 0 ? events : events.slice(0, ended + 1));
        const open = state.phases.filter(({ endedAt }) => endedAt === undefined);
        if (state.end) assert.deepEqual(open, []);
        else if (state.phases.length > 0) assert.deepEqual(open, [state.phases.at(-1)]);
        for (const [index, span] of state.phases.entries()) {
          if (index > 0) assert.equal(state.phases[index - 1]?.endedAt, span.startedAt);
        }
      }),
    );
  });

  it('tells the story of a run', () => {
    const events: AnyRunEvent[] = [
      { type: 'phase', phase: 'accepted' },
      { type: 'phase', phase: 'pulling' },
      { type: 'recorded', before: { agent: manifest } },
      { type: 'step-started', step: 1, argv: ['git', 'fetch'], user: 'ana', raw: 'r', rawOffset: 0, outputOffset: 0 },
      { type: 'step-ended', step: 1, exitCode: 0, durationMs: 5 },
      { type: 'locked', input: 'nixfleet', before: { rev }, after: { rev: 'b'.repeat(40) }, changed: true },
      { type: 'warning', message: 'careful' },
      { type: 'resumed', bootId: 'b2', why: 'the host restarted' },
      { type: 'cancel-asked', by: 'bea' },
      { type: 'ended', outcome: 'cancelled', changed: false, after: {}, reason: { kind: 'cancelled', message: 'm' } },
    ].map((body, index) => ({ v: 1, seq: index + 1, at: (index + 1) * 10, ...body }));
    const state = foldRun(events);
    assert.deepEqual(state.phases, [
      { phase: 'accepted', startedAt: 10, endedAt: 20 },
      { phase: 'pulling', startedAt: 20, endedAt: 100 },
    ]);
    assert.deepEqual(state.steps, [
      { step: 1, phase: 'pulling', argv: ['git', 'fetch'], user: 'ana', startedAt: 40, exitCode: 0, durationMs: 5 },
    ]);
    assert.deepEqual(state.before, { agent: manifest });
    assert.deepEqual(state.lock, { input: 'nixfleet', before: { rev }, after: { rev: 'b'.repeat(40) }, changed: true });
    assert.deepEqual(state.warnings, ['careful']);
    assert.equal(state.resumes, 1);
    assert.deepEqual(state.cancelAsked, { at: 90, by: 'bea' });
    assert.deepEqual(state.end, {
      at: 100,
      outcome: 'cancelled',
      changed: false,
      phase: 'pulling',
      after: {},
      reason: { kind: 'cancelled', message: 'm' },
    });
  });
});
