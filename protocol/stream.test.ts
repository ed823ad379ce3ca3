import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import { planChunk, resumeFrom, START, type EpochStart, type Position } from './stream.ts';

/** The truth: a file that grows, and loses its end when its host loses power. */
class Writer {
  bytes = Buffer.alloc(0);
  readonly epochs: EpochStart[] = [{ ...START }];
  #next = 0;

  write(length: number): void {
    const fresh = Buffer.from(Array.from({ length }, () => this.#next++ % 256));
    this.bytes = Buffer.concat([this.bytes, fresh]);
  }

  losePower(keep: number): void {
    this.bytes = Buffer.from(this.bytes.subarray(0, Math.floor(this.bytes.length * keep)));
    this.epochs.push({ epoch: this.epochs.length, offset: this.bytes.length });
  }

  get epoch(): number {
    return this.epochs.length - 1;
  }

  resume(reader: Position): Position {
    return resumeFrom(reader, this.epochs, this.bytes.length);
  }
}

/** A copy as relays, viewers and tests keep it. */
class Reader {
  bytes = Buffer.alloc(0);
  at: Position = START;

  take(at: Position, bytes: Uint8Array): 'taken' | 'dropped' | 'gap' {
    const plan = planChunk(this.at, at, bytes.length);
    if (plan.kind === 'gap') {
      assert.deepEqual(plan.have, this.at);
      return 'gap';
    }
    if (plan.kind === 'duplicate') return 'dropped';
    const kept = plan.cutTo === undefined ? this.bytes : this.bytes.subarray(0, plan.cutTo);
    this.bytes = Buffer.concat([kept, bytes.subarray(plan.skip)]);
    this.at = plan.next;
    assert.equal(this.at.offset, this.bytes.length, 'a position says how long the copy is');
    return 'taken';
  }
}

const chance = fc.double({ min: 0, max: 1, noNaN: true });
const steps = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('write' as const), length: fc.integer({ min: 1, max: 40 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('lose power' as const), keep: chance }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('send' as const), size: fc.integer({ min: 1, max: 25 }) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('deliver' as const), count: fc.nat(5) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('send again from' as const), from: chance }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut the link' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('reader loses' as const), keep: chance }) },
  ),
  { maxLength: 60 },
);

describe('a stream', () => {
  it('leads a reader to the writer’s bytes, whatever is lost, repeated, overlapping or cut', () => {
    fc.assert(
      fc.property(steps, list => {
        const writer = new Writer();
        const reader = new Reader();
        let sent: Position = START;
        let onTheWay: { at: Position; bytes: Buffer }[] = [];
        const send = (size: number) => {
          sent = writer.resume(sent);
          const bytes = writer.bytes.subarray(sent.offset, sent.offset + size);
          if (bytes.length > 0) onTheWay.push({ at: sent, bytes: Buffer.from(bytes) });
          sent = { epoch: sent.epoch, offset: sent.offset + bytes.length };
        };
        const deliver = () => {
          const chunk = onTheWay.shift();
          if (chunk && reader.take(chunk.at, chunk.bytes) === 'gap') sent = writer.resume(reader.at);
        };
        for (const step of list) {
          switch (step.kind) {
            case 'write':
              writer.write(step.length);
              break;
            case 'lose power':
              // the link is lost with the host, and what was on the way
              writer.losePower(step.keep);
              onTheWay = [];
              sent = writer.resume(reader.at);
              break;
            case 'send':
              send(step.size);
              break;
            case 'deliver':
              for (let i = 0; i < step.count; i++) deliver();
              break;
            case 'send again from':
              // nothing is wrong with a writer that begins too early in its own epoch
              sent = { epoch: sent.epoch, offset: Math.floor(sent.offset * step.from) };
              break;
            case 'cut the link':
              onTheWay = [];
              sent = writer.resume(reader.at);
              break;
            case 'reader loses': {
              // such as a relay whose machine lost power
              const kept = Math.floor(reader.bytes.length * step.keep);
              reader.bytes = Buffer.from(reader.bytes.subarray(0, kept));
              reader.at = { epoch: reader.at.epoch, offset: kept };
            }
          }
        }
        onTheWay = [];
        writer.write(1);
        sent = writer.resume(reader.at);
        const isBehind = () => reader.at.epoch < writer.epoch || reader.at.offset < writer.bytes.length;
        for (let i = 0; i < 1000 && isBehind(); i++) {
          send(7);
          deliver();
        }
        assert.equal(reader.bytes.toString('hex'), writer.bytes.toString('hex'));
        assert.deepEqual(reader.at, { epoch: writer.epoch, offset: writer.bytes.length });
      }),
      { numRuns: 1000 },
    );
  });

  it('is resumed where the reader is, or at the lowest cut that came since', () => {
    const epochs = [
      { epoch: 0, offset: 0 },
      { epoch: 1, offset: 700 },
      { epoch: 2, offset: 500 },
      { epoch: 3, offset: 900 },
    ];
    assert.deepEqual(resumeFrom({ epoch: 0, offset: 1000 }, epochs, 2000), { epoch: 3, offset: 500 });
    assert.deepEqual(resumeFrom({ epoch: 1, offset: 1000 }, epochs, 2000), { epoch: 3, offset: 500 });
    assert.deepEqual(resumeFrom({ epoch: 2, offset: 1000 }, epochs, 2000), { epoch: 3, offset: 900 });
    assert.deepEqual(resumeFrom({ epoch: 2, offset: 600 }, epochs, 2000), { epoch: 3, offset: 600 });
    assert.deepEqual(resumeFrom({ epoch: 3, offset: 1000 }, epochs, 2000), { epoch: 3, offset: 1000 });
    assert.deepEqual(resumeFrom({ epoch: 3, offset: 3000 }, epochs, 2000), { epoch: 3, offset: 2000 });
    assert.deepEqual(resumeFrom({ epoch: 9, offset: 10 }, epochs, 2000), { epoch: 3, offset: 0 });
    assert.deepEqual(resumeFrom(START, [], 0), START);
  });

  it('knows new, old, overlapping and missing bytes', () => {
    const have = { epoch: 1, offset: 10 };
    assert.deepEqual(planChunk(have, { epoch: 1, offset: 10 }, 5), {
      kind: 'append',
      skip: 0,
      next: { epoch: 1, offset: 15 },
    });
    assert.deepEqual(planChunk(have, { epoch: 1, offset: 8 }, 5), {
      kind: 'append',
      skip: 2,
      next: { epoch: 1, offset: 13 },
    });
    assert.deepEqual(planChunk(have, { epoch: 1, offset: 8 }, 2), { kind: 'duplicate' });
    assert.deepEqual(planChunk(have, { epoch: 1, offset: 11 }, 5), { kind: 'gap', have });
    assert.deepEqual(planChunk(have, { epoch: 0, offset: 10 }, 5), { kind: 'duplicate' });
    assert.deepEqual(planChunk(have, { epoch: 2, offset: 7 }, 0), {
      kind: 'append',
      skip: 0,
      cutTo: 7,
      next: { epoch: 2, offset: 7 },
    });
    assert.deepEqual(planChunk(have, { epoch: 2, offset: 10 }, 1), {
      kind: 'append',
      skip: 0,
      next: { epoch: 2, offset: 11 },
    });
    assert.deepEqual(planChunk(have, { epoch: 2, offset: 11 }, 1), { kind: 'gap', have });
  });
});
