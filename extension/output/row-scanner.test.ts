import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { MAX_ROW_BYTES, RowScanner, type RowStart, type ScannedRow } from './row-scanner.ts';

interface Row {
  readonly start: RowStart;
  readonly bytes: Buffer;
}

interface Scanned {
  readonly rows: readonly string[];
  readonly starts: readonly number[];
  readonly continued: readonly boolean[];
  readonly sgr: readonly string[];
}

function rowsOf(scanner: RowScanner, bytes: Uint8Array): Row[] {
  const copy = ({ start, data, from, to }: ScannedRow): Row => ({ start, bytes: data.subarray(from, to) });
  return [...scanner.push(bytes)].map(copy);
}

function scan(...chunks: (string | Uint8Array)[]): Scanned {
  const scanner = new RowScanner();
  const rows: Row[] = [];
  for (const chunk of chunks) rows.push(...rowsOf(scanner, typeof chunk === 'string' ? Buffer.from(chunk) : chunk));
  if (scanner.open) rows.push(scanner.open);
  return {
    rows: rows.map(({ bytes }) => bytes.toString('utf8')),
    starts: rows.map(({ start }) => start.offset),
    continued: rows.map(({ start }) => start.continued),
    sgr: rows.map(({ start }) => start.sgr),
  };
}

function divide(bytes: Uint8Array, at: readonly number[]): Uint8Array[] {
  const cuts = [0, ...at.map(cut => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return cuts.slice(1).map((cut, i) => bytes.subarray(cuts[i], cut));
}

describe('rows of output', () => {
  it('end at newlines', () => {
    assert.deepEqual(scan('a\nb\n\nc').rows, ['a', 'b', '', 'c']);
    assert.deepEqual(scan('a\n').rows, ['a']);
    assert.deepEqual(scan('').rows, []);
    assert.deepEqual(scan('a', 'b\nc', '', '\n', 'd').rows, ['ab', 'c', 'd']);
  });

  it('end after 4,096 bytes when no newline comes', () => {
    const { rows, continued, starts } = scan('x'.repeat(2 * MAX_ROW_BYTES + 5), '\nnext');
    assert.deepEqual(
      rows.map(row => row.length),
      [MAX_ROW_BYTES, MAX_ROW_BYTES, 5, 4],
    );
    assert.deepEqual(continued, [false, true, true, false]);
    assert.deepEqual(starts, [0, MAX_ROW_BYTES, 2 * MAX_ROW_BYTES, 2 * MAX_ROW_BYTES + 6]);
  });

  it('have no empty row behind a line of exactly 4,096 bytes', () => {
    assert.deepEqual(scan(`${'x'.repeat(MAX_ROW_BYTES)}\ny`).continued, [false, false]);
  });

  it('do not split a character', () => {
    for (const character of ['é', '→', '🚀']) {
      for (let lead = 0; lead < 4; lead++) {
        const line = 'x'.repeat(lead) + character.repeat(3000);
        const { rows } = scan(line);
        assert.equal(rows.join(''), line);
        assert.ok(rows.every(row => !row.includes('\ufffd')));
      }
    }
  });

  it('do not split an escape sequence', () => {
    for (let lead = MAX_ROW_BYTES - 7; lead <= MAX_ROW_BYTES; lead++) {
      const { rows, sgr } = scan(`${'x'.repeat(lead)}\x1b[1;31mred`);
      assert.equal(rows.filter(row => row.includes('\x1b[1;31m')).length, 1, `escape at ${lead}`);
      assert.equal(rows.length === 1 || (rows[0] ?? '').length <= MAX_ROW_BYTES, true);
      assert.equal(sgr[0], '');
    }
  });

  it('are cut at 4,096 bytes also where bytes are neither UTF-8 nor text', () => {
    const { starts } = scan(Buffer.alloc(3 * MAX_ROW_BYTES, 0x80));
    assert.deepEqual(starts, [0, MAX_ROW_BYTES, 2 * MAX_ROW_BYTES]);
    assert.deepEqual(scan(Buffer.alloc(3 * MAX_ROW_BYTES, 0x1b)).starts, [
      0,
      MAX_ROW_BYTES - 1,
      2 * MAX_ROW_BYTES - 2,
      3 * MAX_ROW_BYTES - 3,
    ]);
  });

  it('know the colours that are on where they begin', () => {
    assert.deepEqual(scan('a\x1b[31mb\nc\x1b[1m\n\x1b[0md\ne').sgr, ['', '\x1b[31m', '\x1b[1;31m', '']);
  });

  it('are the same however the bytes arrive', () => {
    const pieces = fc.oneof(
      fc.constantFrom('\n', '\r\n', '\x1b[31m', '\x1b[0m', '→', '🚀', '\x1b'),
      fc.string(),
      fc.integer({ min: 1, max: 3 * MAX_ROW_BYTES }).map(length => 'y'.repeat(length)),
    );
    const anything = fc.oneof(
      fc.array(pieces, { maxLength: 12 }).map(parts => new Uint8Array(Buffer.from(parts.join('')))),
      fc.uint8Array({ maxLength: 3 * MAX_ROW_BYTES }),
    );
    fc.assert(
      fc.property(anything, fc.array(fc.nat({ max: 50_000 }), { maxLength: 8 }), (bytes, at) => {
        const whole = scan(bytes);
        assert.deepEqual(scan(...divide(bytes, at)), whole);
        assert.ok(whole.rows.length <= bytes.length);
      }),
    );
  });

  it('can be scanned from the middle', () => {
    const text = 'a\x1b[32m\n' + 'b'.repeat(5000) + '\nc\n';
    const all = rowsOf(new RowScanner(), Buffer.from(text));
    for (const { start } of all) {
      const rest = rowsOf(new RowScanner(start), Buffer.from(text).subarray(start.offset));
      assert.deepEqual(rest, all.slice(all.findIndex(row => row.start === start)));
    }
  });
});
