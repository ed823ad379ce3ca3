import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { ENGLISH } from '../base/locale.ts';
import { SIGNED_OUT, type ConnectionState } from '../connection/state.ts';
import { NO_FLEET, type Fleet } from '../fleet/fleet.ts';
import { aHost, anOutdatedHost, aRun } from '../fleet/samples.ts';
import { presentStatus, type StatusText } from './present.ts';

const URL_ = 'wss://relay.example.org';
const ONLINE: ConnectionState = {
  kind: 'online',
  socket: 1,
  attempt: 0,
  since: 0,
  checkAt: 1,
  relay: { protocol: 1, version: '1', operator: 'ana' },
};

function fleetOf(...hosts: readonly ReturnType<typeof aHost>[]): Fleet {
  return { ...NO_FLEET, known: true, stale: false, hosts: new Map(hosts.map(host => [host.host, host])) };
}

const present = (connection: ConnectionState, fleet: Fleet, url: string | undefined = URL_): StatusText | undefined =>
  presentStatus(connection, url, fleet, 0, ENGLISH);

describe('the status bar', () => {
  it('counts what is online, what is updating and what has an update', () => {
    assert.equal(present(ONLINE, fleetOf(aHost('a'), aHost('b'), aHost('c')))?.text, '$(server) 3 online');
    assert.equal(present(ONLINE, fleetOf(aHost('a'), anOutdatedHost('b')))?.text, '$(server) 2 online · 1 update');
    const busy = aHost('c', { online: false, runs: [aRun(1)] });
    assert.equal(
      present(ONLINE, fleetOf(anOutdatedHost('a'), anOutdatedHost('b'), busy))?.text,
      '$(server) 2 online · 1 updating · 2 updates',
    );
    const waits = aHost('d', { runs: [aRun(2, { delivery: 'queued', held: true })] });
    assert.equal(present(ONLINE, fleetOf(waits))?.text, '$(server) 1 online', 'its turn has not come');
  });

  it('is not there without a relay', () => {
    assert.equal(present(SIGNED_OUT, NO_FLEET), undefined);
    assert.equal(presentStatus(ONLINE, undefined, NO_FLEET, 0, ENGLISH), undefined);
  });

  it('says that it connects, reconnects, or was refused, and why', () => {
    assert.match(present(ONLINE, NO_FLEET)?.text ?? '', /connecting/);
    const lost: ConnectionState = {
      kind: 'reconnecting',
      socket: 1,
      attempt: 2,
      until: 1,
      why: { kind: 'going-down' },
    };
    const reconnecting = present(lost, fleetOf(aHost()));
    assert.match(reconnecting?.text ?? '', /reconnecting/);
    assert.equal(reconnecting?.tooltip, 'relay.example.org is restarting.');
    assert.equal(reconnecting.isWarning, false);
    assert.match(present({ ...lost, attempt: 1 }, fleetOf(aHost()))?.text ?? '', /1 online/, 'a blip is not spoken of');
    const refused = present({ kind: 'refused', socket: 1, why: { kind: 'token-revoked' } }, fleetOf(aHost()));
    assert.match(refused?.text ?? '', /refused/);
    assert.equal(refused?.isWarning, true);
  });
});
