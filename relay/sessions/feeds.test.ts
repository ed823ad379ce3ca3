import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import { decodeFrame, encodeFrame, planChunk, START, type AnyRunEvent, type Position } from '../../protocol/index.ts';
import type { Backbone, FrameRead } from '../backbone/backbone.ts';
import { MemoryBackbone } from '../backbone/memory/memory.ts';
import { FleetView } from '../fleet/fleet-view.ts';
import { FakeLink, unexpected } from '../testing/fake-link.ts';
import { newRunId } from '../testing/harness.ts';
import { HostRun } from '../testing/host-run.ts';
import { until } from '../testing/wait.ts';
import { FleetFeed } from './fleet-feed.ts';
import { Pump } from './pump.ts';
import { Subscription } from './subscription.ts';

/** A backbone whose reads take a while, during which anything can happen. */
class SlowReads extends MemoryBackbone {
  override async readFrame(...[runId, stream, from]: Parameters<Backbone['readFrame']>): Promise<FrameRead> {
    await turns(1);
    const read = await super.readFrame(runId, stream, from);
    await turns(1);
    return read;
  }

  override async readEvents(...args: Parameters<Backbone['readEvents']>): ReturnType<Backbone['readEvents']> {
    await turns(1);
    const read = await super.readEvents(...args);
    await turns(1);
    return read;
  }
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(resolve => setImmediate(resolve));
}

/** Sends the relay what the host has behind a position, and returns the new one. */
async function relayOn(backbone: Backbone, run: HostRun, from: Position): Promise<Position> {
  let at = run.from(from, 'output');
  for (;;) {
    const frame = run.frameAt(at, 'output', 20);
    if (frame.bytes.length === 0 && !frame.end) return at;
    await backbone.appendFrame(frame, encodeFrame(frame));
    at = { epoch: at.epoch, offset: at.offset + frame.bytes.length };
    if (frame.end) return at;
  }
}

/** What a viewer makes of what was sent over a link. Throws when something comes twice, too early or too late. */
class Copy {
  readonly events: AnyRunEvent[] = [];
  bytes = Buffer.alloc(0);
  at = START;
  isEnded = false;
  #frames = 0;
  #texts = 0;

