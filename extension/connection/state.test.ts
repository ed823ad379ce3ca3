import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { DELAY_CAP, FIRST_DELAY } from './backoff.ts';
import {
  AWAKE_WITHIN,
  BRIEF,
  CONNECT_WITHIN,
  deadlineOf,
  GREET_WITHIN,
  lastingTrouble,
  PING_AFTER,
  PONG_WITHIN,
  reduceConnection,
  SIGNED_OUT,
  SLOW_RETRY,
  STABLE_AFTER,
  troubleIn,
  type ConnectionEffect,
  type ConnectionEvent,
  type ConnectionState,
  type RelayInfo,
} from './state.ts';
import { retryOf, type Trouble } from './trouble.ts';

const RELAY: RelayInfo = { protocol: 1, version: '1.0.0', operator: 'ana' };
const LOST: Trouble = { kind: 'lost', code: 1006 };
const REJECTED: Trouble = { kind: 'token-rejected' };
const CERTIFICATE: Trouble = { kind: 'certificate', code: 'CERT_HAS_EXPIRED', detail: 'expired' };

/** A machine with a clock of its own. */
class Machine {
  state: ConnectionState = SIGNED_OUT;
  effects: readonly ConnectionEffect[] = [];
  now = 1000;
  heardAt = 0;
  random = 0.5;

  send(event: ConnectionEvent): this {
    [this.state, this.effects] = reduceConnection(this.state, event, this);
    return this;
  }

  /** Time passes up to the state's deadline, and the machine is told. */
  pass(): this {
    const deadline = deadlineOf(this.state);
    assert.ok(deadline !== undefined, `${this.state.kind} waits for nothing`);
    this.now = deadline;
    return this.send({ type: 'deadline' });
  }

  get socket(): number {
    return this.state.socket;
  }

  opened(): this {
    return this.send({ type: 'opened', socket: this.socket });
  }

  welcomed(): this {
    this.heardAt = this.now;
    return this.send({ type: 'welcomed', socket: this.socket, relay: RELAY });
  }

  ended(trouble: Trouble = LOST): this {
    return this.send({ type: 'ended', socket: this.socket, trouble });
  }

  online(): this {
    return this.send({ type: 'sign-in' }).opened().welcomed();
  }

  expect<K extends ConnectionState['kind']>(kind: K): Extract<ConnectionState, { kind: K }> {
    assert.equal(this.state.kind, kind);
    return this.state as Extract<ConnectionState, { kind: K }>;
  }
}

