import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import {
  MAX_FRAME_PAYLOAD,
  resumeFrom,
  START,
  type AnyRunEvent,
  type EpochStart,
  type OutputFrame,
  type Reason,
  type RunSummary,
  type StreamName,
  type StreamPositions,
  type ToOperatorMessage,
} from '../../protocol/index.ts';
import { toDisposable, type IDisposable } from '../base/disposable.ts';
import { Emitter } from '../base/event.ts';
import { SILENT } from '../base/log.ts';
import type { AskBody, CallResult } from '../connection/calls.ts';
import { eventually } from '../connection/fake-relay.ts';
import { SIGNED_OUT, type ConnectionState } from '../connection/state.ts';
import { NO_FLEET, type FleetChange } from '../fleet/fleet.ts';
import { aHost, anEndedRun, aRun, runId } from '../fleet/samples.ts';
import type { RunSession } from './run-session.ts';
import { RunSessions, type RunSessionsOptions } from './run-sessions.ts';

const ONLINE: ConnectionState = {
  kind: 'online',
  socket: 1,
  attempt: 0,
  since: 0,
  checkAt: 1,
  relay: { protocol: 1, version: '1', operator: 'ana' },
};
const RUN = runId(1);

/** A relay that has one run: it sends what is asked for by position, as the real one does, and more as it comes. */
class OneRun {
  readonly messages = new Emitter<ToOperatorMessage>();
  readonly frames = new Emitter<OutputFrame>();
  readonly states = new Emitter<ConnectionState>();
  readonly changes = new Emitter<FleetChange>();
  readonly asked: AskBody[] = [];
  /** Those who had it wait, and those of them who still do. */
  held = { ever: 0, now: 0 };
  readonly events: AnyRunEvent[] = [];
  readonly streams: Record<StreamName, { bytes: Buffer; epochs: EpochStart[]; ended: boolean }> = {
    output: { bytes: Buffer.alloc(0), epochs: [{ epoch: 0, offset: 0 }], ended: false },
    'lock-before': { bytes: Buffer.alloc(0), epochs: [{ epoch: 0, offset: 0 }], ended: false },
    'lock-after': { bytes: Buffer.alloc(0), epochs: [{ epoch: 0, offset: 0 }], ended: false },
  };
  summary: RunSummary | undefined = aRun(1);
  /** What the lists say of it before anybody asks. */
  listed: RunSummary | undefined;
  problem: Reason | undefined;
  #link = { isOnline: true };
  #sending: { seq: number; streams: StreamPositions } | undefined;

  get options(): Omit<RunSessionsOptions, 'folder' | 'log'> {
    const { messages, frames, states } = this;
    const on = { onMessage: messages.event, onFrame: frames.event, onDidChangeState: states.event };
    const hold = (): IDisposable => {
      this.held = { ever: this.held.ever + 1, now: this.held.now + 1 };
      return toDisposable(() => (this.held.now -= 1));
    };
    return { link: Object.assign(this.#link, on, { hold }), calls: this.calls, fleet: this.fleet };
  }

  readonly calls = {
    ask: (body: AskBody): Promise<CallResult> => {
      this.asked.push(body);
      if (!this.#link.isOnline) return Promise.resolve({ ok: false, reason: { kind: 'disconnected', message: '' } });
      if (this.problem) return Promise.resolve({ ok: false, reason: this.problem });
      if (body.type === 'unsubscribe') this.#sending = undefined;
      if (body.type === 'subscribe') {
        this.#sending = { seq: body.afterSeq, streams: body.streams };
        queueMicrotask(() => this.send());
      }
      return Promise.resolve({
        ok: true,
        reply: { type: 'reply', id: 1, ok: true, ...(this.summary && { run: this.summary }) },
      });
    },
  };

  readonly fleet = { run: (): RunSummary | undefined => this.listed, onDidChange: this.changes.event };

  get subscriptions(): Extract<AskBody, { type: 'subscribe' }>[] {
    return this.asked.filter(body => body.type === 'subscribe');
  }

  event(type: 'phase' | 'warning' | 'ended'): void {
    const body = {
      phase: { phase: 'building' },
      warning: { message: 'look' },
      ended: { outcome: 'succeeded', changed: true, after: {} },
    }[type];
    this.events.push({ v: 1, seq: this.events.length + 1, at: 1, type, ...body });
    this.send();
  }

  write(name: StreamName, text: string, ended = false): void {
    const stream = this.streams[name];
    stream.bytes = Buffer.concat([stream.bytes, Buffer.from(text)]);
    stream.ended ||= ended;
    this.send();
  }

  losePower(size: number): void {
    const { output } = this.streams;
    output.bytes = output.bytes.subarray(0, size);
    output.epochs.push({ epoch: output.epochs.length, offset: size });
    this.send();
  }

  drop(): void {
    this.#link.isOnline = false;
    this.#sending = undefined;
    this.states.fire(SIGNED_OUT);
  }

  connect(): void {
    this.#link.isOnline = true;
    this.states.fire(ONLINE);
  }

  /** Sends what the subscriber lacks, in frames of seven bytes. */
  send(): void {
    const sending = this.#sending;
    if (!sending) return;
    const events = this.events.slice(sending.seq);
    sending.seq = this.events.length;
    if (events.length > 0) this.messages.fire({ type: 'events', runId: RUN, events });
    for (const [name, have] of Object.entries(sending.streams) as [StreamName, typeof START][]) {
      const { bytes, epochs, ended } = this.streams[name];
      let at = resumeFrom(have, epochs, bytes.length);
      do {
        const part = bytes.subarray(at.offset, at.offset + 7);
        const end = ended && at.offset + part.length === bytes.length;
        if (part.length > 0 || end) this.frames.fire({ runId: RUN, stream: name, at, time: 1, end, bytes: part });
        at = { epoch: at.epoch, offset: at.offset + part.length };
      } while (at.offset < bytes.length);
      sending.streams = { ...sending.streams, [name]: at };
    }
  }
}

describe('the session of a run', () => {
  let folder: string;
  let relay: OneRun;
  let sessions: RunSessions;

  const start = (): void => {
    sessions = new RunSessions({ ...relay.options, folder: () => Promise.resolve(folder), log: SILENT });
  };
  /** What a reload of the window does. */
  const reload = async (): Promise<void> => {
    sessions.dispose();
    await sessions.closeAll();
    start();
  };
  const kept = (session: RunSession): string => readFileSync(session.output.path, 'utf8');

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'nixfleet-runs-'));
    relay = new OneRun();
    start();
  });

