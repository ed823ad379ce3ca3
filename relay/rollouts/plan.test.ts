import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import { isHeld, isOver, rolloutIdSchema, type Rollout, type RunId, type RunSummary } from '../../protocol/index.ts';
import type { RunRecord } from '../runs/record.ts';
import { newRunId } from '../testing/harness.ts';
import { advance, stopped } from './advance.ts';
import type { RolloutRecord } from './record.ts';

const NOW = 1_800_000_000_000;
const ROLLOUT = rolloutIdSchema.parse(newRunId());

type Ending = 'succeeded' | 'failed' | 'rolled-back' | 'inconsistent' | 'cancelled' | 'refused' | 'expired';

/** A rollout over hosts that a test moves. */
class World {
  record: RolloutRecord;
  readonly runs = new Map<RunId, RunRecord>();
  readonly online = new Map<string, boolean>();
  /** When each host was begun, in order. */
  readonly starts: { readonly host: string; readonly at: number }[] = [];
  now = NOW;
  nextAt: number | undefined;

  constructor(hosts: readonly string[], pace: Partial<Rollout> = {}) {
    const turns = hosts.map(host => ({ host, runId: newRunId() }));
    for (const { host, runId } of turns) {
      this.online.set(host, true);
      this.runs.set(runId, { summary: { ...aRun(host, runId), rollout: ROLLOUT, held: true } });
    }
    this.record = {
      rollout: {
        ...{ rolloutId: ROLLOUT, requestedBy: 'ana', requestedAt: NOW, width: 2, stagger: 1000, stopAfterFailures: 99 },
        counts: { waiting: turns.length, offline: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 },
        failed: [],
        ...pace,
      },
      ...{ turns, digest: '', refused: [] },
    };
  }

  /** Looks at it, as the relay does when something happened; gives who was begun. */
  look(wait = 0): readonly string[] {
    this.now += wait;
    const context = {
      run: (id: RunId) => this.runs.get(id),
      isOnline: (host: string) => this.online.get(host) ?? false,
    };
    const { record, runs, hosts, nextAt } = advance(this.record, context, this.now);
    this.record = record;
    this.nextAt = nextAt;
    for (const run of runs) this.runs.set(run.summary.runId, run);
    for (const host of hosts) this.starts.push({ host, at: this.now });
    // the agent is told at once
    for (const host of hosts) this.put(host, { delivery: 'begun' });
    return hosts;
  }

  run(host: string): RunRecord {
    const run = [...this.runs.values()].find(({ summary }) => summary.host === host);
    assert.ok(run);
    return run;
  }

  put(host: string, part: Partial<RunSummary>): void {
    const run = this.run(host);
    this.runs.set(run.summary.runId, { ...run, summary: { ...run.summary, ...part } });
  }

  end(host: string, ending: Ending): void {
    this.put(host, ending === 'refused' || ending === 'expired' ? { delivery: ending } : { outcome: ending });
  }

  get atWork(): readonly string[] {
    return [...this.runs.values()]
      .filter(({ summary }) => !isOver(summary) && !isHeld(summary))
      .map(({ summary }) => summary.host);
  }
}

function aRun(host: string, runId: RunId): RunSummary {
  return {
    ...{ runId, host, requestedBy: 'ana', requestedAt: NOW, expiresAt: NOW + 3_600_000, seq: 0 },
    ...{ delivery: 'queued', phase: 'queued', phaseSince: NOW },
  };
}

const HOSTS = ['a', 'b', 'c', 'd'];

