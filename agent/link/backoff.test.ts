import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import { retryDelay } from './backoff.ts';

const limits = { base: 1000, cap: 30_000, floor: 100 };

describe('the wait before the next try', () => {
  it('doubles with each failure up to the cap', () => {
    const longest = [1, 2, 3, 4, 5, 6, 7, 50].map(failures => retryDelay(limits, failures, 1));
    assert.deepEqual(longest, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  });

  it('spreads a fleet evenly over the whole cap, however often it has failed', () => {
    const delays = Array.from({ length: 1000 }, (_, host) => retryDelay(limits, 40, host / 1000));
    const perTenth = Array.from(
      { length: 10 },
      (_, tenth) => delays.filter(delay => Math.floor(delay / 3000) === tenth).length,
    );
    for (const count of perTenth) assert.ok(count >= 95 && count <= 105, String(perTenth));
  });

  it('never spins and never exceeds the cap', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (failures, random) => {
          const delay = retryDelay(limits, failures, random);
          assert.ok(delay >= limits.floor && delay <= limits.cap);
        },
      ),
    );
  });
});