  afterEach(async () => {
    sessions.dispose();
    await sessions.closeAll();
    rmSync(folder, { recursive: true });
  });

  it('asks for everything from the beginning, and takes it as it comes', async () => {
    const session = await sessions.open(RUN);
    assert.deepEqual(relay.subscriptions, [
      {
        type: 'subscribe',
        runId: RUN,
        afterSeq: 0,
        streams: { output: START, 'lock-before': START, 'lock-after': START },
      },
    ]);
    relay.event('phase');
    relay.write('output', 'hello world\n');
    relay.write('lock-before', '{"version":7}\n', true);
    await eventually(() => session.output.size === 12);
    assert.equal(kept(session), 'hello world\n');
    assert.equal(session.state.phase, 'building');
    assert.equal(session.lockBefore, '{"version":7}\n');
    assert.equal(session.lockAfter, undefined);
    assert.equal(session.host, 'web');
  });

  it('has the relay wait while the disk is behind, and not for ever', async () => {
    const session = await sessions.open(RUN);
    const bytes = Buffer.alloc(MAX_FRAME_PAYLOAD, 'x');
    const send = (count: number): void => {
      for (let i = 0; i < count; i++) {
        const { position: at } = session.output;
        relay.frames.fire({ runId: RUN, stream: 'output', at, time: 1, end: false, bytes });
      }
    };
    send(8);
    assert.deepEqual(relay.held, { ever: 0, now: 0 });
    send(24);
    assert.ok(relay.held.now > 0);
    await eventually(() => relay.held.now === 0);
    await session.output.flush();
    assert.equal(session.output.size, 32 * bytes.length);
  });

  it('is shared: one subscription, one file, for everybody who looks', async () => {
    const [one, two] = await Promise.all([sessions.open(RUN), sessions.open(RUN)]);
    assert.equal(relay.subscriptions.length, 1);
    assert.equal(one.output, two.output);
    one.dispose();
    one.dispose();
    relay.event('phase');
    assert.equal(two.state.seq, 1);
    assert.ok(!relay.asked.some(body => body.type === 'unsubscribe'));
    two.dispose();
    await eventually(() => relay.asked.some(body => body.type === 'unsubscribe'));
  });

  it('tells only those that still look', async () => {
    const [one, two] = await Promise.all([sessions.open(RUN), sessions.open(RUN)]);
    let toOne = 0;
    let toTwo = 0;
    one.onDidChange(() => (toOne += 1));
    two.onDidChange(() => (toTwo += 1));
    one.dispose();
    relay.event('phase');
    assert.equal(toOne, 0);
    assert.ok(toTwo > 0);
  });

