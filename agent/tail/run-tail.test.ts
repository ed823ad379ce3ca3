import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import {
  decodeFrame,
  MAX_FRAME_PAYLOAD,
  MAX_MESSAGE_BYTES,
  planChunk,
  runIdSchema,
  START,
  type Position,
  type StreamName,
  type StreamPositions,
} from '../../protocol/index.ts';
import { JournalWriter } from '../run-directory/journal-writer.ts';
import { runPaths, type RunPaths } from '../run-directory/layout.ts';
import { OutputLog } from '../run-directory/output-log.ts';
import { TemporaryFolder, until } from '../testing/temporary.ts';
import { FrameBuffers } from './frame-buffers.ts';
import { RunTail } from './run-tail.ts';

const runId = runIdSchema.parse('01KA0000000000000000000000');
const ALL: StreamPositions = { output: START, 'lock-before': START, 'lock-after': START };

/** A run directory that a test writes, and what a reader has of it. */
class Stage implements Disposable {
  readonly #folder = new TemporaryFolder();
  readonly paths: RunPaths = runPaths(this.#folder.path, runId);
  readonly journal: JournalWriter;
  output: OutputLog;
  now = 1_000_000;
  seqs: number[] = [];
  readonly positions: Record<StreamName, Position> = { output: START, 'lock-before': START, 'lock-after': START };
  readonly bytes: Record<StreamName, Buffer> = {
    output: Buffer.alloc(0),
    'lock-before': Buffer.alloc(0),
    'lock-after': Buffer.alloc(0),
  };
  readonly ended = new Set<StreamName>();
  readonly frames: { readonly stream: StreamName; readonly time: number; readonly length: number }[] = [];
  readonly messages: number[] = [];
  readonly progress: unknown[] = [];

  constructor() {
    mkdirSync(this.paths.dir, { recursive: true });
    this.journal = JournalWriter.open(this.paths.journal, () => this.now).journal;
    this.output = OutputLog.open(this.paths, false, () => this.now);
  }

  write(text: string | Uint8Array): void {
    this.output.write(text);
    this.output.flush();
  }

  /** The host loses power: the output ends here now, and the next runner goes on. */
  losePower(size: number): void {
    this.output.close();
    truncateSync(this.paths.output, size);
    this.output = OutputLog.open(this.paths, true, () => this.now);
  }

  end(): void {
    this.output.sync();
    this.journal.append({ type: 'ended', outcome: 'succeeded', changed: false, after: {} });
  }

  tail(streams: StreamPositions = ALL, afterSeq = 0, buffers = new FrameBuffers(), tellsProgress = false): RunTail {
    return new RunTail(this.#folder.path, runId, afterSeq, streams, buffers, tellsProgress);
  }

  /** Takes what a tail has to say now, as a relay does. Returns the number of pieces. */
  async drain(tail: RunTail, most = Infinity): Promise<number> {
    tail.refresh();
    for (let pieces = 0; pieces < most; pieces++) {
      const piece = await tail.next();
      if (!piece) return pieces;
      if (typeof piece.data === 'string') this.#takeText(piece.data);
      else this.#takeFrame(piece.data);
      // as a socket that has sent it: nobody may read it any more
      if (typeof piece.data !== 'string') piece.data.fill(0xff);
      piece.release?.();
    }
    return most;
  }

  [Symbol.dispose](): void {
    this.output.close();
    this.journal.close();
    this.#folder[Symbol.dispose]();
  }

  #takeText(text: string): void {
    const message = JSON.parse(text) as { type: string; progress?: unknown; events: { seq: number }[] };
    if (message.type === 'progress') {
      this.progress.push(message.progress);
      return;
    }
    const { events } = message;
    assert.ok(text.length < MAX_MESSAGE_BYTES);
    assert.ok(events.length <= 200);
    this.messages.push(events.length);
    this.seqs.push(...events.map(event => event.seq));
  }

  #takeFrame(data: Uint8Array): void {
    const decoded = decodeFrame(data);
    assert.ok(decoded.ok);
    const { stream, at, time, end, bytes } = decoded.frame;
    const plan = planChunk(this.positions[stream], at, bytes.length);
    assert.notEqual(plan.kind, 'gap');
    if (plan.kind === 'append') {
      const kept = plan.cutTo === undefined ? this.bytes[stream] : this.bytes[stream].subarray(0, plan.cutTo);
      this.bytes[stream] = Buffer.concat([kept, bytes.subarray(plan.skip)]);
      this.positions[stream] = plan.next;
    }
    this.frames.push({ stream, time, length: bytes.length });
    if (end) this.ended.add(stream);
  }
}

