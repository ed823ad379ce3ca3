import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { lastAtMost, RowIndex } from './row-index.ts';
import { RowScanner, type RowStart } from './row-scanner.ts';

function startsOf(bytes: Uint8Array): RowStart[] {
  const scanner = new RowScanner();
  const starts = [...scanner.push(bytes)].map(row => row.start);
  return scanner.open ? [...starts, scanner.open.start] : starts;
}

const lines = fc
  .array(
    fc.record({ text: fc.constantFrom('', 'x', '\x1b[31mred', '→'.repeat(40), 'z'.repeat(9000)), times: fc.nat(400) }),
    { maxLength: 6 },
  )
  .map(
    parts => new Uint8Array(Buffer.from(parts.map(({ text, times }) => `${text}\n`.repeat(times)).join('') + 'end')),
  );

describe('the row index', () => {
  it('finds a mark near every row, with what is in force there', () => {
    fc.assert(
      fc.property(lines, bytes => {
        const index = new RowIndex();
        index.push(bytes);
        const starts = startsOf(bytes);
        assert.equal(index.rowCount, starts.length);
        for (let row = 0; row < starts.length; row += 7) {
          const mark = index.markBefore(row);
          assert.ok(mark.row <= row && row - mark.row < 256);
          assert.deepEqual(mark.start, starts[mark.row]);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('forgets what is cut off, and goes on from there', () => {
    fc.assert(
      fc.property(lines, lines, fc.nat(), (before, after, where) => {
        const cut = where % (before.length + 1);
        const index = new RowIndex();
        index.push(before);
        index.push(before.subarray(index.cut(cut).start.offset, cut));
        index.push(after);
        const fresh = new RowIndex();
        fresh.push(Buffer.concat([before.subarray(0, cut), after]));
        assert.equal(index.rowCount, fresh.rowCount);
        assert.deepEqual(index.markBefore(Infinity), fresh.markBefore(Infinity));
      }),
      { numRuns: 30 },
    );
  });

  it('finds the last value that is not above a limit', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(100)), fc.nat(100), (values, limit) => {
        const ascending = [0, ...values].sort((a, b) => a - b);
        assert.equal(
          lastAtMost(ascending, limit),
          ascending.findLastIndex(value => value <= limit),
        );
      }),
    );
  });
});
