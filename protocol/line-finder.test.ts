import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { foldCase, LineFinder, type FindableRow } from './line-finder.ts';

/** Where a text is in rows; those that begin with `+` continue the line of the row before. As `row:column`. */
function found(text: string, rows: readonly string[], matchCase = false): string[] {
  const finder = new LineFinder({ text, matchCase });
  return rows.flatMap((row, i) => finder.push(i, rowOf(row)).map(({ row, column }) => `${row}:${column}`));
}

function rowOf(row: string): FindableRow {
  return row.startsWith('+') ? { text: row.slice(1), continued: true } : { text: row, continued: false };
}

describe('finding a text in rows', () => {
  it('finds each place of it, in order', () => {
    assert.deepEqual(found('err', ['err and err', 'none', ' err']), ['0:0', '0:8', '2:1']);
    assert.deepEqual(found('nothing', ['some', 'thing']), []);
    assert.deepEqual(found('', ['some']), []);
  });

  it('does not let matches overlap, as in an editor', () => {
    assert.deepEqual(found('aa', ['aaaaa', 'aaa']), ['0:0', '0:2', '1:0']);
    assert.deepEqual(found('aa', ['aaa', '+aaa']), ['0:0', '0:2', '1:1']);
  });

  it('takes upper and lower case for one, unless told', () => {
    assert.deepEqual(found('Error', ['ERROR error Error']), ['0:0', '0:6', '0:12']);
    assert.deepEqual(found('Error', ['ERROR error Error'], true), ['0:12']);
    assert.deepEqual(found('ÄRGER', ['ärger 🚀 Ärger']), ['0:0', '0:9']);
    assert.deepEqual(found('ΟΔΟΣ', ['οδος οδοσ']), ['0:0', '0:5']);
  });

  it('says columns of the text as it is, also behind characters whose lower case is longer', () => {
    assert.deepEqual(found('x', ['İİx']), ['0:2']);
    assert.deepEqual(found('İ', ['aİb']), ['0:1']);
  });

  it('reads a row as it is shown: without escape sequences, and what overwrote itself in its last version', () => {
    assert.deepEqual(found('warning: no', ['\x1b[33mwarn\x1b[1ming:\x1b[0m no']), ['0:0']);
    assert.deepEqual(found('31', ['\x1b[31mred\x1b[0m 31']), ['0:4']);
    assert.deepEqual(found('50%', ['10%\r50%\r100%\r']), []);
    assert.deepEqual(found('100%', ['10%\r50%\r100%\r']), ['0:0']);
    assert.deepEqual(found('title', ['\x1b]0;title\x07text']), []);
  });

  it('finds what goes over the end of a row into those that continue its line, and not into the next line', () => {
    assert.deepEqual(found('hello', ['say hel', '+lo']), ['0:4']);
    assert.deepEqual(found('hello', ['say hel', 'lo']), []);
    assert.deepEqual(found('hello', ['h', '+el', '+\x1b[0m', '+lo hello']), ['0:0', '3:3']);
  });

  it('finds the same however a line is cut into rows', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'A'), minLength: 1, maxLength: 40 });
    const needle = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(letters, needle, fc.array(fc.nat(40)), (line, text, cuts) => {
        const places = [0, ...cuts.filter(cut => cut < line.length), line.length].sort((a, b) => a - b);
        const rows = places.slice(1).map((to, i) => (i === 0 ? '' : '+') + line.slice(places[i], to));
        const inLine = found(text, rows).map(place => {
          const [row = 0, column = 0] = place.split(':').map(Number);
          return (places[row] ?? 0) + column;
        });
        assert.deepEqual(
          inLine,
          found(text, [line]).map(place => Number(place.slice(2))),
        );
      }),
    );
  });

  it('looks at a row that may yet grow without taking it', () => {
    const finder = new LineFinder({ text: 'ab', matchCase: false });
    finder.push(0, { text: 'xa', continued: false });
    assert.deepEqual(finder.peek(1, { text: 'b', continued: true }), [{ row: 0, column: 1 }]);
    assert.deepEqual(finder.push(1, { text: 'b ab', continued: true }), [
      { row: 0, column: 1 },
      { row: 1, column: 2 },
    ]);
  });
});

describe('a text in which case makes no difference', () => {
  it('is as long as before, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), text => {
        assert.equal(foldCase(text).length, text.length);
        assert.equal(foldCase(foldCase(text)), foldCase(text));
      }),
    );
  });
});
