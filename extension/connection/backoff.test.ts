import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { DELAY_CAP, FIRST_DELAY, retryDelay } from './backoff.ts';

describe('the wait before a retry', () => {
  it('doubles from attempt to attempt', () => {
    assert.deepEqual(
      [0, 1, 2, 3].map(attempt => retryDelay(attempt, 0.999999).toFixed(0)),
      [1, 2, 4, 8].map(factor => (FIRST_DELAY * factor).toFixed(0)),
    );
  });

  it('is spread over the whole range also beyond the cap', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 8, max: 2000 }),
        fc.double({ min: 0, max: 0.999999, noNaN: true }),
        (attempt, random) => {
          assert.equal(retryDelay(attempt, random), random * DELAY_CAP);
        },
      ),
    );
  });
});
