import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { ENGLISH } from '../base/locale.ts';
import { NO_FLEET, type Fleet } from '../fleet/fleet.ts';
import { aHost, anEndedRun, anOutdatedHost, aRun, NOW } from '../fleet/samples.ts';
import { parseFilter } from './host-filter.ts';
import { RowCache } from './row-cache.ts';

function fleetOf(...hosts: readonly ReturnType<typeof aHost>[]): Fleet {
  return { ...NO_FLEET, known: true, stale: false, hosts: new Map(hosts.map(host => [host.host, host])) };
}

const at = (now: number): { now: number; stale: boolean } => ({ now, stale: false });
const AT = at(NOW);

describe('the rows that were shown', () => {
  it('are all new at first', () => {
    const cache = new RowCache(ENGLISH);
    assert.deepEqual(cache.update(fleetOf(aHost('b'), aHost('a')), AT), { changed: [], list: true });
    assert.deepEqual(cache.order, ['a', 'b']);
  });

  it('are drawn again only where they read differently', () => {
    const cache = new RowCache(ENGLISH);
    cache.update(fleetOf(aHost('a'), aHost('b')), AT);
    const same = fleetOf(aHost('a', { lastSeenAt: NOW + 9 }), aHost('b'));
    assert.deepEqual(cache.update(same, AT, ['a']), { changed: [], list: false });
    const problem = { at: NOW, problems: [] };
    const running = aHost('a', { agent: { ...aHost().agent!, version: '2.3.1' }, status: problem });
    assert.deepEqual(cache.update(fleetOf(running, aHost('b')), AT, ['a']), { changed: ['a'], list: false });
    assert.deepEqual(cache.order, ['a', 'b']);
  });

  it('are a new list when a host comes, goes, or needs attention', () => {
    const cache = new RowCache(ENGLISH);
    cache.update(fleetOf(aHost('a'), aHost('b')), AT);
    assert.equal(cache.update(fleetOf(aHost('a'), aHost('b'), aHost('c')), AT, ['c']).list, true);
    assert.equal(cache.update(fleetOf(aHost('a'), aHost('b')), AT, ['c']).list, true);
    assert.deepEqual(cache.order, ['a', 'b']);
    const failed = aHost('b', { runs: [anEndedRun(1, { outcome: 'failed' })] });
    const moved = { changed: ['b'], list: true };
    assert.deepEqual(cache.update(fleetOf(aHost('a'), failed), AT, ['b']), moved, 'it reads so before it moves');
    assert.deepEqual(cache.order, ['b', 'a']);
  });

  it('know which of them count seconds', () => {
    const cache = new RowCache(ENGLISH);
    const fleet = fleetOf(aHost('a', { runs: [aRun(1)] }), aHost('b'));
    cache.update(fleet, AT);
    assert.deepEqual([...cache.live], ['a']);
    assert.deepEqual(cache.update(fleet, at(NOW + 1000), cache.live), { changed: [], list: false });
    assert.deepEqual(cache.update(fleet, at(NOW + 5000), cache.live), { changed: ['a'], list: false });
    cache.update(fleetOf(aHost('b')), AT, ['a']);
    assert.deepEqual([...cache.live], []);
  });

  it('all look different once the link is down', () => {
    const cache = new RowCache(ENGLISH);
    const fleet = fleetOf(aHost('a'), aHost('b'));
    cache.update(fleet, AT);
    assert.deepEqual(cache.update(fleet, { now: NOW, stale: true }), { changed: ['a', 'b'], list: false });
  });

  it('are drawn again one at a time, however many there are', () => {
    const cache = new RowCache(ENGLISH);
    const hosts = Array.from({ length: 5000 }, (_, i) => aHost(`host-${i}`));
    cache.update(fleetOf(...hosts), AT);
    hosts[2500] = aHost('host-2500', { agent: { ...aHost().agent!, version: '2.4.0' } });
    assert.deepEqual(cache.update(fleetOf(...hosts), AT, ['host-2500']), { changed: ['host-2500'], list: false });
    assert.deepEqual(cache.update(fleetOf(...hosts), AT), { changed: [], list: false });
  });

  it('are those that the filter shows; a host that comes into it or leaves it makes a new list', () => {
    const cache = new RowCache(ENGLISH);
    const filter = parseFilter(['outdated']);
    cache.update(fleetOf(aHost('a'), anOutdatedHost('b')), AT);
    const fleet = fleetOf(aHost('a'), anOutdatedHost('b'));
    assert.deepEqual(cache.update(fleet, AT, undefined, filter), { changed: [], list: true });
    assert.deepEqual(cache.order, ['b']);
    assert.equal(cache.isShown('a'), false);
    const other = fleetOf(aHost('a', { online: false }), anOutdatedHost('b'));
    assert.deepEqual(cache.update(other, AT, ['a'], filter), { changed: [], list: false }, 'nobody sees it');
    assert.equal(cache.update(fleetOf(anOutdatedHost('b')), AT, ['a'], filter).list, false, 'nor its going');
    assert.equal(cache.update(fleetOf(anOutdatedHost('a'), anOutdatedHost('b')), AT, ['a'], filter).list, true);
    assert.deepEqual(cache.order, ['a', 'b']);
    cache.update(fleetOf(aHost('a'), aHost('b')), AT, undefined, parseFilter([]));
    assert.deepEqual(cache.order, ['a', 'b']);
  });
});
