import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { ENGLISH } from '../base/locale.ts';
import { BRIEF, CONNECT_WITHIN, SIGNED_OUT, type ConnectionState } from '../connection/state.ts';
import type { Trouble } from '../connection/trouble.ts';
import { NO_FLEET, type Fleet } from '../fleet/fleet.ts';
import { aHost, anOutdatedHost, NOW } from '../fleet/samples.ts';
import { parseFilter } from './host-filter.ts';
import { presentView, type ViewInput, type ViewState } from './view-state.ts';

const ONLINE: ConnectionState = {
  kind: 'online',
  socket: 1,
  attempt: 0,
  since: NOW,
  checkAt: NOW + 1,
  relay: { protocol: 1, version: '1', operator: 'ana' },
};
const lost = (why: Trouble, ms = 12_000): ConnectionState => ({
  kind: 'reconnecting',
  socket: 1,
  attempt: 2,
  until: NOW + ms,
  why,
  downSince: NOW - 10_000,
});
const refused = (why: Trouble): ConnectionState => ({ kind: 'refused', socket: 1, why, downSince: NOW - 10_000 });

function fleetOf(stale: boolean, ...hosts: readonly ReturnType<typeof aHost>[]): Fleet {
  return { ...NO_FLEET, known: true, stale, hosts: new Map(hosts.map(host => [host.host, host])) };
}

function view(part: Partial<ViewInput>): ViewState {
  const input: ViewInput = {
    configured: 'relay-and-token',
    connection: SIGNED_OUT,
    relay: 'relay:7780',
    fleet: NO_FLEET,
    now: NOW,
    ...part,
  };
  return presentView(input, ENGLISH);
}

describe('what the view says around its rows', () => {
  it('has a welcome for each state without rows', () => {
    const keys: [Partial<ViewInput>, string][] = [
      [{ configured: 'unknown' }, 'starting'],
      [{ configured: 'nothing' }, 'not-configured'],
      [{ configured: 'relay' }, 'signed-out'],
      [{ connection: SIGNED_OUT }, 'connecting'],
      [{ connection: { kind: 'connecting', socket: 1, attempt: 0, deadline: NOW } }, 'connecting'],
      [{ connection: ONLINE }, 'connecting'],
      [{ connection: ONLINE, fleet: fleetOf(false) }, 'no-hosts'],
      [{ connection: refused({ kind: 'token-rejected' }) }, 'token-rejected'],
      [{ connection: refused({ kind: 'too-old' }) }, 'too-old'],
      [{ connection: refused({ kind: 'relay-too-old', version: '0.1' }) }, 'relay-too-old'],
      [{ connection: refused({ kind: 'certificate', code: 'X', detail: '' }) }, 'certificate'],
      [{ connection: lost({ kind: 'name-not-found', host: 'relay' }) }, 'name-not-found'],
      [{ connection: lost({ kind: 'connection-refused' }) }, 'connection-refused'],
      [{ connection: lost({ kind: 'silent', ms: 1 }) }, 'unreachable'],
      [
        { connection: { kind: 'greeting', socket: 2, attempt: 3, deadline: NOW, why: { kind: 'connection-refused' } } },
        'connection-refused',
      ],
    ];
    for (const [input, key] of keys) {
      assert.equal(view(input).key, key);
      assert.equal(view(input).message, undefined, 'a message would hide the welcome');
    }
  });

  it('keeps the rows when the link is lost, and says why and when it is tried again', () => {
    const state = view({ connection: lost({ kind: 'connection-refused' }), fleet: fleetOf(true, aHost()) });
    assert.equal(state.key, 'hosts');
    assert.equal(
      state.message,
      'relay:7780 refused the connection. Is the relay running, and is this its port? Trying again in 15 s. Hosts are shown as they were last known.',
    );
  });

  it('says the same while it tries', () => {
    const connection: ConnectionState = {
      kind: 'connecting',
      socket: 2,
      attempt: 2,
      deadline: NOW,
      why: { kind: 'going-down' },
    };
    assert.equal(
      view({ connection, fleet: fleetOf(true, aHost()) }).message,
      'relay:7780 is restarting. Trying again… Hosts are shown as they were last known.',
    );
    assert.match(
      view({ connection: lost({ kind: 'going-down' }, 300), fleet: fleetOf(true, aHost()) }).message ?? '',
      /Trying again…/,
    );
  });

  it('does not speak of a loss that is mended at the first attempt', () => {
    const fleet = fleetOf(true, aHost());
    const why: Trouble = { kind: 'going-down' };
    assert.equal(
      view({
        connection: { kind: 'reconnecting', socket: 1, attempt: 1, until: NOW + 400, why, downSince: NOW },
        fleet,
      }).message,
      undefined,
    );
    const connecting: ConnectionState = {
      kind: 'connecting',
      socket: 2,
      attempt: 1,
      deadline: NOW + CONNECT_WITHIN,
      why,
      downSince: NOW,
    };
    assert.equal(view({ connection: connecting, fleet }).message, undefined);
    assert.match(view({ connection: connecting, fleet, now: NOW + BRIEF }).message ?? '', /restarting/);
  });

  it('promises nothing when it is not tried again', () => {
    const { message } = view({ connection: refused({ kind: 'token-revoked' }), fleet: fleetOf(true, aHost()) });
    assert.equal(
      message,
      'The token for relay:7780 was revoked. Ask for another one. Hosts are shown as they were last known.',
    );
  });

  it('says nothing when all is well', () => {
    const { message, description } = view({ connection: ONLINE, fleet: fleetOf(false, aHost()) });
    assert.equal(message, undefined);
    assert.equal(description, 'relay:7780');
  });

  it('counts the hosts that have an update', () => {
    assert.equal(view({ fleet: fleetOf(false, aHost('a'), anOutdatedHost('b'), anOutdatedHost('c')) }).badge, 2);
  });

  it('says what is filtered, counts as without it, and says so when no host is left', () => {
    const fleet = fleetOf(false, aHost('a'), anOutdatedHost('b'));
    const outdated = view({ connection: ONLINE, fleet, filter: parseFilter(['outdated', 'offline']) });
    assert.deepEqual(
      [outdated.key, outdated.description, outdated.message, outdated.stale, outdated.badge],
      ['hosts', 'Update available, Offline · relay:7780', 'Shown: Update available, Offline.', false, 1],
    );
    const none = view({ connection: ONLINE, fleet, filter: parseFilter(['offline']) });
    assert.deepEqual([none.key, none.message, none.badge], ['no-match', undefined, 1]);
    const lostNow = { connection: lost({ kind: 'connection-refused' }), filter: parseFilter(['offline']) };
    const stale = view({ ...lostNow, fleet: fleetOf(true, aHost('a', { online: false })) });
    assert.match(stale.message ?? '', /last known\. Shown: Offline\.$/);
    assert.equal(stale.stale, true);
    const empty = view({ connection: ONLINE, fleet: fleetOf(false), filter: parseFilter(['offline']) });
    assert.deepEqual([empty.key, empty.description], ['no-hosts', 'relay:7780']);
  });
});
