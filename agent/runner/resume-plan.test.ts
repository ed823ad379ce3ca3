import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import { PHASES, type AnyRunEvent, type Phase } from '../../protocol/index.ts';
import { MAX_DEATHS, MAX_RESUMES, planResume, type HostFacts } from './resume-plan.ts';

const OLD = '/nix/store/00000000000000000000000000000000-old';
const NEW = '/nix/store/11111111111111111111111111111111-new';
const OTHER = '/nix/store/22222222222222222222222222222222-other';
const rev = 'a'.repeat(40);
const manifest = { format: 1, storePath: '/nix/store/x-agent', version: '2', rev, protocol: 1 };

type Line = Record<string, unknown> & { type: string };
const LINES: Record<Exclude<Phase, 'queued'>, Line[]> = {
  accepted: [],
  pulling: [
    {
      type: 'host',
      platform: 'nixos',
      method: 'staged',
      nixcfg: '/c',
      owner: 'ana',
      attribute: 'a',
      input: 'nixfleet',
      bootId: 'boot1',
    },
    { type: 'recorded', before: { head: rev, generation: { toplevel: OLD } } },
    { type: 'pulled', from: rev, to: rev, commits: [], more: 0 },
  ],
  locking: [{ type: 'locked', input: 'nixfleet', after: { rev }, changed: true }],
  building: [{ type: 'built', toplevel: NEW, manifest }],
  activating: [{ type: 'activated', toplevel: NEW, failedUnits: [] }],
  confirming: [{ type: 'confirmed', agent: manifest, pid: 1, proof: 'hello' }],
  committing: [{ type: 'committed', generation: { toplevel: NEW } }],
};

/** The journal of a run whose runner died in a phase, after `lines` of that phase's own lines. */
function journal(phase: Phase, lines = 0, more: Line[] = []): AnyRunEvent[] {
  const out: Line[] = [];
  for (const at of PHASES.slice(1)) {
    out.push({ type: 'phase', phase: at });
    const own = LINES[at as Exclude<Phase, 'queued'>];
    out.push(...(at === phase ? own.slice(0, lines) : own));
    if (at === phase) break;
  }
  return [...out, ...more].map((line, i) => ({ v: 1, seq: i + 1, at: 1000 + i, ...line }));
}
const up = (running: string, profile = OLD): HostFacts => ({
  bootId: 'boot1',
  running,
  profile,
  bootsWhole: true,
});
const rebooted = (running: string, profile = OLD): HostFacts => ({
  bootId: 'boot2',
  running,
  profile,
  bootsWhole: true,
});
const resumed = (bootId = 'boot1'): Line => ({ type: 'resumed', bootId, why: 'x' });

