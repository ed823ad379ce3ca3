import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import { CloseCode } from '../../protocol/index.ts';
import {
  DEFAULT_TIMINGS as timings,
  INITIAL_LINK,
  reduce,
  wakeAt,
  type LinkEffect,
  type LinkEvent,
  type LinkState,
} from './state.ts';
import type { Trouble } from './trouble.ts';

/** A machine that is told what happens, and when. */
class Machine {
  state: LinkState = INITIAL_LINK;
  now = 1000;
  random = 0.5;
  effects: readonly LinkEffect[] = [];

  take(event: LinkEvent): this {
    const { state, effects } = reduce(this.state, event, { now: this.now, random: this.random, timings });
    this.state = state;
    this.effects = effects;
    return this;
  }

  after(milliseconds: number): this {
    this.now += milliseconds;
    return this.take({ type: 'tick' });
  }

  lost(trouble: Trouble): this {
    return this.take({ type: 'lost', trouble });
  }

  online(): this {
    return this.take({ type: 'tick' }).take({ type: 'opened' }).take({ type: 'welcomed' });
  }

  get does(): string[] {
    return this.effects.map(effect => effect.type);
  }

  get said(): string {
    return this.effects.map(effect => (effect.type === 'log' ? `${effect.level}: ${effect.message}` : '')).join('');
  }

  get wait(): number {
    return this.state.name === 'waiting' ? this.state.until - this.now : assert.fail(`it is ${this.state.name}`);
  }
}

const refused: Trouble = { kind: 'unreachable', message: 'nobody listens' };
const closed = (code: number): Trouble => ({ kind: 'closed', code, reason: '' });

describe('the link to the relay', () => {
  it('connects at the first tick, says hello when the socket is open, and begins a session with the welcome', () => {
    const machine = new Machine();
    assert.deepEqual(machine.take({ type: 'tick' }).does, ['connect']);
    assert.deepEqual(machine.take({ type: 'opened' }).does, ['say-hello']);
    assert.deepEqual(machine.take({ type: 'welcomed' }).does, ['begin-session']);
    assert.equal(machine.state.name, 'online');
  });

  it('tries again after a failure, later each time, and says so', () => {
    const machine = new Machine().take({ type: 'tick' });
    const waits: number[] = [];
    for (let i = 0; i < 8; i++) {
      machine.lost(refused);
      assert.match(machine.said, /warn: no link to the relay: nobody listens; next try in /);
      waits.push(machine.wait);
      machine.after(machine.wait);
      assert.deepEqual(machine.does, ['connect']);
    }
    assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
  });

  it('gives a socket up that does not open, and one that is not greeted', () => {
    const machine = new Machine().take({ type: 'tick' });
    assert.deepEqual(machine.after(timings.connect - 1).does, []);
    assert.deepEqual(machine.after(1).does, ['drop', 'log']);
    machine.after(machine.wait).take({ type: 'opened' });
    assert.deepEqual(machine.after(timings.greeting).does, ['drop', 'log']);
    assert.match(machine.said, /no welcome within 10 s/);
  });

  it('pings a silent relay and drops a link that stays silent', () => {
    const machine = new Machine().online();
    assert.deepEqual(machine.after(timings.ping).does, ['ping']);
    assert.deepEqual(machine.after(timings.ping).does, ['ping']);
    assert.deepEqual(machine.after(timings.silence - 2 * timings.ping).does, ['end-session', 'drop', 'log']);
    assert.match(machine.said, /not a sign of life for 40 s/);
  });

  it('keeps a link that says anything at all', () => {
    const machine = new Machine().online();
    for (let i = 0; i < 100; i++) {
      machine.after(timings.ping);
      assert.deepEqual(machine.does, ['ping']);
      machine.take({ type: 'heard' });
    }
    assert.equal(machine.state.name, 'online');
  });

  it('counts failures from one again after a link that held, and not after one that was lost at once', () => {
    const machine = new Machine().take({ type: 'tick' });
    for (let i = 0; i < 5; i++) machine.lost(refused).after(machine.wait);
    machine.take({ type: 'opened' }).take({ type: 'welcomed' }).lost(closed(1006));
    assert.equal(machine.wait, 15_000);
    machine.after(machine.wait).take({ type: 'opened' }).take({ type: 'welcomed' });
    for (let held = 0; held < timings.stable; held += 10_000) machine.after(10_000).take({ type: 'heard' });
    machine.lost(closed(1006));
    assert.equal(machine.wait, 500);
  });

  it('comes back soon when the relay went down in order', () => {
    const machine = new Machine().online().lost(closed(CloseCode.normal));
    assert.deepEqual(machine.does, ['end-session', 'drop', 'log']);
    assert.ok(machine.wait <= 1000);
  });

  it('stays away from a relay that revoked or rejected its token, says what to do, and notices a new one', () => {
    for (const trouble of [closed(CloseCode.revoked), { kind: 'rejected', status: 401 } as const]) {
      const machine = new Machine().online().lost(trouble);
      assert.ok(machine.wait >= timings.rare);
      assert.match(machine.said, /error: .*nixfleet-relay enroll/);
      assert.deepEqual(machine.after(60_000).does, []);
      assert.deepEqual(machine.take({ type: 'credentials-changed' }).does, ['connect']);
    }
  });

  it('does not take a new token for a cure where it is none', () => {
    const machine = new Machine().online().lost(closed(CloseCode.protocolTooOld));
    assert.deepEqual(machine.take({ type: 'credentials-changed' }).does, []);
  });

  it('waits long when another agent took its place, so that two of them do not fight', () => {
    const machine = new Machine().online().lost(closed(CloseCode.replaced));
    assert.ok(machine.wait >= timings.long);
    assert.match(machine.said, /second machine/);
  });

  it('stays away as one that is too old or that spoke for another host', () => {
    for (const code of [CloseCode.protocolTooOld, CloseCode.forbidden])
      assert.ok(new Machine().online().lost(closed(code)).wait >= timings.rare);
  });

  it('closes with a reason when it is told nonsense, and comes again later', () => {
    const machine = new Machine().online().take({ type: 'nonsense', detail: 'the message is not JSON' });
    assert.deepEqual(machine.effects[1], { type: 'drop', code: 4400, reason: 'the message is not JSON' });
    assert.ok(machine.wait >= timings.long);
  });

  it('says goodbye at the shutdown, and waits two seconds for the answer at the most', () => {
    const machine = new Machine().online().take({ type: 'shutdown' });
    assert.deepEqual(machine.effects, [
      { type: 'end-session' },
      { type: 'close', code: 1000, reason: 'the agent stops' },
    ]);
    assert.deepEqual(machine.after(timings.drain - 1).does, []);
    assert.deepEqual(machine.after(1).does, ['drop']);
    assert.equal(machine.state.name, 'stopped');
    assert.equal(new Machine().online().take({ type: 'shutdown' }).lost(closed(1000)).state.name, 'stopped');
  });

  it('stops at once when it has no link', () => {
    assert.equal(new Machine().take({ type: 'shutdown' }).state.name, 'stopped');
    assert.equal(new Machine().take({ type: 'tick' }).lost(refused).take({ type: 'shutdown' }).state.name, 'stopped');
    const connecting = new Machine().take({ type: 'tick' }).take({ type: 'shutdown' });
    assert.deepEqual([connecting.state.name, connecting.does], ['stopped', ['drop']]);
  });
});

