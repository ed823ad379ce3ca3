import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import type { PanelRow } from '../../protocol/panel.ts';
import { RowCache, type RowRange } from './row-cache.ts';

const rows = (from: number, count: number, version = ''): PanelRow[] =>
  Array.from({ length: count }, (_, i) => ({ text: `${from + i}${version}`, time: null, continued: false }));

function cacheOf(rowCount: number, ended = false): RowCache {
  const cache = new RowCache();
  cache.update({ revision: 1, rowCount, ended });
  return cache;
}

const nowhere: RowRange = { from: 0, count: 50 };

describe('the rows near the view', () => {
  it('are asked for in chunks', () => {
    const cache = cacheOf(1000);
    assert.deepEqual(cache.missing({ from: 450, count: 40 }), { from: 400, count: 200 });
    assert.deepEqual(cache.missing({ from: 390, count: 40 }), { from: 200, count: 200 });
    assert.deepEqual(cache.missing({ from: 990, count: 40 }), { from: 800, count: 200 });
    assert.equal(cacheOf(0).missing({ from: 0, count: 40 }), undefined);
  });

  it('are not asked for again', () => {
    const cache = cacheOf(1000);
    cache.put(1, 400, rows(400, 200), nowhere);
    assert.equal(cache.missing({ from: 450, count: 40 }), undefined);
    assert.deepEqual(cache.missing({ from: 580, count: 40 }), { from: 600, count: 200 });
  });

  it('are asked for from where they are missing', () => {
    const cache = cacheOf(1000);
    cache.put(1, 400, rows(400, 30), nowhere);
    assert.deepEqual(cache.missing({ from: 410, count: 40 }), { from: 430, count: 170 });
  });

  it('are asked for again when the last one can have grown', () => {
    const cache = cacheOf(10);
    cache.put(1, 0, rows(0, 10), nowhere);
    assert.equal(cache.missing(nowhere), undefined);
    cache.update({ revision: 1, rowCount: 11, ended: false });
    assert.deepEqual(cache.missing(nowhere), { from: 9, count: 2 });
    cache.put(1, 9, rows(9, 2, '!'), nowhere);
    assert.equal(cache.get(9)?.text, '9!');
    cache.update({ revision: 1, rowCount: 11, ended: true });
    assert.deepEqual(cache.missing(nowhere), { from: 10, count: 1 });
    cache.put(1, 10, rows(10, 1), nowhere);
    assert.equal(cache.missing(nowhere), undefined);
  });

  it('are thrown away when the output was cut back, and do not come back late', () => {
    const cache = cacheOf(10);
    cache.put(1, 0, rows(0, 10), nowhere);
    cache.update({ revision: 2, rowCount: 5, ended: false });
    assert.equal(cache.size, 0);
    cache.put(1, 0, rows(0, 10), nowhere);
    assert.equal(cache.size, 0);
    cache.put(2, 0, rows(0, 5, 'new'), nowhere);
    assert.equal(cache.get(0)?.text, '0new');
  });

  it('are few, however much was scrolled through, and always those in view', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(999_900), { maxLength: 40 }), places => {
        const cache = cacheOf(1_000_000);
        for (const from of places) {
          const view = { from, count: 60 };
          for (let asked = cache.missing(view), turns = 0; asked; asked = cache.missing(view)) {
            assert.ok(asked.count > 0 && asked.count <= 200 && asked.from + asked.count <= 1_000_000);
            cache.put(1, asked.from, rows(asked.from, asked.count), view);
            assert.ok(++turns <= 3, 'it asks in circles');
          }
          for (let row = from; row < from + 60; row++) assert.equal(cache.get(row)?.text, String(row));
          assert.ok(cache.size <= 4200);
        }
      }),
    );
  });
});
