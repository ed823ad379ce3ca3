import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { randomFrom } from './random.ts';
import { deedOf, nextDeed, wordOf } from './soak-plan.ts';

const words = (seed: number, count: number): string[] => {
  const random = randomFrom(seed);
  return Array.from({ length: count }, () => wordOf(nextDeed(random)));
};

describe('the soak', () => {
  it('does the same for the same seed, and something else for another', () => {
    assert.deepEqual(words(7, 50), words(7, 50));
    assert.notDeepEqual(words(7, 50), words(8, 50));
  });

  it('comes through every fault in time', () => {
    const faults = new Set(words(1, 2000).map(word => word.split('/')[1]));
    assert.equal(faults.size, 17);
  });

  it('plays again what it said it did', () => {
    for (const word of words(3, 500)) assert.equal(wordOf(deedOf(word)), word);
  });

  it('says what there is where a word means nothing', () => {
    assert.throws(() => deedOf('building/lightning'), /there is no fault lightning; there are kill-agent/);
    assert.throws(() => deedOf('sleeping/kill-agent'), /there is no phase sleeping/);
    assert.throws(() => deedOf('queued/kill-runner'), /means nothing: there is no runner yet/);
  });
});