const anyTrouble: fc.Arbitrary<Trouble> = fc.oneof(
  fc.constant(refused),
  fc.constant<Trouble>({ kind: 'unfit', message: 'no token', advice: 'enrol' }),
  fc.integer({ min: 100, max: 599 }).map((status): Trouble => ({ kind: 'rejected', status })),
  fc.constantFrom(1000, 1006, 1013, 4400, 4401, 4403, 4408, 4409, 4413, 4426, 4999).map(closed),
);

const anyEvent: fc.Arbitrary<LinkEvent> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom<LinkEvent>({ type: 'opened' }, { type: 'welcomed' }, { type: 'heard' }) },
  { weight: 2, arbitrary: anyTrouble.map((trouble): LinkEvent => ({ type: 'lost', trouble })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<LinkEvent>({ type: 'nonsense', detail: 'x' }, { type: 'credentials-changed' }),
  },
  { weight: 1, arbitrary: fc.constant<LinkEvent>({ type: 'shutdown' }) },
  { weight: 6, arbitrary: fc.constant<LinkEvent>({ type: 'tick' }) },
);

/** What the world must look like after any effects: the sockets and sessions that they made and ended. */
class Model {
  socket = false;
  session = false;
  helloSaid = false;

  apply(effect: LinkEffect): void {
    switch (effect.type) {
      case 'connect':
        assert.ok(!this.socket, 'a second socket');
        this.socket = true;
        this.helloSaid = false;
        return;
      case 'say-hello':
        assert.ok(this.socket && !this.helloSaid, 'a hello without a socket, or a second one');
        this.helloSaid = true;
        return;
      case 'begin-session':
        assert.ok(this.helloSaid && !this.session, 'a session without a hello, or a second one');
        this.session = true;
        return;
      case 'end-session':
        assert.ok(this.session, 'a session ended that was none');
        this.session = false;
        return;
      case 'ping':
      case 'close':
        assert.ok(this.socket, `${effect.type} without a socket`);
        return;
      case 'drop':
        assert.ok(!this.session, 'the session outlives its socket');
        this.socket = false;
        return;
      case 'log':
        return;
    }
  }
}

describe('the link, whatever happens to it', () => {
  it('holds one socket and one session at the most, always knows when to wake, and never comes back after the stop', () => {
    const story = fc.array(
      fc.tuple(anyEvent, fc.integer({ min: 0, max: 50_000 }), fc.double({ min: 0, max: 0.999, noNaN: true })),
      {
        maxLength: 80,
      },
    );
    fc.assert(
      fc.property(story, events => {
        const machine = new Machine();
        const model = new Model();
        for (const [event, passed, random] of events) {
          const before = machine.state;
          machine.now += passed;
          machine.random = random;
          machine.take(event);
          for (const effect of machine.effects) model.apply(effect);
          const { state } = machine;
          assert.equal(model.session, state.name === 'online');
          assert.equal(model.socket, !['waiting', 'stopped'].includes(state.name));
          if (before.name === 'stopped') assert.equal(state, before);
          if (before.name === 'closing') assert.ok(['closing', 'stopped'].includes(state.name));
          const wake = wakeAt(state, timings);
          if (state.name !== 'stopped') assert.ok(wake !== undefined && wake <= machine.now + 1.5 * timings.rare);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('gets somewhere by waking alone: from any state a second of ticks on time leads to another try or to the end', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 30 }), events => {
        const machine = new Machine();
        for (const event of events) machine.take(event);
        let tries = 0;
        for (let i = 0; i < 20 && machine.state.name !== 'stopped'; i++) {
          const wake = wakeAt(machine.state, timings) ?? NaN;
          machine.now = Math.max(machine.now, wake);
          machine.take({ type: 'tick' });
          if (machine.does.includes('connect')) tries++;
        }
        assert.ok(machine.state.name === 'stopped' || tries > 0);
      }),
    );
  });
});
