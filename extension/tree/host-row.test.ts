import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { BuildProgress, FleetHost } from '../../protocol/index.ts';
import { ENGLISH } from '../base/locale.ts';
import { AGENT, aHost, anEndedRun, anOutdatedHost, aRun, HOUR, MINUTE, NEW_REV, NOW } from '../fleet/samples.ts';
import { compareRows, presentHost, sameRow, type HostRow } from './host-row.ts';

const present = (host: FleetHost, stale = false): HostRow => presentHost(host, { now: NOW, stale }, ENGLISH);
const says = (host: FleetHost): string => present(host).description;
const withRuns = (...runs: FleetHost['runs']): FleetHost => aHost('web', { runs });

describe('the row of a host', () => {
  it('says its agent version when there is nothing else worth knowing', () => {
    assert.equal(says(aHost()), '2.3.0');
    assert.equal(present(aHost()).icon.id, 'pass');
  });

  it('says that there is something newer', () => {
    assert.equal(says(anOutdatedHost()), `2.3.0 → ${NEW_REV.slice(0, 7)} available`);
    assert.match(present(anOutdatedHost()).contextValue, /;outdated;/);
  });

  it('says which phase an update is in, and for how long', () => {
    assert.equal(says(withRuns(aRun(1))), 'updating · building 40 s');
    assert.equal(
      says(withRuns(aRun(1, { phase: 'activating', phaseSince: NOW - 3 * MINUTE - 5000 }))),
      'updating · activating 3 min',
    );
    assert.equal(says(withRuns(aRun(1, { delivery: 'sent', phase: 'queued', seq: 0 }))), 'updating · starting');
    assert.equal(says(withRuns(aRun(1, { phaseSince: NOW + 900 }))), 'updating · building', 'clocks differ');
  });

  it('shows an update of a host that lost its link as what it is', () => {
    assert.equal(says(aHost('web', { online: false, runs: [aRun(1)] })), 'updating · building 40 s · host offline');
  });

  it('says how far the build of a host is, where that is known', () => {
    const at = (progress: BuildProgress): string => says(withRuns(aRun(1, { progress })));
    const builds = { done: 3, total: 7 };
    assert.equal(at({ builds, now: [], more: 0 }), 'updating · building 40 s · 3 of 7 built');
    assert.equal(at({ now: [], more: 0 }), 'updating · building 40 s');
  });

  it('says that a host needs a reboot, when nothing more is to be said', () => {
    const status = { at: NOW, problems: [], reboot: ['kernel'] };
    assert.equal(says(aHost('web', { status })), '2.3.0 · needs a reboot');
    assert.equal(says(aHost('web', { status: { ...status, reboot: [] } })), '2.3.0');
    assert.equal(says(aHost('web', { status, runs: [aRun(1)] })), 'updating · building 40 s');
  });

  it('shows an update that waits for its host', () => {
    const queued = aRun(1, { delivery: 'queued', phase: 'queued', seq: 0 });
    assert.equal(says(aHost('web', { online: false, runs: [queued] })), 'queued · waits for host');
    assert.equal(says(withRuns(queued)), 'queued');
    assert.equal(says(withRuns({ ...queued, held: true })), 'queued · waits its turn');
    assert.equal(present(withRuns(queued)).icon.id, 'watch');
  });

  it('says for how long a host is offline, in whole units', () => {
    const offline = (ms: number): string => says(aHost('web', { online: false, lastSeenAt: NOW - ms }));
    assert.equal(offline(3 * HOUR + 59 * MINUTE), '2.3.0 · offline 3 h');
    assert.equal(offline(50 * HOUR), '2.3.0 · offline 2 d');
    assert.equal(offline(20_000), '2.3.0 · offline just now');
    const { lastSeenAt: _, ...never } = aHost('web', { online: false });
    assert.equal(says(never), '2.3.0 · offline');
  });

  it('knows a host that never connected', () => {
    const { agent: _, lastSeenAt: __, ...enrolled } = aHost('new', { online: false });
    assert.equal(says(enrolled), 'never connected');
  });

  it('says how the last update went wrong', () => {
    assert.equal(says(withRuns(anEndedRun(1, { outcome: 'failed' }))), '2.3.0 · update failed');
    assert.equal(says(withRuns(anEndedRun(1, { outcome: 'rolled-back' }))), '2.3.0 · update rolled back');
    assert.equal(says(withRuns(anEndedRun(1, { outcome: 'inconsistent' }))), '2.3.0 · update left inconsistent');
    assert.equal(says(withRuns(aRun(1, { delivery: 'refused', seq: 0 }))), '2.3.0 · update refused');
    assert.equal(says(withRuns(aRun(1, { delivery: 'expired', seq: 0 }))), '2.3.0 · update expired');
  });

  it('forgets a failure once a later run went well, or somebody mended it by hand', () => {
    const failed = anEndedRun(1, { outcome: 'failed', versionBefore: '2.3.0' });
    assert.equal(says(withRuns(anEndedRun(2), failed)), '2.3.0');
    assert.equal(
      says(withRuns(anEndedRun(2, { outcome: 'cancelled' }), failed)),
      '2.3.0 · update failed',
      'cancelling mends nothing',
    );
    const byHand = aHost('web', { agent: { ...AGENT, version: '2.4.0' }, runs: [failed] });
    assert.equal(says(byHand), '2.4.0');
  });

  it('counts what a host could not find out', () => {
    const status = { at: NOW, problems: ['nixcfg was not found: tried /home/ana/Code/nixcfg, /etc/nixos'] };
    assert.equal(says(aHost('web', { status })), '2.3.0 · 1 problem');
    assert.equal(present(aHost('web', { status })).icon.id, 'warning');
  });

  it('tells states apart by more than colour', () => {
    const hosts = [
      aHost(),
      anOutdatedHost(),
      withRuns(aRun(1)),
      withRuns(aRun(1, { delivery: 'queued', seq: 0 })),
      withRuns(anEndedRun(1, { outcome: 'failed' })),
      aHost('web', { online: false }),
    ];
    assert.equal(new Set(hosts.map(host => present(host).icon.id)).size, hosts.length);
  });

  it('shows what was last known in grey and without movement', () => {
    const row = present(withRuns(aRun(1)), true);
    assert.deepEqual(row.icon, { id: 'sync', color: 'disabledForeground' });
    assert.match(row.accessibleLabel, /last known/);
    assert.equal(row.description, 'updating · building 40 s');
  });

  it('gives menus words to match', () => {
    assert.equal(present(anOutdatedHost()).contextValue, ';host;online;idle;outdated;agent;configuration;');
    assert.equal(present(withRuns(aRun(1))).contextValue, ';host;online;live;runs;agent;configuration;');
    assert.equal(present(aHost('web', { online: false })).contextValue, ';host;offline;idle;agent;configuration;');
  });

  it('does not look different for what is not shown', () => {
    const status = { at: NOW, problems: [] };
    assert.ok(
      sameRow(present(aHost('web', { status })), present(aHost('web', { status: { ...status, at: NOW + 5 } }))),
    );
    assert.ok(sameRow(present(aHost('web', { lastSeenAt: 1 })), present(aHost('web', { lastSeenAt: 2 }))));
    assert.ok(!sameRow(present(aHost()), present(anOutdatedHost())));
  });
});

describe('the order of the rows', () => {
  it('puts first what needs attention, then goes by name as people count', () => {
    const rows = [
      aHost('z10'),
      aHost('z9'),
      aHost('off', { online: false }),
      aHost('failed', { runs: [anEndedRun(1, { outcome: 'failed' })] }),
      anOutdatedHost('new'),
      aHost('busy', { runs: [aRun(1)] }),
    ].map(host => present(host));
    assert.deepEqual(
      rows.sort(compareRows).map(row => row.label),
      ['failed', 'busy', 'new', 'z9', 'z10', 'off'],
    );
  });

  it('does not move a host when its update starts', () => {
    const outdated = present(anOutdatedHost());
    assert.equal(present(anOutdatedHost('web', { runs: [aRun(1)] })).rank, outdated.rank);
  });
});
