import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { foldRun } from '../../protocol/index.ts';
import { ENGLISH } from '../base/locale.ts';
import { SILENT } from '../base/log.ts';
import { ManualClock } from '../base/manual-clock.ts';
import { NO_FLEET, type Fleet } from '../fleet/fleet.ts';
import { aHost } from '../fleet/samples.ts';
import { panelView } from '../run-panel/panel-view.ts';
import { RUN_ID, Story } from '../run-panel/preview/story.ts';
import { presentStatus } from '../status-bar/present.ts';
import { presentHost } from '../tree/host-row.ts';
import { presentView } from '../tree/view-state.ts';
import { FakeSockets } from './fake-sockets.ts';
import { Link } from './link.ts';
import { Outage } from './outage.ts';
import { BRIEF, PING_AFTER, PONG_WITHIN } from './state.ts';
import type { Trouble } from './trouble.ts';

const REFUSED: Trouble = { kind: 'connection-refused' };

/** A window with one host and a run on it, whose link a test holds by the other end. */
class Window {
  readonly clock = new ManualClock();
  readonly sockets = new FakeSockets();
  readonly link = new Link({
    client: { name: 't', version: '1' },
    log: SILENT,
    open: (...args) => {
      const socket = this.sockets.open(...args);
      const trouble = this.meets;
      if (trouble) this.clock.after(5, () => this.sockets.last.onEnd(trouble));
      return socket;
    },
    clock: this.clock,
    wall: () => this.clock.now(),
    random: () => 0.9,
  });
  readonly outage = new Outage(this.link, ENGLISH, this.clock);
  /** What every attempt to connect meets. */
  meets: Trouble | undefined;

  constructor() {
    this.link.signIn({ url: 'wss://relay.example.org', token: 'secret' });
    this.sockets.welcome();
  }

  get view(): string | undefined {
    const fleet: Fleet = {
      ...NO_FLEET,
      known: true,
      stale: !this.link.isOnline,
      hosts: new Map([['web', aHost('web')]]),
    };
    const connection = this.link.state;
    const input = { configured: 'relay-and-token', connection, relay: 'relay.example.org', fleet } as const;
    return presentView({ ...input, now: this.clock.now() }, ENGLISH).message;
  }

  get status(): string {
    const fleet: Fleet = { ...NO_FLEET, known: true, stale: false, hosts: new Map([['web', aHost('web')]]) };
    const status = presentStatus('relay.example.org', this.outage.words, fleet, ENGLISH);
    return `${status?.isWarning ? 'warning: ' : ''}${status?.text.replace(/^\$\(\S+\) /, '')}`;
  }

  /** The first warning in the panel of a run that goes on. */
  get panel(): string | undefined {
    const story = new Story().begin();
    const source = { runId: RUN_ID, host: 'web', summary: story.summary(), state: foldRun(story.events) };
    const locks = { lockBefore: undefined, lockAfter: undefined };
    const rest = { gone: false, problem: undefined, places: [], hasNixcfg: false, online: true, clockAhead: 0 };
    return panelView({ ...source, ...locks, ...rest, outage: this.outage.lost }, ENGLISH).warnings[0];
  }

  /** When the run of the panel was last heard of, where that is over; by the clock on the wall. */
  get heardAt(): number | undefined {
    return this.outage.lost?.since;
  }

  /** Goes on second by second and gives everything that `read` has said, without repetitions. */
  during(seconds: number, read: () => string | undefined): (string | undefined)[] {
    const said: (string | undefined)[] = [];
    for (let i = 0; i < seconds; i++) {
      this.clock.advance(1000);
      if (this.link.isOnline) this.sockets.last.onHeard();
      if (said.length === 0 || said.at(-1) !== read()) said.push(read());
    }
    return said;
  }

  close(): void {
    this.outage.dispose();
    this.link.dispose();
    assert.equal(this.clock.timerCount, 0);
  }
}

const GOES_ON =
  'What is here is what was last known. The update of web does not need this window: it goes on, and this window catches up once it is connected.';

