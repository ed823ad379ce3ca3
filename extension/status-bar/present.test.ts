import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { ENGLISH } from '../base/locale.ts';
import type { OutageWords } from '../connection/outage-words.ts';
import { NO_FLEET, type Fleet } from '../fleet/fleet.ts';
import { aHost, anOutdatedHost, aRun } from '../fleet/samples.ts';
import { presentStatus, type StatusText } from './present.ts';

const RELAY = 'relay.example.org';
const OUTAGE: OutageWords = {
  label: 'reconnecting in 15 s',
  what: 'relay.example.org is restarting.',
  when: 'Trying again in 15 s.',
  since: undefined,
  isRefused: false,
};

function fleetOf(...hosts: readonly ReturnType<typeof aHost>[]): Fleet {
  return { ...NO_FLEET, known: true, stale: false, hosts: new Map(hosts.map(host => [host.host, host])) };
}

const present = (fleet: Fleet, outage?: OutageWords): StatusText | undefined =>
  presentStatus(RELAY, outage, fleet, ENGLISH);

describe('the status bar', () => {
  it('counts what is online, what is updating and what has an update', () => {
    assert.equal(present(fleetOf(aHost('a'), aHost('b'), aHost('c')))?.text, '$(server) 3 online');
    assert.equal(present(fleetOf(aHost('a'), anOutdatedHost('b')))?.text, '$(server) 2 online · 1 update');
    const busy = aHost('c', { online: false, runs: [aRun(1)] });
    assert.equal(
      present(fleetOf(anOutdatedHost('a'), anOutdatedHost('b'), busy))?.text,
      '$(server) 2 online · 1 updating · 2 updates',
    );
    const waits = aHost('d', { runs: [aRun(2, { delivery: 'queued', held: true })] });
    assert.equal(present(fleetOf(waits))?.text, '$(server) 1 online', 'its turn has not come');
  });

  it('is not there without a relay', () => {
    assert.equal(presentStatus(undefined, undefined, NO_FLEET, ENGLISH), undefined);
  });

  it('says that it connects', () => {
    assert.match(present(NO_FLEET)?.text ?? '', /connecting/);
  });

  it('says that the link is down, why, when it is tried again and for how long it has been so', () => {
    const status = present(fleetOf(aHost()), OUTAGE);
    assert.equal(status?.text, '$(debug-disconnect) NixFleet: reconnecting in 15 s');
    assert.equal(status.tooltip, 'relay.example.org is restarting. Trying again in 15 s.');
    assert.equal(status.isWarning, false);
    const long = present(fleetOf(aHost()), { ...OUTAGE, since: '10 min' });
    assert.match(long?.tooltip ?? '', /Not connected for 10 min\.$/);
  });

  it('warns where a person has to act', () => {
    const status = present(fleetOf(aHost()), { ...OUTAGE, label: 'token revoked', when: undefined, isRefused: true });
    assert.equal(status?.text, '$(error) NixFleet: token revoked');
    assert.equal(status.isWarning, true);
  });
});