describe('how a run goes on whose runner died', () => {
  it('begins where nothing was changed, whatever happened to the host', () => {
    for (const host of [up(OLD), rebooted(OLD)])
      for (const events of [journal('accepted'), journal('pulling', 0), journal('pulling', 1)])
        assert.deepEqual(planResume(events, host).kind === 'again' && planResume(events, host), {
          kind: 'again',
          entry: 'pulling',
          why: 'the run had changed nothing yet',
        });
  });

  it('that had reached its goal ends as that, however often runners died and whatever runs by now', () => {
    for (const phase of ['building', 'committing'] as const)
      for (const host of [up(NEW, NEW), up(OTHER), rebooted(OLD)]) {
        const more = [{ type: 'publishing', changed: true }, ...Array.from({ length: MAX_RESUMES }, () => resumed())];
        const plan = planResume(journal(phase, 1, more), host);
        assert.equal(plan.kind === 'reached' && plan.changed, true);
      }
  });

  it('is not put back for ever: where runners die over that too, it is said as it is', () => {
    const undo = { type: 'undo-decided', outcome: 'rolled-back', reason: { kind: 'activation', message: 'it broke' } };
    for (const phase of ['building', 'confirming'] as const)
      for (const first of [[undo], []]) {
        const dead = (times: number): Line[] => [...first, ...Array.from({ length: times }, () => resumed())];
        assert.equal(planResume(journal(phase, 0, dead(MAX_DEATHS - 1)), up(OLD)).kind, 'undo');
        const plan = planResume(journal(phase, 0, dead(MAX_DEATHS)), up(OLD));
        assert.ok(plan.kind === 'say');
        assert.equal(plan.reason.kind, first.length > 0 ? 'activation' : 'interrupted');
        assert.match(plan.reason.message, /also while it put things back.*the host runs/);
      }
  });

  it('does the phase again while the host is up', () => {
    for (const phase of ['pulling', 'locking', 'building'] as const) {
      const plan = planResume(journal(phase, 2), up(OLD));
      assert.equal(plan.kind === 'again' && plan.entry, phase);
    }
  });

  it('activates again when it is not known how the activation ended, and goes on when it is', () => {
    for (const running of [OLD, NEW]) {
      const plan = planResume(journal('activating', 0), up(running));
      assert.equal(plan.kind === 'again' && plan.entry, 'activating', running);
    }
    for (const events of [journal('activating', 1), journal('confirming', 0)]) {
      const plan = planResume(events, up(NEW));
      assert.equal(plan.kind === 'again' && plan.entry, 'confirming');
    }
    const plan = planResume(journal('committing', 0), up(NEW));
    assert.equal(plan.kind === 'again' && plan.entry, 'committing');
  });

  it('undoes what it had decided to undo, for the reason it had, whatever the host looks like', () => {
    const undo: Line = {
      type: 'undo-decided',
      outcome: 'rolled-back',
      reason: { kind: 'agent-not-confirmed', message: 'no' },
    };
    for (const host of [up(OLD), up(NEW), rebooted(OLD)]) {
      const plan = planResume(journal('confirming', 0, [undo]), host);
      assert.ok(plan.kind === 'undo');
      assert.deepEqual(
        [plan.depth, plan.outcome, plan.reason.kind],
        ['activation', 'rolled-back', 'agent-not-confirmed'],
      );
    }
    const early = planResume(journal('building', 0, [{ ...undo, outcome: 'failed' }]), up(OLD));
    assert.equal(early.kind === 'undo' && early.depth, 'checkout');
  });

  it('after a power loss says which generation the host booted', () => {
    for (const phase of ['pulling', 'locking', 'building'] as const) {
      const plan = planResume(journal(phase, 2), rebooted(OLD));
      assert.ok(plan.kind === 'undo');
      assert.deepEqual([plan.depth, plan.outcome, plan.reason.kind], ['checkout', 'failed', 'power-loss']);
      assert.match(plan.reason.message, new RegExp(OLD));
    }
    for (const events of [
      journal('activating', 0),
      journal('activating', 1),
      journal('confirming', 0),
      journal('committing', 0),
    ]) {
      const plan = planResume(events, rebooted(OLD));
      assert.ok(plan.kind === 'undo');
      assert.deepEqual([plan.depth, plan.outcome, plan.reason.kind], ['checkout', 'rolled-back', 'power-loss']);
    }
  });

  it('activates the old generation again after a power loss where a boot leaves what an activation left', () => {
    for (const events of [journal('activating', 0), journal('confirming', 1), journal('committing', 0)])
      for (const profile of [OLD, NEW]) {
        const plan = planResume(events, { ...rebooted(OLD, profile), bootsWhole: false });
        assert.ok(plan.kind === 'undo');
        assert.deepEqual([plan.depth, plan.outcome, plan.reason.kind], ['activation', 'rolled-back', 'power-loss']);
        assert.match(plan.reason.message, /the old generation is activated again$/);
      }
  });

  it('never proves what such a boot left, however far the new generation had come', () => {
    for (const events of [journal('activating', 0), journal('activating', 1), journal('confirming', 0)])
      for (const running of [NEW, undefined]) {
        const plan = planResume(events, { bootId: 'boot2', running, profile: NEW, bootsWhole: false });
        assert.ok(plan.kind === 'undo');
        assert.deepEqual([plan.depth, plan.outcome, plan.reason.kind], ['activation', 'rolled-back', 'power-loss']);
      }
    // it was proven before the power went
    const plan = planResume(journal('committing', 0), { ...rebooted(NEW, NEW), bootsWhole: false });
    assert.equal(plan.kind === 'again' && plan.entry, 'committing');
    const other = planResume(journal('confirming', 0), { ...rebooted(OTHER, OTHER), bootsWhole: false });
    assert.equal(other.kind, 'say');
  });

  it('puts the boot default back when the power went between profile and boot entry', () => {
    const plan = planResume(journal('committing', 0), rebooted(OLD, NEW));
    assert.equal(plan.kind === 'undo' && plan.depth, 'boot-default');
  });

  it('goes on when the host booted the new generation', () => {
    for (const events of [journal('activating', 0), journal('confirming', 0)]) {
      const plan = planResume(events, rebooted(NEW, NEW));
      assert.equal(plan.kind === 'again' && plan.entry, 'confirming');
    }
    const plan = planResume(journal('committing', 0), rebooted(NEW, NEW));
    assert.equal(plan.kind === 'again' && plan.entry, 'committing');
  });

  it('compares with the boot of the last runner, not of the first', () => {
    const plan = planResume(journal('building', 0, [resumed('boot2')]), rebooted(OLD));
    assert.equal(plan.kind, 'again');
  });

  it('gives up when runners die over it again and again', () => {
    const dead = Array.from({ length: MAX_RESUMES }, () => resumed());
    const build = planResume(journal('building', 0, dead), up(OLD));
    assert.equal(build.kind === 'undo' && build.depth, 'checkout');
    const confirm = planResume(journal('confirming', 0, dead), up(NEW));
    assert.equal(confirm.kind === 'undo' && confirm.depth, 'activation');
    const again: Line[] = [1, 2].flatMap(() => [resumed(), { type: 'phase', phase: 'activating' }]);
    const activation = planResume(journal('activating', 0, again), up(NEW));
    assert.equal(activation.kind === 'undo' && activation.depth, 'activation');
  });

  it('never decides over a generation that somebody else activated', () => {
    for (const host of [up(OTHER), rebooted(OTHER)]) {
      const plan = planResume(journal('confirming', 0), host);
      assert.equal(plan.kind, 'say');
    }
  });

  it('leaves a run alone that has ended', () => {
    const ended: Line = { type: 'ended', outcome: 'succeeded', changed: true, after: {} };
    assert.deepEqual(planResume(journal('committing', 1, [ended]), up(NEW)), { kind: 'ended' });
  });

  it('never activates or commits anything after a power loss that the host did not boot', () => {
    const phase = fc.constantFrom(...PHASES.slice(1));
    fc.assert(
      fc.property(
        phase,
        fc.nat(3),
        fc.constantFrom(OLD, NEW, OTHER),
        fc.constantFrom(OLD, NEW, OTHER),
        (at, lines, running, profile) => {
          const plan = planResume(journal(at, lines), rebooted(running, profile));
          if (plan.kind !== 'again' || plan.entry === 'pulling') return;
          assert.equal(running, NEW);
          assert.ok(plan.entry === 'confirming' || plan.entry === 'committing');
        },
      ),
    );
  });
});
