import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { FleetHost } from '../../protocol/index.ts';
import { ENGLISH } from '../base/locale.ts';
import { aHost, anEndedRun, anOutdatedHost, aRun, NOW } from '../fleet/samples.ts';
import { filterWords, HOST_STATES, isIn, isShown, NO_FILTER, parseFilter, showsNotEnrolled } from './host-filter.ts';
import { KeptFilter } from './kept-filter.ts';

const { agent: _, ...never } = aHost('new', { online: false });
const failed = anEndedRun(1, { outcome: 'failed', phase: 'building' });
const problems = { at: NOW, problems: ['nixcfg was not found'] };

const states = (host: FleetHost): string => HOST_STATES.filter(state => isIn(state, host)).join(' ');

describe('the states that hosts are filtered by', () => {
  it('are those that their rows speak of', () => {
    assert.equal(states(aHost()), 'quiet');
    assert.equal(states(anOutdatedHost()), 'outdated');
    assert.equal(states(aHost('web', { runs: [failed] })), 'attention');
    assert.equal(states(aHost('web', { status: problems })), 'attention');
    assert.equal(states(aHost('web', { runs: [aRun(1)] })), 'updating');
    assert.equal(states(aHost('web', { online: false })), 'offline');
    assert.equal(states(never), 'never-connected');
  });

  it('are several at once: an update that a host has counts whatever else it is', () => {
    assert.equal(states(anOutdatedHost('web', { online: false })), 'outdated offline');
    assert.equal(states(anOutdatedHost('web', { runs: [failed] })), 'attention outdated');
    assert.equal(states(anOutdatedHost('web', { runs: [aRun(1)] })), 'outdated updating');
  });

  it('leave no host out', () => {
    const hosts = [aHost(), anOutdatedHost(), aHost('w', { status: problems }), aHost('o', { online: false }), never];
    for (const host of hosts) assert.notEqual(states(host), '', host.host);
  });
});

describe('a filter', () => {
  it('shows every host while nothing is chosen, and else those in one of the chosen states', () => {
    for (const host of [aHost(), never]) assert.ok(isShown(NO_FILTER, host));
    const filter = parseFilter(['offline', 'updating']);
    assert.ok(isShown(filter, aHost('web', { online: false })));
    assert.ok(isShown(filter, aHost('web', { runs: [aRun(1)] })));
    assert.ok(!isShown(filter, aHost()));
  });

  it('counts configurations without a host as never connected', () => {
    assert.ok(showsNotEnrolled(NO_FILTER));
    assert.ok(showsNotEnrolled(parseFilter(['never-connected'])));
    assert.ok(!showsNotEnrolled(parseFilter(['offline'])));
  });

  it('is said in words, in the order in which it is offered', () => {
    assert.equal(filterWords(NO_FILTER, ENGLISH), '');
    assert.equal(filterWords(parseFilter(['offline', 'attention']), ENGLISH), 'Needs attention, Offline');
  });

  it('is kept, and what another version kept does not matter', async () => {
    const kept = new Map<string, unknown>();
    const memory = {
      get: (key: string) => kept.get(key),
      update: (key: string, value: unknown) => Promise.resolve(void kept.set(key, value)),
    };
    const before = new KeptFilter(memory);
    assert.equal(before.filter.size, 0);
    let told = 0;
    before.onDidChange(() => (told += 1));
    await before.set(parseFilter(['offline']));
    assert.equal(told, 1);
    assert.deepEqual([...new KeptFilter(memory).filter], ['offline']);
    for (const other of ['offline', { offline: true }, 7, null, ['asleep', 3]])
      assert.equal(parseFilter(other).size, 0);
  });
});