describe('following a run', () => {
  it('tells how far its build is while it builds, and only the newest', async () => {
    using stage = new Stage();
    const tail = stage.tail(ALL, 0, new FrameBuffers(), true);
    const write = (done: number): void =>
      writeFileSync(stage.paths.progress, JSON.stringify({ builds: { done, total: 5 }, now: [], more: 0 }));
    write(1);
    await stage.drain(tail);
    assert.deepEqual(stage.progress, [], 'the run does not build yet');
    stage.journal.append({ type: 'phase', phase: 'building' });
    await until('the first', async () => (await stage.drain(tail), stage.progress.length > 0));
    write(2);
    write(3);
    await until('the newest', async () => (await stage.drain(tail), stage.progress.length > 1));
    assert.deepEqual(stage.progress, [
      { builds: { done: 1, total: 5 }, now: [], more: 0 },
      { builds: { done: 3, total: 5 }, now: [], more: 0 },
    ]);
  });

  it('tells nothing of it to a relay that did not ask', async () => {
    using stage = new Stage();
    const tail = stage.tail();
    stage.journal.append({ type: 'phase', phase: 'building' });
    writeFileSync(stage.paths.progress, '{"now":[],"more":0}');
    await stage.drain(tail);
    await stage.drain(tail);
    assert.deepEqual([stage.seqs, stage.progress], [[1], []]);
  });

  it('sends events and output as they come, and an end when all is sent', async () => {
    using stage = new Stage();
    const tail = stage.tail();
    assert.equal(await stage.drain(tail), 0);
    stage.journal.append({ type: 'phase', phase: 'accepted' });
    stage.write('hello\n');
    await stage.drain(tail);
    assert.deepEqual([stage.seqs, String(stage.bytes.output)], [[1], 'hello\n']);
    stage.write('world\n');
    await stage.drain(tail);
    assert.equal(String(stage.bytes.output), 'hello\nworld\n');
    assert.equal(stage.ended.size, 0);
    stage.write('bye\n');
    stage.end();
    await stage.drain(tail);
    assert.deepEqual(stage.seqs, [1, 2]);
    assert.equal(String(stage.bytes.output), 'hello\nworld\nbye\n');
    assert.deepEqual([...stage.ended].sort(), ['lock-after', 'lock-before', 'output']);
    assert.ok(tail.isDone);
    assert.equal(await stage.drain(tail), 0);
  });

  it('is not done before its last piece is in the hands of who asked for it', async () => {
    using stage = new Stage();
    stage.write('the last word');
    stage.end();
    const tail = stage.tail();
    const given = Symbol('given');
    for (;;) {
      const asked = tail.next();
      // who takes it for done meanwhile, as a change in the folder does, drops the piece on its way
      while ((await Promise.race([asked, setImmediate(given)])) === given)
        assert.ok(!tail.isDone, 'it says it is done');
      if ((await asked) === undefined) break;
    }
    assert.ok(tail.isDone);
  });

  it('goes on from where the reader is', async () => {
    using stage = new Stage();
    for (let i = 0; i < 10; i++) stage.journal.append({ type: 'warning', message: 'x' });
    stage.write('0123456789');
    stage.bytes.output = Buffer.from('0123');
    stage.positions.output = { epoch: 0, offset: 4 };
    await stage.drain(stage.tail({ output: stage.positions.output }, 7));
    assert.deepEqual(stage.seqs, [8, 9, 10]);
    assert.equal(String(stage.bytes.output), '0123456789');
    assert.deepEqual(new Set(stage.frames.map(frame => frame.stream)), new Set(['output']), 'only what was asked for');
  });

  it('says the end again to a reader that has every byte', async () => {
    using stage = new Stage();
    stage.write('all\n');
    stage.end();
    stage.positions.output = { epoch: 0, offset: 4 };
    await stage.drain(stage.tail({ output: { epoch: 0, offset: 4 } }, 1));
    assert.ok(stage.ended.has('output'));
    assert.equal(stage.bytes.output.length, 0);
  });

  it('sends lock files when they are whole, and an empty stream for one that never was', async () => {
    using stage = new Stage();
    const tail = stage.tail();
    writeFileSync(stage.paths.lockBefore, '{"half":');
    await stage.drain(tail);
    assert.equal(stage.frames.length, 0, 'nothing before the journal says that it is whole');
    const lock = JSON.stringify({ nodes: 'n'.repeat(3 * MAX_FRAME_PAYLOAD) });
    writeFileSync(stage.paths.lockBefore, lock);
    stage.journal.append({ type: 'recorded', before: {} });
    await stage.drain(tail);
    assert.equal(String(stage.bytes['lock-before']), lock);
    assert.deepEqual([...stage.ended], ['lock-before']);
    stage.end();
    await stage.drain(tail);
    assert.ok(stage.ended.has('lock-after'));
    assert.equal(stage.bytes['lock-after'].length, 0);
  });

  it('takes the locked lock without waiting for the end', async () => {
    using stage = new Stage();
    const tail = stage.tail();
    writeFileSync(stage.paths.lockAfter, '{}');
    stage.journal.append({ type: 'locked', input: 'nixfleet', after: {}, changed: false });
    await stage.drain(tail);
    assert.deepEqual([...stage.ended], ['lock-after']);
  });

  it('cuts the reader back where a power loss took the end of the output', async () => {
    using stage = new Stage();
    const tail = stage.tail();
    stage.write('kept|lost');
    await stage.drain(tail);
    stage.losePower(5);
    await stage.drain(tail);
    assert.equal(String(stage.bytes.output), 'kept|');
    stage.write('new');
    stage.end();
    await stage.drain(tail);
    assert.equal(String(stage.bytes.output), 'kept|new');
    assert.deepEqual(stage.positions.output, { epoch: 1, offset: 8 });
  });

  it('puts right what it read while the power was lost', async () => {
    using stage = new Stage();
    const buffers = new FrameBuffers();
    const tail = stage.tail(ALL, 0, buffers);
    stage.write('kept|lost');
    // between the look at the index and the read of the bytes
    const take = buffers.take.bind(buffers);
    buffers.take = () => {
      buffers.take = take;
      stage.losePower(5);
      stage.write('new');
      return take();
    };
    await stage.drain(tail);
    stage.end();
    await stage.drain(tail);
    assert.equal(String(stage.bytes.output), 'kept|new');
    assert.deepEqual(stage.positions.output, { epoch: 1, offset: 8 });
  });

  it('sends nothing from a shortened output before its runner has opened the next epoch', async () => {
    using stage = new Stage();
    stage.write('0123456789');
    const first = stage.tail();
    await stage.drain(first);
    truncateSync(stage.paths.output, 4);
    assert.equal(await stage.drain(stage.tail({ output: stage.positions.output }, 0)), 0);
  });

  it('starts a reader over that claims an epoch that never was', async () => {
    using stage = new Stage();
    stage.write('abc');
    const tail = stage.tail({ output: { epoch: 7, offset: 2 } });
    await stage.drain(tail);
    assert.equal(String(stage.bytes.output), 'abc');
  });

  it('splits a line of 5 MB into frames and keeps every byte of it', async () => {
    using stage = new Stage();
    const line = Buffer.alloc(5_000_000, 'z');
    stage.write(line);
    stage.end();
    await stage.drain(stage.tail());
    assert.ok(stage.bytes.output.equals(line));
    assert.ok(stage.frames.length >= 77);
  });

  it('tells the time of each part of an old output', async () => {
    using stage = new Stage();
    for (const time of [2_000_000, 2_000_050, 2_005_000, 2_009_000]) {
      stage.now = time;
      stage.write('line\n');
    }
    stage.end();
    await stage.drain(stage.tail({ output: START }));
    assert.deepEqual(
      stage.frames.map(({ time, length }) => [time, length]),
      [
        [2_000_000, 10],
        [2_005_000, 5],
        [2_009_000, 5],
      ],
    );
  });

  it('sends many events in messages of 200, and large ones in fewer', async () => {
    using stage = new Stage();
    for (let i = 0; i < 450; i++) stage.journal.append({ type: 'warning', message: `${i}` });
    for (let i = 0; i < 100; i++) stage.journal.append({ type: 'warning', message: 'w'.repeat(8000) });
    await stage.drain(stage.tail({}));
    assert.deepEqual(
      stage.seqs,
      Array.from({ length: 550 }, (_, i) => i + 1),
    );
    assert.deepEqual(stage.messages.slice(0, 2), [200, 200]);
  });

  it('keeps messages below what a relay takes, whatever the sizes of events', async () => {
    using stage = new Stage();
    const warn = (length: number) => stage.journal.append({ type: 'warning', message: 'w'.repeat(length) });
    const size = () => statSync(stage.paths.journal).size;
    warn(700_000);
    const before = size();
    warn(0);
    const bare = size() - before;
    warn(250_000);
    // read at once these are as long as a message may be, without what stands around them in one
    warn(MAX_MESSAGE_BYTES - size() - bare);
    assert.equal(size(), MAX_MESSAGE_BYTES);
    await stage.drain(stage.tail({}));
    assert.deepEqual(stage.seqs, [1, 2, 3, 4]);
    assert.ok(stage.messages.length >= 2);
  });

  it('sends what is there of a run whose journal is damaged', async () => {
    using stage = new Stage();
    stage.journal.append({ type: 'phase', phase: 'accepted' });
    appendFileSync(stage.paths.journal, 'garbage\n');
    stage.write('output');
    const tail = stage.tail();
    await stage.drain(tail);
    assert.deepEqual([stage.seqs, String(stage.bytes.output)], [[1], 'output']);
    assert.match(tail.damage ?? '', /not event 2/);
  });

  it('sends a stream again from where it is told to', async () => {
    using stage = new Stage();
    stage.write('0123456789');
    const tail = stage.tail();
    await stage.drain(tail);
    stage.bytes.output = Buffer.from('012');
    stage.positions.output = { epoch: 0, offset: 3 };
    tail.rewind('output', { epoch: 0, offset: 3 });
    await stage.drain(tail);
    assert.equal(String(stage.bytes.output), '0123456789');
  });

  it('gives every reader the bytes of the file, whatever is written, lost and read in between', async () => {
    const act = fc.oneof(
      { weight: 5, arbitrary: fc.record({ kind: fc.constant('write'), size: fc.integer({ min: 1, max: 90_000 }) }) },
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('read'), size: fc.integer({ min: 1, max: 4 }) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('power loss'), size: fc.integer({ min: 0, max: 100 }) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('reconnect'), size: fc.constant(0) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 30 }), fc.integer({ min: 0, max: 12 }), async (acts, meanwhile) => {
        using stage = new Stage();
        let truth = Buffer.alloc(0);
        let tail = stage.tail();
        let next = 0;
        let reading: Promise<unknown> = Promise.resolve();
        for (const { kind, size } of acts) {
          if (kind === 'write') {
            const bytes = Buffer.alloc(size, String.fromCharCode(33 + (next++ % 90)));
            stage.now += 137;
            stage.write(bytes);
            truth = Buffer.concat([truth, bytes]);
          } else if (kind === 'read') {
            // what comes next happens in the middle of this
            await reading;
            reading = stage.drain(tail, size);
            for (let i = 0; i < meanwhile; i++) await setImmediate();
          } else if (kind === 'reconnect') {
            await reading;
            tail = stage.tail({ ...stage.positions }, stage.seqs.length);
          } else {
            truth = truth.subarray(0, Math.floor((truth.length * size) / 100));
            stage.losePower(truth.length);
          }
        }
        await reading;
        stage.end();
        await stage.drain(tail);
        assert.ok(stage.bytes.output.equals(truth));
        assert.ok(stage.ended.has('output'));
        assert.deepEqual(stage.seqs, [1]);
      }),
      { numRuns: 60 },
    );
  });
});
