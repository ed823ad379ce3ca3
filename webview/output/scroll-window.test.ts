import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { ScrollWindow } from './scroll-window.ts';

function windowOf(rowCount: number, viewport = 360, rowHeight = 18): ScrollWindow {
  const window = new ScrollWindow();
  window.resize(rowHeight, viewport);
  window.setRowCount(rowCount);
  return window;
}

describe('the window on the rows', () => {
  it('shows the rows at the place that was scrolled to, and some around them', () => {
    const window = windowOf(1000);
    window.scrolled(1800);
    assert.deepEqual(window.view, { from: 100, count: 20 });
    assert.deepEqual(window.rendered, { from: 88, count: 44 });
    assert.equal(window.offset, 88 * 18);
    assert.equal(window.height, 18_000);
  });

  it('knows its end', () => {
    const window = windowOf(1000);
    assert.equal(window.isAtEnd, false);
    window.toEnd();
    assert.equal(window.isAtEnd, true);
    assert.deepEqual(window.view, { from: 980, count: 20 });
    window.setRowCount(1001);
    assert.equal(window.isAtEnd, false);
    window.scrolled(window.endScrollTop);
    assert.equal(window.isAtEnd, true);
  });

  it('is at its end when everything fits, or nothing is there', () => {
    assert.equal(windowOf(3).isAtEnd, true);
    assert.equal(windowOf(0).isAtEnd, true);
    assert.deepEqual(windowOf(0).rendered, { from: 0, count: 0 });
  });

  it('stays in the rows when they become fewer', () => {
    const window = windowOf(1000);
    window.toEnd();
    window.setRowCount(10);
    assert.deepEqual(window.view, { from: 0, count: 10 });
  });

  it('keeps its first row when the height of rows changes', () => {
    const window = windowOf(1000);
    window.scrolled(500 * 18);
    window.resize(36, 360);
    assert.equal(window.view.from, 500);
  });

  for (const rowCount of [100_000, 1_000_000, 200_000_000]) {
    it(`reaches the first and the last of ${rowCount} rows`, () => {
      const window = windowOf(rowCount);
      assert.ok(window.height <= 8_000_000);
      window.scrolled(window.endScrollTop);
      assert.equal(window.view.from + window.view.count, rowCount);
      window.scrolled(0);
      assert.equal(window.view.from, 0);
    });

    it(`scrolls by as much as was asked for, among ${rowCount} rows`, () => {
      const window = windowOf(rowCount);
      window.toRow(Math.floor(rowCount / 2));
      let at = window.settle();
      const before = window.view.from;
      for (let i = 0; i < 10; i++) window.scrolled((at += 90));
      assert.equal(window.view.from, before + 50);
      for (let i = 0; i < 10; i++) window.scrolled((at -= 90));
      assert.equal(window.view.from, before);
    });
  }

  it('always covers its viewport with rendered rows', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(0, 1, 50, 400_000, 3_000_000),
        fc.array(fc.oneof(fc.integer({ min: -400, max: 400 }), fc.integer({ min: -8_000_000, max: 8_000_000 }))),
        (rowCount, moves) => {
          const window = windowOf(rowCount);
          let at = 0;
          for (const [i, by] of moves.entries()) {
            at = Math.max(0, Math.min(window.endScrollTop, at + by));
            window.scrolled(at);
            if (i % 5 === 4) at = window.settle();
            const { rendered, offset } = window;
            const bottom = offset + rendered.count * 18;
            assert.ok(rendered.from >= 0 && rendered.from + rendered.count <= rowCount);
            assert.ok(
              rowCount * 18 <= 360 || (offset <= at + 0.01 && bottom >= at + 359.99),
              `${offset}..${bottom} at ${at}`,
            );
          }
        },
      ),
    );
  });
});
