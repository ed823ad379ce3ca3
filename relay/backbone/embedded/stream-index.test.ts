import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import { MARK_BYTES, readMarks, StreamIndex } from './stream-index.ts';

/** Writes what is not in the file yet into the file, as a flush does. */
function flush(index: StreamIndex, file: Buffer): Buffer {
  const unstored = index.unstored();
  index.stored(unstored);
  return Buffer.concat([file.subarray(0, unstored.position), unstored.bytes]);
}

describe('the times of a stream', () => {
  it('are those of a second at a time', () => {
    const index = new StreamIndex();
    index.note(0, 1000);
    index.note(10, 1999);
    index.note(20, 2000);
    assert.deepEqual(index.at(0), { time: 1000, until: 20 });
    assert.deepEqual(index.at(19), { time: 1000, until: 20 });
    assert.deepEqual(index.at(20), { time: 2000, until: Infinity });
  });

  it('follow a clock that was set back', () => {
    const index = new StreamIndex();
    index.note(0, 5000);
    index.note(10, 100);
    assert.equal(index.at(10).time, 100);
  });

  it('are unknown where nothing is', () => {
    assert.deepEqual(new StreamIndex().at(0), { time: 0, until: Infinity });
  });

  it('survive a torn write, and marks of bytes that were lost', () => {
    const index = new StreamIndex();
    index.note(0, 1000);
    index.note(10, 3000);
    index.note(20, 5000);
    const file = flush(index, Buffer.alloc(0));
    assert.deepEqual(readMarks(file.subarray(0, 2 * MARK_BYTES + 7), 100).length, 2);
    assert.deepEqual(readMarks(file, 20), [
      { offset: 0, time: 1000 },
      { offset: 10, time: 3000 },
    ]);
    assert.deepEqual(readMarks(Buffer.alloc(40, 0xff), 100), []);
  });

  it('are the same after any flushes, cuts and a reload', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.record({ kind: fc.constant('note' as const), bytes: fc.nat(50), time: fc.nat(20_000) }),
            fc.record({ kind: fc.constant('cut' as const), keep: fc.double({ min: 0, max: 1, noNaN: true }) }),
            fc.record({ kind: fc.constant('flush' as const) }),
          ),
        ),
        steps => {
          const index = new StreamIndex();
          let file: Buffer = Buffer.alloc(0);
          let size = 0;
          for (const step of steps) {
            if (step.kind === 'flush') file = flush(index, file);
            else if (step.kind === 'cut') {
              size = Math.floor(size * step.keep);
              index.cut(size);
            } else if (step.bytes > 0) {
              index.note(size, step.time);
              size += step.bytes;
            }
          }
          const reloaded = new StreamIndex(readMarks(flush(index, file), size));
          for (let offset = 0; offset < size; offset++) assert.deepEqual(reloaded.at(offset), index.at(offset));
        },
      ),
    );
  });

  it('do not count as stored when they were cut while they were written', () => {
    const index = new StreamIndex();
    index.note(0, 1000);
    index.note(10, 3000);
    const unstored = index.unstored();
    index.cut(5);
    index.note(5, 9000);
    index.stored(unstored);
    assert.deepEqual(readMarks(flush(index, Buffer.alloc(0)), 100), [
      { offset: 0, time: 1000 },
      { offset: 5, time: 9000 },
    ]);
  });
});
