import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { OperatorMessage } from '../../protocol/index.ts';
import { ManualClock } from '../base/manual-clock.ts';
import type { Log } from '../base/log.ts';
import { Link } from './link.ts';
import { FakeSockets } from './fake-sockets.ts';
import type { RelayTarget } from './relay-socket.ts';
import { LOOK_EVERY } from './sleep.ts';
import { AWAKE_WITHIN, PING_AFTER, PONG_WITHIN, type ConnectionState } from './state.ts';

const TARGET: RelayTarget = { url: 'wss://relay.example.org', token: 'very-secret' };

function setUp(): {
  link: Link;
  sockets: FakeSockets;
  clock: ManualClock;
  states: ConnectionState['kind'][];
  logged: string[];
  /** What of it is shown unless somebody wants to know more. */
  shown: string[];
  wall: { ahead: number };
} {
  const sockets = new FakeSockets();
  const clock = new ManualClock();
  const logged: string[] = [];
  const write = (message: string): number => logged.push(message);
  const shown: string[] = [];
  const show = (message: string): void => void (write(message), shown.push(message));
  const log: Log = { debug: write, info: show, warn: show, error: show };
  const wall = { ahead: 0 };
  const link = new Link({
    client: { name: 't', version: '1' },
    log,
    open: sockets.open,
    clock,
    wall: () => clock.now() + wall.ahead,
    random: () => 0.5,
  });
  const states: ConnectionState['kind'][] = [];
  link.onDidChangeState(state => states.push(state.kind));
  return { link, sockets, clock, states, logged, shown, wall };
}