describe('the state of the connection', () => {
  it('begins signed out and waits for nothing', () => {
    assert.equal(deadlineOf(SIGNED_OUT), undefined);
    assert.equal(new Machine().send({ type: 'retry' }).send({ type: 'wake' }).state, SIGNED_OUT);
  });

  it('connects, greets, and is online', () => {
    const machine = new Machine().send({ type: 'sign-in' });
    assert.equal(machine.expect('connecting').attempt, 0);
    assert.deepEqual(machine.effects, [{ type: 'open', socket: 1 }]);
    assert.equal(troubleIn(machine.state), undefined);
    machine.opened().expect('greeting');
    assert.deepEqual(machine.welcomed().expect('online').relay, RELAY);
  });

  it('gives up a connection that is not answered in time', () => {
    const machine = new Machine().send({ type: 'sign-in' });
    machine.now += CONNECT_WITHIN - 1;
    machine.send({ type: 'deadline' }).expect('connecting');
    machine.now += 1;
    machine.send({ type: 'deadline' });
    assert.deepEqual(machine.expect('reconnecting').why, { kind: 'timeout', what: 'connect' });
    assert.deepEqual(machine.effects, [{ type: 'close', socket: 1 }]);
  });

  it('gives up a hello that is not answered in time', () => {
    const machine = new Machine().send({ type: 'sign-in' }).opened();
    assert.equal(deadlineOf(machine.state), machine.now + GREET_WITHIN);
    assert.deepEqual(machine.pass().expect('reconnecting').why, { kind: 'timeout', what: 'welcome' });
    assert.deepEqual(machine.effects, [{ type: 'close', socket: 1 }]);
  });

  it('waits longer from attempt to attempt, up to the cap, and with jitter over the whole range', () => {
    const machine = new Machine().send({ type: 'sign-in' });
    const waits: number[] = [];
    for (let i = 0; i < 12; i++) {
      const before = machine.now;
      waits.push(machine.ended().expect('reconnecting').until - before);
      machine.pass().expect('connecting');
    }
    assert.deepEqual(waits.slice(0, 4), [250, 500, 1000, 2000]);
    assert.equal(waits.at(-1), DELAY_CAP / 2);
    machine.random = 0;
    assert.equal(machine.ended().expect('reconnecting').until, machine.now);
  });

  it('keeps saying why while it tries again', () => {
    const machine = new Machine().online().ended({ kind: 'connection-refused' });
    for (const kind of ['connecting', 'greeting'] as const) {
      machine.send(kind === 'connecting' ? { type: 'wake' } : { type: 'opened', socket: machine.socket });
      machine.expect(kind);
      assert.deepEqual(troubleIn(machine.state), { kind: 'connection-refused' });
    }
    assert.equal(troubleIn(machine.welcomed().state), undefined);
  });

  it('forgets failed attempts only once a link was stable', () => {
    const flapping = new Machine().online();
    flapping.now += STABLE_AFTER - 1;
    assert.equal(flapping.ended().expect('reconnecting').attempt, 1);
    flapping.pass().opened().welcomed();
    assert.equal(flapping.ended().expect('reconnecting').attempt, 2);
    flapping.pass().opened().welcomed();
    flapping.now += STABLE_AFTER;
    assert.equal(flapping.ended().expect('reconnecting').attempt, 1);
    assert.ok(flapping.expect('reconnecting').until - flapping.now <= FIRST_DELAY);
  });

  it('does not try again what a person has to mend', () => {
    for (const trouble of [REJECTED, { kind: 'token-revoked' }, { kind: 'forbidden', detail: '' }] as const) {
      const machine = new Machine().online().ended(trouble);
      assert.deepEqual(machine.expect('refused').why, trouble);
      assert.equal(deadlineOf(machine.state), undefined);
      machine.send({ type: 'wake' }).expect('refused');
      machine.send({ type: 'retry' }).expect('connecting');
    }
  });

  it('tries now and then what somebody else may have mended, such as a certificate', () => {
    assert.equal(retryOf({ kind: 'too-old' }), 'slow', 'a relay that was upgraded may be taken back');
    const machine = new Machine().send({ type: 'sign-in' }).ended(CERTIFICATE);
    assert.equal(machine.expect('refused').until, machine.now + SLOW_RETRY);
    assert.equal(machine.pass().expect('connecting').attempt, 0);
  });

  it('connects anew, and hangs up the old socket, when the person signs in elsewhere', () => {
    for (const machine of [
      new Machine().send({ type: 'sign-in' }),
      new Machine().send({ type: 'sign-in' }).opened(),
      new Machine().online(),
    ]) {
      machine.send({ type: 'sign-in' }).expect('connecting');
      assert.deepEqual(machine.effects, [
        { type: 'close', socket: 1 },
        { type: 'open', socket: 2 },
      ]);
    }
    const refused = new Machine().online().ended(REJECTED).send({ type: 'sign-in' });
    assert.deepEqual(refused.effects, [{ type: 'open', socket: 2 }]);
  });

  it('signs out from every state', () => {
    const states = [
      new Machine().send({ type: 'sign-in' }),
      new Machine().send({ type: 'sign-in' }).opened(),
      new Machine().online(),
      new Machine().online().ended(),
      new Machine().online().ended(REJECTED),
    ];
    for (const machine of states) {
      const hadSocket = ['connecting', 'greeting', 'online'].includes(machine.state.kind);
      machine.send({ type: 'sign-out' }).expect('signed-out');
      assert.deepEqual(machine.effects, hadSocket ? [{ type: 'close', socket: 1 }] : []);
    }
  });

  it('does not listen to a socket that is not the present one', () => {
    const machine = new Machine().online().send({ type: 'sign-in' });
    const { state } = machine;
    machine.send({ type: 'opened', socket: 1 });
    machine.send({ type: 'welcomed', socket: 1, relay: RELAY });
    machine.send({ type: 'ended', socket: 1, trouble: REJECTED });
    assert.equal(machine.state, state);
  });

  describe('when nothing is heard', () => {
    it('pings, and stays online when there is an answer', () => {
      const machine = new Machine().online();
      machine.pass();
      assert.deepEqual(machine.effects, [{ type: 'ping', socket: 1 }]);
      machine.heardAt = machine.now + 5;
      machine.pass();
      assert.deepEqual(machine.effects, []);
      const { checkAt, pingedAt } = machine.expect('online');
      assert.equal(pingedAt, undefined);
      assert.equal(checkAt, machine.heardAt + PING_AFTER);
    });

    it('does not ping while messages come', () => {
      const machine = new Machine().online();
      for (let i = 0; i < 5; i++) {
        machine.heardAt = deadlineOf(machine.state)! - 1;
        assert.deepEqual(machine.pass().effects, []);
      }
      machine.expect('online');
    });

    it('drops a half-open link when a ping is not answered', () => {
      const machine = new Machine().online();
      const { heardAt } = machine;
      machine.pass();
      assert.equal(deadlineOf(machine.state), machine.now + PONG_WITHIN);
      machine.pass();
      assert.deepEqual(machine.expect('reconnecting').why, { kind: 'silent', ms: machine.now - heardAt });
      assert.deepEqual(machine.effects, [{ type: 'close', socket: 1 }]);
    });

    it('looks at the link at once when the person comes back', () => {
      const machine = new Machine().online();
      machine.now += 100;
      machine.send({ type: 'wake' });
      assert.deepEqual(machine.effects, [{ type: 'ping', socket: 1 }]);
      assert.deepEqual(machine.send({ type: 'wake' }).effects, [], 'one ping is enough');
      machine.pass().expect('reconnecting');
    });

    it('cuts a wait short when the person comes back', () => {
      const machine = new Machine().online().ended().ended();
      const { attempt } = machine.expect('reconnecting');
      machine.send({ type: 'wake' });
      assert.equal(machine.expect('connecting').attempt, attempt, 'the back-off goes on');
    });
  });

  describe('when the machine has slept', () => {
    it('looks at once whether the relay is still there, and gives it seconds', () => {
      const machine = new Machine().online();
      machine.now += 8 * 3_600_000;
      machine.send({ type: 'slept' });
      assert.deepEqual(machine.effects, [{ type: 'ping', socket: 1 }]);
      assert.equal(deadlineOf(machine.state), machine.now + AWAKE_WITHIN);
      machine.heardAt = machine.now + 1;
      machine.pass().expect('online');
    });

    it('does not call the sleep a silence, neither of a link that was pinged before nor in words', () => {
      const machine = new Machine().online().pass();
      machine.now += 8 * 3_600_000;
      machine.send({ type: 'slept' }).expect('online');
      assert.deepEqual(machine.effects, [{ type: 'ping', socket: 1 }], 'that answer may have been lost');
      machine.pass();
      assert.deepEqual(machine.expect('reconnecting').why, { kind: 'silent', ms: AWAKE_WITHIN });
    });

    it('gives an attempt that the sleep cut in two its time', () => {
      for (const machine of [
        new Machine().send({ type: 'sign-in' }),
        new Machine().send({ type: 'sign-in' }).opened(),
      ]) {
        machine.now += 8 * 3_600_000;
        const { kind } = machine.send({ type: 'slept' }).state;
        assert.ok(kind === 'connecting' || kind === 'greeting');
        machine.opened().welcomed().expect('online');
      }
    });

    it('tries at once, from the shortest wait on, also what is tried only now and then', () => {
      const lost = new Machine().online();
      for (let i = 0; i < 6; i++) lost.ended().pass();
      assert.equal(lost.ended().send({ type: 'slept' }).expect('connecting').attempt, 0);
      new Machine().online().ended(CERTIFICATE).send({ type: 'slept' }).expect('connecting');
    });
  });

  it('remembers since when there is no link, through all attempts, until there is one', () => {
    const machine = new Machine().online();
    machine.now += 60_000;
    const lostAt = machine.now;
    machine.ended();
    for (let i = 0; i < 5; i++) assert.equal(machine.pass().ended().expect('reconnecting').downSince, lostAt);
    assert.equal(machine.send({ type: 'retry' }).expect('connecting').downSince, lostAt);
    machine.opened().welcomed();
    machine.now += 1000;
    assert.equal(machine.ended().expect('reconnecting').downSince, machine.now);
  });

  it('speaks of a loss once it has lasted, and from then on through every attempt', () => {
    const machine = new Machine().online().ended();
    assert.equal(lastingTrouble(machine.state, machine.now), undefined);
    assert.equal(lastingTrouble(machine.state, machine.now + BRIEF), LOST);
    machine.pass();
    assert.equal(lastingTrouble(machine.state, machine.expect('connecting').downSince! + BRIEF), LOST);
    machine.opened();
    assert.equal(lastingTrouble(machine.state, machine.expect('greeting').downSince! + BRIEF), LOST);
    machine.ended().pass();
    assert.equal(lastingTrouble(machine.state, machine.now), LOST, 'the second attempt');
    machine.ended(REJECTED);
    assert.equal(lastingTrouble(machine.state, machine.now), REJECTED);
  });

  it('never has two sockets, and never waits for ever but signed out or refused', () => {
    const trouble = fc.constantFrom<Trouble>(LOST, REJECTED, CERTIFICATE, { kind: 'going-down' }, { kind: 'too-old' });
    const socket = fc.integer({ min: 0, max: 6 });
    const event = fc.oneof(
      { weight: 2, arbitrary: fc.constant<ConnectionEvent>({ type: 'sign-in' }) },
      { weight: 1, arbitrary: fc.constant<ConnectionEvent>({ type: 'sign-out' }) },
      { weight: 4, arbitrary: socket.map((n): ConnectionEvent => ({ type: 'opened', socket: n })) },
      { weight: 4, arbitrary: socket.map((n): ConnectionEvent => ({ type: 'welcomed', socket: n, relay: RELAY })) },
      {
        weight: 4,
        arbitrary: fc
          .tuple(socket, trouble)
          .map(([n, t]): ConnectionEvent => ({ type: 'ended', socket: n, trouble: t })),
      },
      { weight: 4, arbitrary: fc.constant<ConnectionEvent>({ type: 'deadline' }) },
      { weight: 1, arbitrary: fc.constant<ConnectionEvent>({ type: 'retry' }) },
      { weight: 1, arbitrary: fc.constant<ConnectionEvent>({ type: 'wake' }) },
      { weight: 1, arbitrary: fc.constant<ConnectionEvent>({ type: 'slept' }) },
    );
    const step = fc.record({
      event,
      ms: fc.integer({ min: 0, max: 40_000 }),
      random: fc.double({ min: 0, max: 0.999, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const machine = new Machine();
        let open: number | undefined;
        for (const { event: next, ms, random } of steps) {
          machine.now += ms;
          machine.random = random;
          // a socket that ends tells so itself, once
          if (next.type === 'ended' && next.socket === open) open = undefined;
          else if (next.type === 'ended') continue;
          machine.send(next);
          for (const effect of machine.effects) {
            if (effect.type === 'open') {
              assert.equal(open, undefined, 'a second socket');
              open = effect.socket;
            } else {
              assert.equal(effect.socket, open, `${effect.type} on a socket that is not open`);
              if (effect.type === 'close') open = undefined;
            }
          }
          const { state } = machine;
          const has = ['connecting', 'greeting', 'online'].includes(state.kind);
          assert.equal(open !== undefined, has, `${state.kind} with socket ${open}`);
          const waits = deadlineOf(state) !== undefined;
          const mayRest = state.kind === 'signed-out' || (state.kind === 'refused' && retryOf(state.why) === 'never');
          assert.equal(waits, !mayRest);
        }
      }),
      { numRuns: 300 },
    );
  });
});