  it('goes on after a reconnect from where its copy ends', async () => {
    const session = await sessions.open(RUN);
    relay.event('phase');
    relay.write('output', 'one\n');
    await eventually(() => session.output.size === 4);
    relay.drop();
    relay.event('warning');
    relay.write('output', 'two\n');
    relay.connect();
    await eventually(() => session.output.size === 8);
    assert.deepEqual(relay.subscriptions.at(-1), {
      type: 'subscribe',
      runId: RUN,
      afterSeq: 1,
      streams: { output: { epoch: 0, offset: 4 }, 'lock-before': START, 'lock-after': START },
    });
    assert.equal(kept(session), 'one\ntwo\n');
    assert.equal(session.state.seq, 2);
  });

  it('goes on after a reload from what lies on disk, and shows that without a relay', async () => {
    const session = await sessions.open(RUN);
    relay.event('phase');
    relay.write('output', 'one\n');
    relay.write('lock-before', 'before', true);
    await eventually(() => session.output.size === 4);
    await reload();
    relay.drop();
    const offline = await sessions.open(RUN);
    assert.equal(offline.state.phase, 'building');
    assert.equal(offline.host, 'web');
    assert.equal(offline.lockBefore, 'before');
    assert.equal(kept(offline), 'one\n');
    relay.write('output', 'two\n');
    relay.connect();
    await eventually(() => offline.output.size === 8);
    assert.deepEqual(relay.subscriptions.at(-1)?.streams, { output: { epoch: 0, offset: 4 }, 'lock-after': START });
    assert.equal(relay.subscriptions.at(-1)!.afterSeq, 1);
  });

  it('takes back what a host lost with its power', async () => {
    const session = await sessions.open(RUN);
    relay.write('output', 'kept, and lost by the host\n');
    await eventually(() => session.output.size === 27);
    relay.losePower(5);
    relay.write('output', ' again\n', true);
    await eventually(() => session.output.ended);
    assert.equal(kept(session), 'kept, again\n');
  });

  it('asks again when there is a gap', async () => {
    const session = await sessions.open(RUN);
    relay.event('phase');
    relay.frames.fire({
      runId: RUN,
      stream: 'output',
      at: { epoch: 0, offset: 100 },
      time: 1,
      end: false,
      bytes: Buffer.from('x'),
    });
    assert.equal(relay.subscriptions.length, 2);
    relay.messages.fire({
      type: 'events',
      runId: RUN,
      events: [{ v: 1, seq: 9, at: 1, type: 'warning', message: 'x' }],
    });
    assert.equal(relay.subscriptions.length, 3);
    assert.equal(session.state.seq, 1);
    relay.messages.fire({ type: 'events', runId: RUN, events: relay.events });
    assert.equal(session.state.seq, 1, 'what it has already changes nothing');
    const at = { epoch: 0, offset: 5 };
    relay.frames.fire({ runId: RUN, stream: 'lock-after', at, time: 1, end: true, bytes: Buffer.from('x') });
    assert.equal(relay.subscriptions.length, 4);
    assert.equal(session.lockAfter, undefined);
  });

  it('asks for nothing once it has everything', async () => {
    const session = await sessions.open(RUN);
    relay.summary = anEndedRun(1);
    relay.event('ended');
    for (const name of ['output', 'lock-before', 'lock-after'] as const) relay.write(name, name, true);
    await eventually(() => session.output.ended);
    const before = relay.subscriptions.length;
    relay.drop();
    relay.connect();
    await reload();
    const again = await sessions.open(RUN);
    assert.equal(again.state.end?.outcome, 'succeeded');
    assert.equal(again.lockAfter, 'lock-after');
    assert.equal(relay.subscriptions.length, before);
  });

  it('asks for all of a run that was over before this window heard of it', async () => {
    relay.listed = relay.summary = anEndedRun(1);
    relay.event('ended');
    for (const name of ['output', 'lock-before', 'lock-after'] as const) relay.write(name, name, true);
    const session = await sessions.open(RUN);
    await eventually(() => session.output.ended);
    assert.equal(session.state.end?.outcome, 'succeeded');
    assert.equal(session.lockAfter, 'lock-after');
  });

  it('has nothing to ask for of a run that never began', async () => {
    relay.summary = aRun(1, { delivery: 'expired', seq: 0 });
    const session = await sessions.open(RUN);
    await eventually(() => session.summary?.delivery === 'expired');
    const before = relay.subscriptions.length;
    relay.drop();
    relay.connect();
    assert.equal(relay.subscriptions.length, before);
  });

