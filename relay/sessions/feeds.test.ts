import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import { decodeFrame, encodeFrame, planChunk, START, type AnyRunEvent } from '../../protocol/index.ts';
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
  override async readFrame(...args: Parameters<Backbone['readFrame']>): Promise<FrameRead> {
    const read = await super.readFrame(...args);
    await new Promise(resolve => setImmediate(resolve));
    return read;
  }

  override async readEvents(...args: Parameters<Backbone['readEvents']>): ReturnType<Backbone['readEvents']> {
    const read = await super.readEvents(...args);
    await new Promise(resolve => setImmediate(resolve));
    return read;
  }
}

const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await new Promise(resolve => setImmediate(resolve));
};

describe('a subscription', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('output' as const), bytes: fc.integer({ min: 1, max: 30 }) }),
    fc.record({ kind: fc.constant('event' as const) }),
    fc.record({ kind: fc.constant('lose' as const), keep: fc.double({ min: 0, max: 1, noNaN: true }) }),
    fc.record({ kind: fc.constant('drain' as const) }),
    fc.record({ kind: fc.constant('turns' as const), count: fc.nat(3) }),
  );

  it('gives every byte and every event once and in order, whatever happens when, with a bounded queue', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 1, max: 5 }),
        fc.nat(10),
        async (steps, room, early) => {
          const backbone = new SlowReads();
          const run = new HostRun(newRunId());
          await backbone.adoptRun(run.runId, 'web');
          const link = new FakeLink(room);
          const pump = new Pump(link, unexpected);
          let relayed = START;
          const relay = async () => {
            let at = run.from(relayed, 'output');
            for (
              let frame = run.frameAt(at, 'output', 20);
              frame.bytes.length > 0 || frame.end;
              frame = run.frameAt(at, 'output', 20)
            ) {
              await backbone.appendFrame(frame, encodeFrame(frame));
              at = { epoch: at.epoch, offset: at.offset + frame.bytes.length };
              if (frame.end) break;
            }
            relayed = at;
          };
          let subscription: Subscription | undefined;
          const act = async (item: (typeof steps)[number]) => {
            switch (item.kind) {
              case 'output':
                run.write('x'.repeat(item.bytes - 1) + String(run.bytes().length % 10));
                return relay();
              case 'event':
                await backbone.appendEvents(run.runId, [run.event({ type: 'note' })]);
                return;
              case 'lose':
                run.losePower(Math.floor(run.bytes().length * item.keep));
                return;
              case 'drain': {
                link.drain();
                return;
              }
              case 'turns':
                return turns(item.count);
            }
          };
          for (const [index, item] of steps.entries()) {
            if (index === early) {
              const options = { backbone, link, pump, runId: run.runId, afterSeq: 0, onSent: () => undefined };
              subscription = new Subscription({ ...options, streams: { output: START } });
            }
            await act(item);
            // what a feed sends live it decides before there is no room, so one of each kind can be too much
            assert.ok(link.waiting <= room + 1, `${link.waiting} messages wait where ${room} have room`);
          }
          run.write('the end');
          run.end();
          await relay();
          await backbone.appendEvents(run.runId, run.events.slice(-1));
          subscription ??= new Subscription({
            ...{ backbone, link, pump, runId: run.runId, afterSeq: 0, onSent: () => undefined },
            streams: { output: START },
          });

          const events: AnyRunEvent[] = [];
          let bytes = Buffer.alloc(0);
          let at = START;
          let isEnded = false;
          let taken = 0;
          let heard = 0;
          await until('everything', async () => {
            link.drain();
            await turns(1);
            for (; taken < link.frames.length; taken++) {
              const decoded = decodeFrame(link.frames[taken]!);
              assert.ok(decoded.ok);
              assert.equal(isEnded, false, 'nothing comes behind the end');
              const plan = planChunk(at, decoded.frame.at, decoded.frame.bytes.length);
              if (decoded.frame.bytes.length > 0) assert.equal(plan.kind, 'append');
              if (plan.kind === 'append') {
                assert.equal(plan.skip, 0, 'nothing comes twice');
                bytes = Buffer.concat([
                  plan.cutTo === undefined ? bytes : bytes.subarray(0, plan.cutTo),
                  decoded.frame.bytes,
                ]);
                at = plan.next;
              }
              isEnded = decoded.frame.end;
            }
            for (; heard < link.texts.length; heard++) {
              const message = JSON.parse(link.texts[heard]!) as { events: AnyRunEvent[] };
              events.push(...message.events);
            }
            return isEnded && events.length === run.events.length;
          });
          assert.equal(bytes.toString(), run.bytes().toString());
          assert.deepEqual(events, run.events);
          subscription.close();
        },
      ),
      { numRuns: 150 },
    );
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
    const feed = new FleetFeed({ fleet, link, poke: source => pump.poke(source) });
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