  takeFrom(link: FakeLink): void {
    for (const data of link.frames.slice(this.#frames)) this.#takeFrame(data);
    this.#frames = link.frames.length;
    for (const text of link.texts.slice(this.#texts)) {
      this.events.push(...(JSON.parse(text) as { events: AnyRunEvent[] }).events);
    }
    this.#texts = link.texts.length;
  }

  #takeFrame(data: Uint8Array): void {
    const decoded = decodeFrame(data);
    assert.ok(decoded.ok);
    const { frame } = decoded;
    assert.equal(this.isEnded, false, 'nothing comes behind the end');
    const plan = planChunk(this.at, frame.at, frame.bytes.length);
    if (frame.bytes.length > 0) assert.equal(plan.kind, 'append');
    if (plan.kind === 'append') {
      assert.equal(plan.skip, 0, 'nothing comes twice');
      const kept = plan.cutTo === undefined ? this.bytes : this.bytes.subarray(0, plan.cutTo);
      this.bytes = Buffer.concat([kept, frame.bytes]);
      this.at = plan.next;
    }
    this.isEnded = frame.end;
  }
}

describe('a subscription', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('output' as const), bytes: fc.integer({ min: 1, max: 30 }) }),
    fc.record({ kind: fc.constant('event' as const) }),
    fc.record({ kind: fc.constant('lose' as const), keep: fc.double({ min: 0, max: 1, noNaN: true }) }),
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('drain' as const) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('turns' as const), count: fc.nat(9) }) },
  );

  it('gives every byte and every event once and in order, whatever happens when, with a bounded queue', async () => {
    const sent = { live: 0, disk: 0 };
    const property = fc.asyncProperty(
      fc.array(step, { minLength: 30, maxLength: 60 }),
      fc.integer({ min: 1, max: 5 }),
      fc.nat(10),
      async (steps, room, begin) => {
        const backbone = new SlowReads();
        const run = new HostRun(newRunId());
        await backbone.adoptRun(run.runId, 'web');
        const link = new FakeLink(room);
        const pump = new Pump(link, unexpected);
        const subscribe = () =>
          new Subscription({
            ...{ backbone, link, pump, runId: run.runId, afterSeq: 0, streams: { output: START } },
            onSent: from => sent[from]++,
          });
        let relayed = START;
        let subscription: Subscription | undefined;
        for (const [index, item] of steps.entries()) {
          if (index === begin) subscription = subscribe();
          if (item.kind === 'output') {
            run.write('x'.repeat(item.bytes - 1) + String(run.bytes().length % 10));
            relayed = await relayOn(backbone, run, relayed);
          } else if (item.kind === 'event') await backbone.appendEvents(run.runId, [run.event({ type: 'note' })]);
          else if (item.kind === 'lose') run.losePower(Math.floor(run.bytes().length * item.keep));
          else if (item.kind === 'drain') link.drain();
          else await turns(item.count);
          // a step that began when there was room may end when live news have taken it
          assert.ok(link.waiting <= room + 1, `${link.waiting} messages wait where ${room} have room`);
        }
        run.write('the end');
        run.end();
        await relayOn(backbone, run, relayed);
        await backbone.appendEvents(run.runId, run.events.slice(-1));
        subscription ??= subscribe();
        const copy = new Copy();
        await until('everything', async () => {
          link.drain();
          await turns(1);
          copy.takeFrom(link);
          return copy.isEnded && copy.events.length === run.events.length;
        });
        assert.equal(copy.bytes.toString(), run.bytes().toString());
        assert.deepEqual(copy.events, run.events);
        subscription.close();
      },
    );
    await fc.assert(property, { numRuns: 200 });
    assert.ok(sent.live > 50 && sent.disk > 50, JSON.stringify(sent));
  });

  it('cuts a viewer back although nothing new was written since', async () => {
    const backbone = new MemoryBackbone();
    const runId = newRunId();
    await backbone.adoptRun(runId, 'web');
    for (const [at, text] of [
      [START, 'abcdef'],
      [{ epoch: 1, offset: 2 }, ''],
    ] as const) {
      const frame = { runId, stream: 'output', at, time: 0, end: false, bytes: Buffer.from(text) } as const;
      await backbone.appendFrame(frame, encodeFrame(frame));
    }
    const link = new FakeLink();
    const options = { backbone, link, pump: new Pump(link, unexpected), afterSeq: 0, onSent: () => undefined };
    const subscription = new Subscription({ ...options, runId, streams: { output: { epoch: 0, offset: 6 } } });
    await until('the cut', () => link.frames.length === 1);
    const decoded = decodeFrame(link.frames[0]!);
    assert.ok(decoded.ok);
    assert.deepEqual(decoded.frame.at, { epoch: 1, offset: 2 });
    assert.deepEqual([decoded.frame.bytes.length, decoded.frame.end], [0, false]);
    subscription.close();
  });

  it('says that streams are gone when retention takes the run away', async () => {
    const backbone = new MemoryBackbone();
    const now = Date.now();
    const old = newRunId(now - 90 * 86_400_000);
    for (const runId of [old, newRunId(now)]) {
      await backbone.adoptRun(runId, 'web');
      await backbone.appendEvents(runId, [
        { v: 1, seq: 1, at: 1, type: 'ended', outcome: 'failed', changed: false, after: {} },
      ]);
    }
    const link = new FakeLink();
    const options = { backbone, link, pump: new Pump(link, unexpected), afterSeq: 1, onSent: () => undefined };
    const subscription = new Subscription({ ...options, runId: old, streams: { output: START, 'lock-before': START } });
    await turns(3);
    await backbone.applyRetention(now);
    assert.deepEqual(
      link.texts.map(text => JSON.parse(text) as unknown),
      [
        { type: 'stream-gone', runId: old, stream: 'output' },
        { type: 'stream-gone', runId: old, stream: 'lock-before' },
      ],
    );
    subscription.close();
  });
});

describe('the fleet on its way to an operator', () => {
  it('is told once for each host, as it is when there is room', async () => {
    const backbone = new MemoryBackbone();
    for (const host of ['a', 'b']) await backbone.enrollHost(host, host.repeat(64), 1);
    const fleet = await FleetView.of(backbone);
    const link = new FakeLink(1);
    const pump = new Pump(link, unexpected);
    const feed = new FleetFeed({ rollouts: false, fleet, link, poke: source => pump.poke(source) });
    pump.poke(feed);
    await until('the snapshot', () => link.texts.length === 1);
    for (let at = 1; at <= 5; at++) {
      for (const host of ['a', 'b']) await backbone.putStatus(host, { at, problems: [] }, at);
      await new Promise(resolve => setTimeout(resolve, 55));
    }
    assert.equal(link.texts.length, 1, 'there was no room');
    const sent = () =>
      link.texts.slice(1).map(text => JSON.parse(text) as { host: { host: string; status: { at: number } } });
    await until('both', () => {
      link.drain();
      return sent().length >= 2;
    });
    assert.deepEqual(
      sent()
        .map(({ host }) => [host.host, host.status.at])
        .sort(),
      [
        ['a', 5],
        ['b', 5],
      ],
    );
    feed.close();
    fleet.close();
  });
});
