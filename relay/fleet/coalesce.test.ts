import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import { Coalescer } from './coalesce.ts';

describe('coalescing', () => {
  it('tells the first change at once and the next ones together, an interval later', () => {
    const changes = new Coalescer<string>(50);
    changes.changed('a');
    assert.ok((changes.nextDue() ?? 0) <= 100);
    assert.deepEqual(changes.take(100), ['a']);
    changes.changed('a');
    changes.changed('a');
    changes.changed('b');
    assert.deepEqual(changes.take(120), ['b']);
    assert.equal(changes.nextDue(), 150);
    assert.deepEqual(changes.take(149), []);
    assert.deepEqual(changes.take(150), ['a']);
    assert.equal(changes.nextDue(), undefined);
  });

  it('tells every key at most once in an interval, and its last change always', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ wait: fc.nat(60), key: fc.constantFrom('a', 'b', 'c') })), steps => {
        const changes = new Coalescer<string>(50);
        const told = new Map<string, number>();
        const open = new Set<string>();
        let now = 0;
        const take = () => {
          for (const key of changes.take(now)) {
            assert.ok(now - (told.get(key) ?? -Infinity) >= 50);
            assert.ok(open.delete(key), 'nothing is told that did not change');
            told.set(key, now);
          }
        };
        const takeUntil = (end: number) => {
          for (let due = changes.nextDue(); due !== undefined && due <= end; due = changes.nextDue()) {
            now = Math.max(now, due);
            take();
          }
          now = Math.max(now, end);
        };
        for (const { wait, key } of steps) {
          takeUntil(now + wait);
          changes.changed(key);
          open.add(key);
        }
        takeUntil(now + 50);
        assert.deepEqual([...open], []);
        assert.equal(changes.nextDue(), undefined);
      }),
    );
  });
});
