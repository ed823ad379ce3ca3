import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { nothing, onePassed, oneFailed, oneSkipped, sum, summary, withoutExcuses } from './tally.ts';

describe('the last line of npm test', () => {
  it('counts what passed and what failed', () => {
    assert.equal(summary(nothing), '0 passed, 0 failed');
    assert.equal(summary(sum([onePassed, oneFailed, onePassed])), '2 passed, 1 failed');
  });

  it('speaks of skipped tests only where there are some', () => {
    assert.equal(summary(sum([onePassed, oneSkipped('hosts', 'no root')])), '1 passed, 0 failed, 1 skipped');
  });

  it('takes no excuse where everything must run', () => {
    const tally = { passed: 3, failed: 1, skipped: [{ what: 'hosts', reason: 'no root', tests: 7 }] };
    assert.equal(summary(withoutExcuses(tally)), '3 passed, 8 failed');
  });
});
