import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { FleetHost, RunSummary } from '../../protocol/index.ts';
import { Emitter } from '../base/event.ts';
import { NO_FLEET, type Fleet, type FleetChange } from '../fleet/fleet.ts';
import { aHost, anEndedRun, aRun, runId } from '../fleet/samples.ts';
import { WatchedRuns, type Memory } from './watched-runs.ts';

class FakeFleet {
  readonly changes = new Emitter<FleetChange>();
  readonly onDidChange = this.changes.event;
  fleet: Fleet = { ...NO_FLEET, known: true, stale: false };

  put(...hosts: readonly FleetHost[]): void {
    const previous = this.fleet;
    this.fleet = { ...previous, hosts: new Map([...previous.hosts, ...hosts.map(host => [host.host, host] as const)]) };
    this.changes.fire({ fleet: this.fleet, previous, hosts: new Set(hosts.map(({ host }) => host)) });
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

function setUp(
  fleet = new FakeFleet(),
  memory = new FakeMemory(),
): { fleet: FakeFleet; memory: FakeMemory; watched: WatchedRuns; told: string[][] } {
  const watched = new WatchedRuns(fleet, memory);
  const told: string[][] = [];
  watched.onDidEnd(runs => told.push(runs.map(run => `${run.host} ${run.outcome ?? run.delivery}`)));
  return { fleet, memory, watched, told };
}

const on = (host: string, run: RunSummary, online = true): FleetHost =>
  aHost(host, { online, runs: [{ ...run, host }] });

describe('runs whose outcome is to be told', () => {
  it('are told once, when they are over', () => {
    const { fleet, watched, told } = setUp();
    watched.watch([{ host: 'web', runId: runId(1) }]);
    fleet.put(on('web', aRun(1)));
    assert.deepEqual(told, []);
    fleet.put(on('web', anEndedRun(1)));
    fleet.put(on('web', anEndedRun(1)));
    assert.deepEqual(told, [['web succeeded']]);
  });

  it('are not those that somebody else asked for', () => {
    const { fleet, told } = setUp();
    fleet.put(on('web', anEndedRun(1)));
    assert.deepEqual(told, []);
  });

  it('are told together when they were asked together', () => {
    const { fleet, watched, told } = setUp();
    watched.watch([
      { host: 'a', runId: runId(1) },
      { host: 'b', runId: runId(2) },
    ]);
    fleet.put(on('a', anEndedRun(1)), on('b', aRun(2)));
    assert.deepEqual(told, []);
    fleet.put(on('b', anEndedRun(2, { outcome: 'failed' })));
    assert.deepEqual(told, [['a succeeded', 'b failed']]);
  });

  it('do not wait for a host that is offline; it is told by itself later', () => {
    const { fleet, watched, told } = setUp();
    watched.watch([
      { host: 'a', runId: runId(1) },
      { host: 'off', runId: runId(2) },
    ]);
    const queued = aRun(2, { delivery: 'queued', seq: 0, phase: 'queued' });
    fleet.put(on('a', anEndedRun(1)), on('off', queued, false));
    assert.deepEqual(told, [['a succeeded', 'off queued']]);
    fleet.put(on('off', aRun(2)));
    fleet.put(on('off', anEndedRun(2)));
    assert.deepEqual(told.slice(1), [['off succeeded']]);
  });

  it('are told after a reload too', () => {
    const first = setUp();
    first.watched.watch([{ host: 'web', runId: runId(1) }]);
    first.watched.dispose();
    const again = setUp(new FakeFleet(), first.memory);
    again.fleet.put(on('web', anEndedRun(1)));
    assert.deepEqual(again.told, [['web succeeded']]);
    const third = setUp(new FakeFleet(), first.memory);
    third.fleet.put(on('web', anEndedRun(1)));
    assert.deepEqual(third.told, []);
  });

  it('are not told from what was last known', () => {
    const { fleet, watched, told } = setUp();
    watched.watch([{ host: 'web', runId: runId(1) }]);
    fleet.fleet = { ...fleet.fleet, stale: true };
    fleet.put(on('web', anEndedRun(1)));
    assert.deepEqual(told, []);
  });

  it('are none when the memory holds nonsense', () => {
    const memory = new FakeMemory();
    void memory.update('nixfleet.watchedRuns', { not: 'a list' });
    const { fleet, told } = setUp(new FakeFleet(), memory);
    fleet.put(on('web', anEndedRun(1)));
    assert.deepEqual(told, []);
  });
});
