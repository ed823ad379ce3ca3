import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import type { ToOperatorMessage } from '../../protocol/index.ts';
import {
  changeBetween,
  findRun,
  isOutdated,
  isVisiblyOther,
  liveRun,
  NO_FLEET,
  reduceFleet,
  withRun,
  type Fleet,
  type FleetInput,
} from './fleet.ts';
import { aHost, anEndedRun, anOutdatedHost, aRun, NOW, runId } from './samples.ts';

const WELCOME: ToOperatorMessage = {
  type: 'welcome',
  protocol: 1,
  relayVersion: '1',
  operator: 'ana',
  now: NOW + 5000,
};

const say = (message: ToOperatorMessage): FleetInput => ({ type: 'message', message, at: NOW });
const take = (fleet: Fleet, ...messages: readonly ToOperatorMessage[]): Fleet => reduceFleet(fleet, messages.map(say));
const names = (fleet: Fleet): readonly string[] => [...fleet.hosts.keys()];

/** A fleet as it is after a welcome and these hosts. */
function fleetOf(...hosts: readonly ReturnType<typeof aHost>[]): Fleet {
  return take(NO_FLEET, WELCOME, { type: 'fleet', hosts: [...hosts], last: true });
}

describe('the fleet', () => {
  it('is not known before a whole snapshot has come', () => {
    const welcomed = take(NO_FLEET, WELCOME);
    assert.equal(welcomed.known, false);
    assert.equal(welcomed.clockOffset, 5000);
    const half = take(welcomed, { type: 'fleet', hosts: [aHost('a')], last: false });
    assert.equal(half.known, false);
    assert.deepEqual(names(half), []);
    const whole = take(half, { type: 'fleet', hosts: [aHost('b')], last: true });
    assert.equal(whole.known, true);
    assert.equal(whole.stale, false);
    assert.deepEqual(names(whole), ['a', 'b']);
  });

  it('keeps its hosts, marked stale, when the link drops, and until the next snapshot is whole', () => {
    const fleet = fleetOf(aHost('a'), aHost('b'));
    const down = reduceFleet(fleet, [{ type: 'link-down' }]);
    assert.equal(down.stale, true);
    assert.equal(down.hosts, fleet.hosts);
    const back = take(down, WELCOME, { type: 'fleet', hosts: [aHost('c')], last: false });
    assert.equal(back.stale, true);
    assert.deepEqual(names(back), ['a', 'b']);
    const whole = take(back, { type: 'fleet', hosts: [aHost('a')], last: true });
    assert.equal(whole.stale, false);
    assert.deepEqual(names(whole), ['c', 'a'], 'a host that is not in the snapshot does not exist');
  });

  it('has in a snapshot what changed while it came', () => {
    const whole = take(
      take(NO_FLEET, WELCOME, { type: 'fleet', hosts: [aHost('a'), aHost('b'), aHost('web')], last: false }),
      { type: 'host', host: aHost('a', { online: false }) },
      { type: 'host-removed', host: 'b' },
      { type: 'run', run: aRun(1) },
      { type: 'fleet', hosts: [aHost('c')], last: true },
    );
    assert.deepEqual(names(whole), ['a', 'web', 'c']);
    assert.equal(whole.hosts.get('a')?.online, false);
    assert.equal(whole.hosts.get('web')?.runs.length, 1);
  });

  it('looks the same while a snapshot comes', () => {
    const fleet = take(fleetOf(aHost('a')), WELCOME);
    const half = take(fleet, { type: 'fleet', hosts: [aHost('a')], last: false });
    assert.notEqual(half, fleet);
    assert.equal(isVisiblyOther(fleet, half), false);
    assert.equal(isVisiblyOther(half, take(half, { type: 'fleet', hosts: [], last: true })), true);
  });

  it('drops the half of a snapshot that a lost link left', () => {
    const half = take(NO_FLEET, WELCOME, { type: 'fleet', hosts: [aHost('ghost')], last: false });
    const down = reduceFleet(half, [{ type: 'link-down' }]);
    assert.equal(down.arriving, undefined);
    const again = take(down, WELCOME, {
      type: 'fleet',
      hosts: [aHost('a')],
      last: true,
    });
    assert.deepEqual(names(again), ['a']);
  });

  it('does not lose what is said while a snapshot arrives', () => {
    const fleet = take(
      NO_FLEET,
      WELCOME,
      { type: 'fleet', hosts: [aHost('a'), aHost('gone')], last: false },
      { type: 'host', host: aHost('a', { online: false }) },
      { type: 'host-removed', host: 'gone' },
      { type: 'run', run: aRun(1, { host: 'a' }) },
      { type: 'fleet', hosts: [aHost('b')], last: true },
    );
    assert.deepEqual(names(fleet), ['a', 'b']);
    assert.equal(fleet.hosts.get('a')?.online, false);
    assert.equal(fleet.hosts.get('a')?.runs.length, 1);
  });

  it('knows nothing of another relay', () => {
    assert.deepEqual(reduceFleet(fleetOf(aHost()), [{ type: 'forget' }]), NO_FLEET);
  });

  it('takes hosts, their removal and runs as they come', () => {
    const fleet = take(fleetOf(aHost('a')), { type: 'host', host: aHost('b') }, { type: 'host-removed', host: 'a' });
    assert.deepEqual(names(fleet), ['b']);
    const asked = take(fleet, { type: 'run', run: aRun(1, { host: 'b' }) });
    assert.equal(findRun(asked, runId(1))?.host, 'b');
    const replied = take(asked, { type: 'reply', id: 1, ok: true, run: aRun(2, { host: 'b' }) });
    assert.deepEqual(
      replied.hosts.get('b')?.runs.map(run => run.runId),
      [runId(2), runId(1)],
    );
    assert.equal(take(replied, { type: 'run', run: aRun(3, { host: 'nobody' }) }).hosts, replied.hosts);
  });

  it('says which hosts changed, and none when nothing did', () => {
    const before = fleetOf(aHost('a'), aHost('b'), aHost('c'));
    const after = take(
      before,
      { type: 'host', host: aHost('b', { online: false }) },
      { type: 'host-removed', host: 'c' },
      { type: 'host', host: aHost('d') },
    );
    assert.deepEqual([...changeBetween(before, after).hosts].sort(), ['b', 'c', 'd']);
    assert.equal(changeBetween(before, before).hosts.size, 0);
    const same = take(reduceFleet(before, [{ type: 'link-down' }]), WELCOME, {
      type: 'fleet',
      hosts: [aHost('a'), aHost('b'), aHost('c')],
      last: true,
    });
    assert.equal(changeBetween(before, same).hosts.size, 0, 'the same snapshot again changes no host');
  });

  it('is the same value when an input says nothing new', () => {
    const down = reduceFleet(fleetOf(aHost()), [{ type: 'link-down' }]);
    assert.equal(reduceFleet(down, [{ type: 'link-down' }]), down);
    assert.equal(reduceFleet(down, []), down);
  });

  it('never changes a snapshot that was handed out', () => {
    const message = fc.oneof(
      fc.constant<ToOperatorMessage>(WELCOME),
      fc.record({ type: fc.constant('host' as const), host: fc.constantFrom('a', 'b', 'c').map(name => aHost(name)) }),
      fc.record({ type: fc.constant('host-removed' as const), host: fc.constantFrom('a', 'b', 'c') }),
      fc.record({
        type: fc.constant('run' as const),
        run: fc.integer({ min: 1, max: 30 }).map(n => aRun(n, { host: 'a' })),
      }),
      fc.record({
        type: fc.constant('fleet' as const),
        hosts: fc.subarray([aHost('a'), aHost('b')]),
        last: fc.boolean(),
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.array(message)), batches => {
        let fleet = NO_FLEET;
        for (const batch of batches) {
          const copy = new Map(fleet.hosts);
          const arriving = fleet.arriving && [...fleet.arriving];
          const next = take(fleet, ...batch);
          assert.deepEqual(fleet.hosts, copy);
          assert.deepEqual(fleet.arriving, arriving);
          const oneByOne = batch.reduce((state, one) => take(state, one), fleet);
          assert.deepEqual([...next.hosts], [...oneByOne.hosts], 'together is the same as one by one');
          fleet = next;
        }
      }),
    );
  });
});

