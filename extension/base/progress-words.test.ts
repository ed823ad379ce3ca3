import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { ENGLISH, translated } from './locale.ts';
import { bytesAmountText, bytesText, progressSentence, progressText } from './progress-words.ts';

const builds = { done: 3, total: 7 };
const downloads = { done: 1, total: 4 };
const bytes = { done: 12_345_678, total: 90_100_000 };

describe('the words for how far a build is', () => {
  it('say how much of how much, as far as that is known', () => {
    assert.equal(bytesAmountText(bytes, ENGLISH), '12.3 of 90.1 MB');
    assert.equal(bytesAmountText({ done: 4096 }, ENGLISH), '4 kB');
    assert.equal(bytesText(2_500_000_000, translated('de', {})), '2,5 GB');
    assert.equal(bytesText(-20_275, ENGLISH), '-20 kB');
  });

  it('are about downloads until something is built', () => {
    const of = (more: object): string | undefined => progressText({ now: [], more: 0, ...more }, ENGLISH);
    assert.equal(of({}), undefined);
    assert.equal(of({ builds }), '3 of 7 built');
    assert.equal(of({ builds: { done: 0, total: 7 }, downloads }), '1 of 4 downloaded');
    assert.equal(of({ builds, downloads }), '3 of 7 built');
    assert.equal(of({ builds: { done: 0, total: 7 }, downloads: { done: 4, total: 4 } }), '0 of 7 built');
  });

  it('change a row no more often than somebody cares, and say that all is done', () => {
    const of = (done: number): string | undefined =>
      progressText({ builds: { done, total: 400 }, now: [], more: 0 }, ENGLISH);
    assert.deepEqual(
      [of(9), of(10), of(399), of(400)],
      ['0 of 400 built', '10 of 400 built', '390 of 400 built', '400 of 400 built'],
    );
  });

  it('name in a sentence what is at work', () => {
    const now = [{ kind: 'build' as const, name: 'hello-2.12.1' }];
    assert.equal(
      progressSentence({ builds, downloads, bytes, now, more: 2 }, ENGLISH),
      '3 of 7 built · 12.3 of 90.1 MB downloaded · hello-2.12.1',
    );
    assert.equal(progressSentence({ now: [], more: 0 }, ENGLISH), undefined);
  });
});