describe('what a person is told when the link dies', () => {
  it('for a moment: nothing', () => {
    const window = new Window();
    window.sockets.last.onEnd({ kind: 'going-down' });
    window.clock.advance(1500);
    window.sockets.welcome();
    const all = (): string => JSON.stringify([window.view, window.status, window.panel]);
    assert.deepEqual(window.during(60, all), [JSON.stringify([undefined, '1 online', undefined])]);
    window.close();
  });

  it('for 10 s: why, that it is tried again, and that what is seen is old; then nothing', () => {
    const begun = Date.now();
    const window = new Window();
    window.meets = REFUSED;
    window.sockets.last.onEnd({ kind: 'going-down' });
    window.clock.advance(10_000);
    const what = 'relay.example.org refused the connection. Is the relay running, and is this its port?';
    assert.match(
      window.view ?? '',
      /^relay\.example\.org refused .* Trying again.* Hosts are shown as they were last known\.$/,
    );
    assert.match(window.status, /^NixFleet: reconnecting/);
    assert.equal(window.panel, `${what} ${GOES_ON}`);
    const { heardAt } = window;
    assert.ok(heardAt !== undefined && heardAt >= begun && heardAt <= Date.now());
    window.clock.advance(20_000);
    assert.equal(window.heardAt, heardAt, 'though it was tried again since');
    window.meets = undefined;
    window.link.retry();
    window.sockets.welcome();
    assert.deepEqual([window.view, window.status, window.panel], [undefined, '1 online', undefined]);
    window.close();
  });

  it('for 10 min: also how old what is seen is', () => {
    const window = new Window();
    window.meets = REFUSED;
    window.sockets.last.onEnd({ kind: 'lost', code: 1006 });
    window.clock.advance(10 * 60_000 + 1000);
    assert.match(window.view ?? '', /Hosts are shown as they were last known, 10 min ago\.$/);
    assert.equal(window.outage.words?.since, '10 min');
    window.close();
  });

  it('for ever: the same, and it is still tried', () => {
    const window = new Window();
    window.meets = REFUSED;
    window.sockets.last.onEnd({ kind: 'lost', code: 1006 });
    window.clock.advance(3 * 24 * 3_600_000);
    assert.match(window.view ?? '', /refused the connection.* Hosts are shown as they were last known, 3 d ago\.$/);
    const before = window.sockets.opened.length;
    window.clock.advance(60_000);
    assert.ok(window.sockets.opened.length > before);
    window.close();
  });

  it('without a word (half-open): that nothing was heard, and for how long', () => {
    const window = new Window();
    window.clock.advance(PING_AFTER + PONG_WITHIN + BRIEF + 100);
    assert.match(window.view ?? '', /^Nothing was heard from relay\.example\.org for 25 s\./);
    window.close();
  });

  it('and counts down calmly, by five seconds', () => {
    const window = new Window();
    window.meets = REFUSED;
    window.sockets.last.onEnd({ kind: 'lost', code: 1006 });
    window.clock.advance(40_000); // the waits are at their longest
    const seconds = 300;
    const said = window.during(seconds, () => window.status);
    assert.deepEqual([...new Set(said)].sort(), [
      ...[10, 15, 20, 25, 30, 5].map(wait => `NixFleet: reconnecting in ${wait} s`),
      'NixFleet: reconnecting…',
    ]);
    assert.ok(said.length < seconds / 3, `${said.length} changes in ${seconds} s`);
    window.close();
  });

  const turnedAway: [what: string, trouble: Trouble, label: string, words: RegExp, again: boolean][] = [
    ['the token is revoked', { kind: 'token-revoked' }, 'token revoked', /was revoked\. Ask for another one\./, false],
    ['the token is not known', { kind: 'token-rejected' }, 'token not accepted', /did not accept the token/, false],
    ['the relay speaks a newer protocol', { kind: 'too-old' }, 'extension too old', /Update NixFleet in the Ext/, true],
    [
      'the relay is too old',
      { kind: 'relay-too-old', version: '0.1.0' },
      'relay too old',
      /0\.1\.0.*Upgrade the relay/,
      true,
    ],
    [
      'the certificate has expired',
      { kind: 'certificate', code: 'CERT_HAS_EXPIRED', detail: '' },
      'certificate not accepted',
      /has expired/,
      true,
    ],
    ['something else answers', { kind: 'not-a-relay', detail: 'HTTP 404' }, 'not a relay', /HTTP 404/, true],
  ];
  for (const [what, trouble, label, words, again] of turnedAway) {
    it(`because ${what}: what to do, at once and everywhere, with the rows kept`, () => {
      const window = new Window();
      window.sockets.last.onEnd(trouble);
      assert.equal(window.status, `warning: NixFleet: ${label}`);
      assert.match(window.view ?? '', words);
      assert.match(window.view ?? '', /Hosts are shown as they were last known\.$/);
      assert.equal(window.view?.includes('Trying again every minute.'), again);
      assert.match(window.panel ?? '', words);
      assert.ok(window.panel?.endsWith(GOES_ON));
      const { length } = window.sockets.opened;
      window.clock.advance(3_600_000);
      assert.equal(window.sockets.opened.length > length, again);
      window.close();
    });
  }

  it('and in the rows, to eyes and to screen readers, that they are the last known', () => {
    const row = presentHost(aHost('web'), { now: 0, stale: true }, ENGLISH);
    assert.match(row.accessibleLabel, /last known/);
    assert.equal(row.icon.color, 'disabledForeground');
  });

  it('or signs out: that, in the panel that is still open', () => {
    const window = new Window();
    window.link.signOut();
    assert.match(window.panel ?? '', /^You are signed out of the relay\./);
    window.close();
  });
});
