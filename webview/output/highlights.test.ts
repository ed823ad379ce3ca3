import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { PanelRow } from '../../protocol/panel.ts';
import { highlightsIn } from './highlights.ts';

const row = (text: string, continued = false): PanelRow => ({ text, time: null, continued });
const query = { text: 'aa', matchCase: false };

describe('what is highlighted in rows', () => {
  it('is each match, and the current one is told', () => {
    const highlights = highlightsIn([row('aa x AA'), row('none'), row('\x1b[31ma\x1b[0ma')], 10, query, {
      row: 10,
      column: 5,
    });
    assert.deepEqual(Object.fromEntries(highlights), {
      10: [
        { from: 0, to: 2, isCurrent: false },
        { from: 5, to: 7, isCurrent: true },
      ],
      12: [{ from: 0, to: 2, isCurrent: false }],
    });
  });

  it('goes over the end of a row into the one that continues its line', () => {
    const highlights = highlightsIn([row('xa'), row('', true), row('ab', true), row('a')], 0, query, null);
    assert.deepEqual(highlights.get(0), [{ from: 1, to: 2, isCurrent: false }]);
    assert.deepEqual(highlights.get(2), [{ from: 0, to: 1, isCurrent: false }]);
    assert.equal(highlights.get(3), undefined);
  });

  it('is what is known while rows are missing', () => {
    const highlights = highlightsIn([row('a'), undefined, row('aa', true)], 0, query, null);
    assert.deepEqual([...highlights.keys()], [2]);
  });

  it('has the current match where the extension says, also where its line begins above', () => {
    const highlights = highlightsIn([row('aaa', true)], 5, query, { row: 5, column: 1 });
    assert.deepEqual(highlights.get(5), [{ from: 1, to: 3, isCurrent: true }]);
  });

  it('has no column twice', () => {
    const highlights = highlightsIn([row('aaa', true), row('aa', true)], 5, query, { row: 6, column: 0 });
    assert.deepEqual(highlights.get(6), [
      { from: 0, to: 1, isCurrent: false },
      { from: 1, to: 2, isCurrent: true },
    ]);
  });
});