describe('a host with its runs', () => {
  it('has the newest first, and a handful', () => {
    const host = Array.from({ length: 15 }, (_, i) => aRun(i + 1)).reduce(withRun, aHost());
    assert.equal(host.runs.length, 10);
    assert.equal(host.runs[0]?.runId, runId(15));
  });

  it('does not go back to what was said before', () => {
    const ended = withRun(aHost(), anEndedRun(1));
    assert.equal(withRun(ended, aRun(1, { seq: 5 })), ended);
    const refused = withRun(aHost(), aRun(1, { delivery: 'refused', seq: 0 }));
    assert.equal(withRun(refused, aRun(1, { delivery: 'sent', seq: 0 })), refused);
    assert.equal(
      withRun(withRun(aHost(), aRun(1, { delivery: 'sent', seq: 0 })), anEndedRun(1)).runs[0]?.outcome,
      'succeeded',
    );
  });

  it('is live while a run is not over', () => {
    assert.equal(liveRun(aHost()), undefined);
    assert.equal(liveRun(aHost('web', { runs: [aRun(2), anEndedRun(1)] }))?.runId, runId(2));
    assert.equal(liveRun(aHost('web', { runs: [aRun(1, { delivery: 'expired' })] })), undefined);
    assert.equal(
      liveRun(aHost('web', { runs: [aRun(1, { delivery: 'queued', seq: 0, phase: 'queued' })] }))?.delivery,
      'queued',
    );
  });

  it('is outdated when its lock has another revision than upstream, and nobody knows without both', () => {
    assert.equal(isOutdated(anOutdatedHost()), true);
    assert.equal(isOutdated(aHost()), undefined);
    const { status } = anOutdatedHost();
    assert.equal(isOutdated(aHost('web', { status: { ...status!, input: { rev: status!.upstream!.rev } } })), false);
    assert.equal(isOutdated(aHost('web', { status: { at: NOW, problems: [], input: {} } })), undefined);
  });
});