describe('the link', () => {
  it('goes through its states and tells of each', () => {
    const { link, sockets, states } = setUp();
    link.signIn(TARGET);
    sockets.welcome();
    assert.deepEqual(states, ['connecting', 'greeting', 'online']);
    assert.ok(link.isOnline);
    sockets.last.onEnd({ kind: 'lost', code: 1006 });
    assert.equal(states.at(-1), 'reconnecting');
    assert.equal(link.isOnline, false);
    link.dispose();
  });

  it('passes messages on, and says nothing while it is not online', () => {
    const { link, sockets } = setUp();
    const heard: string[] = [];
    link.onMessage(message => heard.push(message.type));
    const message: OperatorMessage = { type: 'refresh', id: 1, host: 'web' };
    assert.equal(link.send(message), false);
    link.signIn(TARGET);
    assert.equal(link.send(message), false);
    sockets.welcome();
    assert.equal(link.send(message), true);
    assert.deepEqual(sockets.last.said, [message]);
    sockets.last.onMessage({ type: 'host-removed', host: 'web' });
    assert.deepEqual(heard, ['welcome', 'host-removed']);
    link.dispose();
  });

  it('reconnects by itself when its time has come', () => {
    const { link, sockets, clock } = setUp();
    link.signIn(TARGET);
    for (let i = 0; i < 6; i++) {
      sockets.last.onEnd({ kind: 'connection-refused' });
      clock.advance(8_100);
    }
    assert.equal(sockets.opened.length, 7);
    sockets.welcome();
    assert.ok(link.isOnline);
    link.dispose();
  });

  it('finds out that a link is half-open, and does not call a quiet one that', () => {
    const { link, sockets, clock, states } = setUp();
    link.signIn(TARGET);
    sockets.welcome();
    const quiet = sockets.last;
    for (let i = 0; i < 10; i++) {
      clock.advance(PING_AFTER + 10);
      quiet.onHeard();
    }
    assert.equal(states.at(-1), 'online');
    assert.ok(quiet.pings >= 9);
    clock.advance(PING_AFTER + PONG_WITHIN + 100);
    assert.equal(states.at(-1), 'reconnecting');
    assert.ok(quiet.closed);
    quiet.onMessage({ type: 'host-removed', host: 'web' });
    link.dispose();
  });

  it('finds out within seconds that a link died while the machine slept, on every kind of clock', () => {
    for (const sleep of ['the timers’ clock goes on', 'it stands still'] as const) {
      const { link, sockets, clock, states, wall } = setUp();
      link.signIn(TARGET);
      sockets.welcome();
      clock.advance(PING_AFTER - 100);
      if (sleep === 'it stands still') wall.ahead += 8 * 3_600_000;
      else clock.sleep(8 * 3_600_000);
      clock.advance(LOOK_EVERY + AWAKE_WITHIN + 100);
      assert.ok(sockets.opened[0]?.closed, sleep);
      assert.ok(states.includes('reconnecting'), sleep);
      link.dispose();
    }
  });

  it('keeps a link that outlived the sleep, whenever it fell asleep', () => {
    for (const before of [0, PING_AFTER + 50, PING_AFTER + PONG_WITHIN - 50]) {
      const { link, sockets, clock, states } = setUp();
      link.signIn(TARGET);
      sockets.welcome();
      clock.advance(before);
      clock.sleep(40_000);
      // the answer was on its way, and is read after the timers
      sockets.last.onHeard();
      for (let i = 0; i < 20; i++) {
        clock.advance(3000);
        sockets.last.onHeard();
      }
      assert.equal(states.at(-1), 'online', `asleep after ${before} ms`);
      assert.equal(sockets.opened.length, 1);
      link.dispose();
    }
  });

  it('takes no time that passes awake for a sleep', () => {
    const { link, sockets, clock, logged } = setUp();
    link.signIn(TARGET);
    sockets.welcome();
    for (let i = 0; i < 100; i++) {
      clock.advance(1300);
      sockets.last.onHeard();
      link.wake();
    }
    assert.ok(!logged.some(line => line.includes('slept')));
    link.dispose();
  });

  it('is not read while somebody is behind, and again when the last of them has caught up', () => {
    const { link, sockets } = setUp();
    link.signIn(TARGET);
    sockets.welcome();
    const holds = [link.hold(), link.hold()] as const;
    assert.equal(sockets.last.paused, true);
    holds[0].dispose();
    holds[0].dispose();
    assert.equal(sockets.last.paused, true);
    holds[1].dispose();
    assert.equal(sockets.last.paused, false);
    link.dispose();
  });

  it('does not take a relay that it does not read for a dead one', () => {
    const { link, sockets, clock, states } = setUp();
    link.signIn(TARGET);
    sockets.welcome();
    const hold = link.hold();
    for (let i = 0; i < 100; i++) clock.advance(1000);
    hold.dispose();
    clock.advance(PING_AFTER - 100);
    assert.equal(states.at(-1), 'online');
    // and finds out as ever when it reads again and hears nothing
    for (let i = 0; i < 30; i++) clock.advance(1000);
    assert.ok(states.includes('reconnecting'));
    link.dispose();
  });

  it('reads a new connection, whoever held the one before', () => {
    const { link, sockets } = setUp();
    link.signIn(TARGET);
    sockets.welcome();
    const hold = link.hold();
    link.signIn(TARGET);
    sockets.welcome();
    const [old, fresh] = [sockets.opened[0], sockets.last];
    assert.equal(fresh.paused, false);
    const again = link.hold();
    hold.dispose();
    assert.equal(old?.paused, false);
    assert.equal(fresh.paused, true, 'held by another');
    again.dispose();
    assert.equal(fresh.paused, false);
    link.dispose();
  });

  it('does not tell of heartbeats', () => {
    const { link, sockets, clock, states } = setUp();
    link.signIn(TARGET);
    sockets.welcome();
    const before = states.length;
    clock.advance(PING_AFTER + 10);
    sockets.last.onHeard();
    clock.advance(PONG_WITHIN);
    assert.equal(states.length, before);
    link.dispose();
  });

  it('does not hear a socket that it has left', () => {
    const { link, sockets } = setUp();
    const heard: string[] = [];
    link.onMessage(message => heard.push(message.type));
    link.signIn(TARGET);
    sockets.welcome();
    const old = sockets.last;
    link.signIn({ url: 'wss://other.example.org', token: 'x' });
    old.onMessage({ type: 'host-removed', host: 'web' });
    old.onEnd({ kind: 'token-rejected' });
    assert.deepEqual(heard, ['welcome']);
    assert.equal(link.state.kind, 'connecting');
    assert.equal(sockets.last.target.url, 'wss://other.example.org');
    link.dispose();
  });

  it('stays away when it is refused, and tries when a person wants it', () => {
    const { link, sockets, clock } = setUp();
    link.signIn(TARGET);
    sockets.last.onEnd({ kind: 'token-rejected' });
    clock.advance(24 * 3_600_000);
    link.wake();
    assert.equal(sockets.opened.length, 1);
    link.retry();
    assert.equal(sockets.opened.length, 2);
    link.dispose();
  });

  it('never writes the token down', () => {
    const { link, sockets, logged } = setUp();
    link.signIn(TARGET);
    sockets.welcome();
    sockets.last.onMessage({ type: 'error', kind: 'going-down', message: 'bye' });
    sockets.last.onEnd({ kind: 'token-rejected' });
    assert.ok(logged.length > 3);
    assert.ok(!logged.some(line => line.includes('very-secret')));
    link.dispose();
  });

  it('writes down why it is down, once, for whoever looks at the log', () => {
    const { link, sockets, clock, shown } = setUp();
    link.signIn(TARGET);
    sockets.welcome();
    const before = shown.length;
    for (let i = 0; i < 20; i++) {
      const { length } = sockets.opened;
      sockets.last.onEnd({ kind: 'connection-refused' });
      while (sockets.opened.length === length) clock.advance(100);
    }
    assert.equal(shown.length, before + 1);
    assert.match(shown.at(-1) ?? '', /connection-refused/);
    sockets.last.onEnd({ kind: 'certificate', code: 'CERT_HAS_EXPIRED', detail: 'certificate has expired' });
    assert.match(shown.at(-1) ?? '', /certificate has expired/);
    link.dispose();
  });

  it('leaves no timer, socket or listener', () => {
    for (const stage of ['connecting', 'online', 'reconnecting'] as const) {
      const { link, sockets, clock, states } = setUp();
      link.signIn(TARGET);
      if (stage === 'online') sockets.welcome();
      if (stage === 'reconnecting') sockets.last.onEnd({ kind: 'connection-refused' });
      else assert.equal(sockets.last.closed, false);
      const told = states.length;
      link.dispose();
      assert.equal(clock.timerCount, 0);
      assert.ok(sockets.last.closed || stage === 'reconnecting');
      link.signIn(TARGET);
      sockets.last.onEnd({ kind: 'lost', code: 1006 });
      clock.advance(3_600_000);
      assert.equal(sockets.opened.length, 1);
      assert.ok(states.length <= told + 1);
    }
  });
});