describe('a rollout', () => {
  it('begins hosts one after another, no more at a time than it is wide', () => {
    const world = new World(HOSTS);
    assert.deepEqual(world.look(), ['a']);
    assert.equal(world.nextAt, NOW + 1000);
    assert.deepEqual(world.look(999), []);
    assert.deepEqual(world.look(1), ['b']);
    assert.deepEqual(world.look(60_000), [], 'both places are taken');
    assert.equal(world.nextAt, undefined, 'something has to happen first');
    world.end('b', 'succeeded');
    assert.deepEqual(world.look(), ['c']);
    assert.deepEqual(world.record.rollout.counts, {
      ...{ waiting: 1, offline: 0, running: 2, succeeded: 1, failed: 0, cancelled: 0 },
    });
  });

  it('begins as many at once as it is wide when nothing has to lie between', () => {
    assert.deepEqual(new World(HOSTS, { stagger: 0, width: 3 }).look(), ['a', 'b', 'c']);
  });

  it('passes over hosts that are offline, and begins them when they are there', () => {
    const world = new World(HOSTS, { width: 1 });
    world.online.set('a', false);
    assert.deepEqual(world.look(), ['b']);
    assert.equal(world.record.rollout.counts.offline, 1);
    world.online.set('a', true);
    assert.deepEqual(world.look(5000), [], 'the place is taken');
    world.end('b', 'succeeded');
    assert.deepEqual(world.look(), ['a'], 'its turn was before that of c');
  });

  it('keeps the place of a host that went silent at work, so that what takes hosts off the network comes to a halt', () => {
    const world = new World(HOSTS, { stagger: 0 });
    world.look();
    for (const host of ['a', 'b']) world.online.set(host, false);
    assert.deepEqual(world.look(3_600_000), []);
    assert.equal(world.record.rollout.counts.running, 2);
  });

  it('lets a host wait again that went away before it was told', () => {
    const world = new World(HOSTS, { width: 1 });
    world.look();
    world.put('a', { delivery: 'queued' });
    world.online.set('a', false);
    assert.deepEqual(world.look(1000), ['b']);
    assert.ok(isHeld(world.run('a').summary));
    assert.equal(world.record.rollout.counts.offline, 1);
  });

  it('stops by itself after so many failures; what runs goes on', () => {
    const world = new World(HOSTS, { stopAfterFailures: 2, stagger: 0, width: 3 });
    world.look();
    world.end('a', 'failed');
    world.end('b', 'refused');
    assert.deepEqual(world.look(), []);
    assert.deepEqual(world.record.rollout.stopped, { at: NOW });
    assert.equal(world.run('d').summary.delivery, 'cancelled');
    assert.match(world.run('d').summary.reason?.message ?? '', /^The rollout, after 2 failures, cancelled it before d/);
    assert.deepEqual(world.atWork, ['c']);
    assert.equal(world.record.rollout.endedAt, undefined);
    world.end('c', 'succeeded');
    world.look(7);
    assert.equal(world.record.rollout.endedAt, NOW + 7);
    assert.deepEqual(
      world.record.rollout.failed.map(({ host }) => host),
      ['a', 'b'],
    );
  });

  it('does not count what was cancelled or expired as a failure', () => {
    const world = new World(HOSTS, { stopAfterFailures: 1, stagger: 0 });
    world.look();
    world.end('a', 'cancelled');
    world.end('b', 'expired');
    assert.deepEqual(world.look(), ['c', 'd']);
  });

  it('is stopped by a person: what has not begun is cancelled in their name', () => {
    const world = new World(HOSTS, { width: 1 });
    world.look();
    world.record = stopped(world.record, 'ben', world.now);
    world.look(5000);
    assert.deepEqual(world.atWork, ['a']);
    assert.match(world.run('b').summary.reason?.message ?? '', /^ben cancelled it before b began/);
    assert.deepEqual(world.record.rollout.stopped, { at: NOW, by: 'ben' });
    assert.equal(stopped(world.record, 'cem', world.now), world.record, 'who was first is kept');
  });

  it('goes on when the clock was set back', () => {
    const world = new World(HOSTS, { stagger: 1000 });
    world.look();
    world.look(-3_600_000);
    assert.equal(world.nextAt, world.now + 1000);
    assert.deepEqual(world.look(1000), ['b']);
  });

  it('says nothing new when nothing has happened', () => {
    const world = new World(HOSTS);
    world.look();
    const { record } = world;
    world.look(10);
    assert.equal(world.record, record);
  });

  it('never runs wider or faster than asked, begins each host once at most, and comes to an end', () => {
    const step = fc.record({
      kind: fc.constantFrom('end', 'end', 'end', 'off', 'on', 'stop', 'wait'),
      pick: fc.nat(),
      wait: fc.integer({ min: 0, max: 1500 }),
      ending: fc.constantFrom<Ending>('succeeded', 'succeeded', 'failed', 'rolled-back', 'inconsistent', 'cancelled'),
    });
    const shape = fc.record({
      hosts: fc.integer({ min: 1, max: 12 }),
      width: fc.integer({ min: 1, max: 4 }),
      stagger: fc.constantFrom(0, 1, 1000),
      stopAfterFailures: fc.integer({ min: 1, max: 5 }),
      steps: fc.array(step, { maxLength: 60 }),
    });
    fc.assert(
      fc.property(shape, ({ hosts, steps, ...pace }) => {
        const names = Array.from({ length: hosts }, (_, index) => `h${index}`);
        const world = new World(names, pace);
        const check = () => {
          assert.ok(world.atWork.length <= pace.width, 'too wide');
          const { counts } = world.record.rollout;
          assert.equal(
            Object.values(counts).reduce((sum, count) => sum + count),
            hosts,
          );
          assert.equal(counts.running, world.atWork.length);
        };
        for (const { kind, pick, wait, ending } of steps) {
          const name = names[pick % hosts] ?? '';
          const busy = world.atWork[pick % Math.max(1, world.atWork.length)];
          if (kind === 'end' && busy) world.end(busy, ending);
          if (kind === 'off' || kind === 'on') world.online.set(name, kind === 'on');
          if (kind === 'stop' && pick % 7 === 0) world.record = stopped(world.record, 'ana', world.now);
          world.look(kind === 'wait' ? wait : 0);
          check();
        }
        // everybody comes back, and what runs ends: it must get through
        for (const name of names) world.online.set(name, true);
        for (let i = 0; i <= 2 * hosts && world.record.rollout.endedAt === undefined; i++) {
          for (const host of world.atWork) world.end(host, 'succeeded');
          world.look(pace.stagger);
          check();
        }
        assert.notEqual(world.record.rollout.endedAt, undefined, 'it has not come to an end');
        const began = world.starts.map(({ host }) => host);
        assert.equal(new Set(began).size, began.length, 'a host was begun twice');
        for (const [index, { at }] of world.starts.entries()) {
          const before = world.starts[index - 1];
          if (before) assert.ok(at - before.at >= pace.stagger, 'too fast');
        }
        if (!world.record.rollout.stopped) assert.equal(began.length, hosts);
      }),
      { numRuns: 500 },
    );
  });
});