  it('says why the relay does not tell of a run, until it does', async () => {
    relay.problem = { kind: 'no-such-run', message: 'The relay knows no such run.' };
    const session = await sessions.open(RUN);
    await eventually(() => session.problem?.kind === 'no-such-run');
    relay.problem = undefined;
    relay.drop();
    relay.connect();
    await eventually(() => session.problem === undefined);
  });

  it('is asked for again when a relay that had lost it hears of it from the host', async () => {
    relay.problem = { kind: 'no-such-run', message: 'The relay knows no such run.' };
    const session = await sessions.open(RUN);
    await eventually(() => session.problem?.kind === 'no-such-run');
    relay.problem = undefined;
    relay.messages.fire({ type: 'run', run: aRun(1, { phase: 'activating' }) });
    await eventually(() => session.problem === undefined);
    const asked = relay.subscriptions.length;
    relay.messages.fire({ type: 'run', run: aRun(1, { phase: 'confirming' }) });
    assert.equal(relay.subscriptions.length, asked, 'once');
  });

  it('hears what the lists say of it', async () => {
    const session = await sessions.open(RUN);
    relay.messages.fire({ type: 'run', run: aRun(1, { phase: 'activating' }) });
    assert.equal(session.summary?.phase, 'activating');
    const host = aHost('web', { runs: [anEndedRun(1)] });
    const fleet = { ...NO_FLEET, hosts: new Map([['web', host]]) };
    relay.changes.fire({ fleet, previous: NO_FLEET, hosts: new Set(['web']) });
    assert.equal(session.summary.outcome, 'succeeded');
    let changes = 0;
    session.onDidChange(() => (changes += 1));
    relay.changes.fire({ fleet, previous: fleet, hosts: new Set(['web']) });
    assert.equal(changes, 0);
  });

  it('knows that the relay has no more of it', async () => {
    const session = await sessions.open(RUN);
    relay.messages.fire({ type: 'stream-gone', runId: RUN, stream: 'output' });
    assert.ok(session.gone);
    relay.drop();
    relay.connect();
    assert.equal(relay.subscriptions.at(-1)?.streams.output, undefined);
  });

  it('can be closed and opened again at once', async () => {
    for (let i = 0; i < 5; i++) {
      const session = await sessions.open(RUN);
      relay.write('output', `${i}`);
      await eventually(() => session.output.size === i + 1);
      session.dispose();
    }
    const session = await sessions.open(RUN);
    assert.equal(kept(session), '01234');
  });

  it('is not opened again before it is closed: two would spoil the file', async () => {
    const first = await sessions.open(RUN);
    const dispose = first.output.dispose.bind(first.output);
    let closed = false;
    first.output.dispose = async () => {
      // longer than it takes to open files
      for (let i = 0; i < 100; i++) await stat(folder);
      await dispose();
      closed = true;
    };
    first.dispose();
    const second = await sessions.open(RUN);
    assert.ok(closed);
    assert.notEqual(second.output, first.output);
  });

  it('does not come about when the disk refuses, and may when it is mended', async () => {
    let broken = true;
    await reload();
    sessions.dispose();
    sessions = new RunSessions({
      ...relay.options,
      folder: () => (broken ? Promise.reject(new Error('disk full')) : Promise.resolve(folder)),
      log: SILENT,
    });
    await assert.rejects(sessions.open(RUN), /disk full/);
    broken = false;
    assert.equal((await sessions.open(RUN)).runId, RUN);
  });

  it('follows the run all the same when the disk is full, and says so', async function () {
    if (!existsSync('/dev/full')) this.skip();
    symlinkSync('/dev/full', join(folder, `${RUN}.log`));
    const session = await sessions.open(RUN);
    relay.write('output', 'does not fit\n');
    await eventually(() => session.output.failure !== undefined);
    relay.write('output', 'neither does this\n');
    await eventually(() => session.problem?.kind === 'disk');
    assert.match(session.problem?.message ?? '', /ENOSPC/);
    await eventually(() => relay.subscriptions.at(-1)?.streams.output === undefined);
    relay.event('phase');
    assert.equal(session.state.phase, 'building');
  });

  it('leaves no listener behind', async () => {
    await sessions.open(RUN);
    sessions.dispose();
    await sessions.closeAll();
    for (const emitter of [relay.messages, relay.frames, relay.states, relay.changes])
      assert.equal(emitter.listenerCount, 0);
    await assert.rejects(sessions.open(RUN), /shut down/);
  });
});
