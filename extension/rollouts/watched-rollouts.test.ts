import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Rollout, RolloutId } from '../../protocol/index.ts';
import { Emitter } from '../base/event.ts';
import { aRollout, NO_COUNTS, NOW } from '../fleet/samples.ts';
import type { Memory } from '../updates/watched-runs.ts';
import { WatchedRollouts } from './watched-rollouts.ts';

class FakeStore {
  readonly changes = new Emitter<void>();
  readonly onDidChange = this.changes.event;
  readonly rollouts = new Map<RolloutId, Rollout>();

  find(id: RolloutId): Rollout | undefined {
    return this.rollouts.get(id);
  }

  put(part: Partial<Rollout>): void {
    const rollout = aRollout(part);
    this.rollouts.set(rollout.rolloutId, rollout);
    this.changes.fire();
  }
}

class FakeMemory implements Memory {
  readonly values = new Map<string, string>();
  get(key: string): unknown {
    const value = this.values.get(key);
    return value === undefined ? undefined : JSON.parse(value);
  }
  update(key: string, value: unknown): Promise<void> {
    this.values.set(key, JSON.stringify(value));
    return Promise.resolve();
  }
}

const { rolloutId } = aRollout();
const DONE = { counts: { ...NO_COUNTS, succeeded: 4 }, endedAt: NOW };
const SETTLED = { counts: { ...NO_COUNTS, succeeded: 3, offline: 1 } };

function setUp(store = new FakeStore(), memory = new FakeMemory()) {
  const watched = new WatchedRollouts(store, memory);
  const told: string[] = [];
  watched.onDidTell(({ counts, endedAt }) =>
    told.push(`${counts.succeeded} ${endedAt === undefined ? 'so far' : 'over'}`),
  );
  return { store, memory, watched, told };
}

describe('rollouts whose outcome is to be told', () => {
  it('are told once, when they are over', () => {
    const { store, watched, told } = setUp();
    watched.watch(rolloutId);
    store.put({});
    assert.deepEqual(told, []);
    store.put(DONE);
    store.put(DONE);
    assert.deepEqual(told, ['4 over']);
  });

  it('are not those that somebody else asked for', () => {
    const { store, told } = setUp();
    store.put(DONE);
    assert.deepEqual(told, []);
  });

  it('are told before, once, when only hosts are left that are offline', () => {
    const { store, watched, told } = setUp();
    watched.watch(rolloutId);
    store.put(SETTLED);
    store.put(SETTLED);
    store.put(DONE);
    assert.deepEqual(told, ['3 so far', '4 over']);
  });

  it('are told after a reload too, and not again', () => {
    const first = setUp();
    first.watched.watch(rolloutId);
    first.store.put(SETTLED);
    first.watched.dispose();
    const second = setUp(new FakeStore(), first.memory);
    second.store.put(SETTLED);
    second.store.put(DONE);
    assert.deepEqual(second.told, ['4 over']);
    const third = setUp(new FakeStore(), first.memory);
    third.store.put(DONE);
    assert.deepEqual(third.told, []);
  });

  it('are none when the memory holds nonsense', () => {
    const memory = new FakeMemory();
    void memory.update('nixfleet.watchedRollouts', { not: 'a list' });
    const { store, told } = setUp(new FakeStore(), memory);
    store.put(DONE);
    assert.deepEqual(told, []);
  });
});
