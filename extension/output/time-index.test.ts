import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { TimeIndex } from './time-index.ts';

describe('the time index', () => {
  it('knows when bytes were written', () => {
    const times = new TimeIndex();
    times.note(0, 1000);
    times.note(50, 2000);
    assert.deepEqual(
      [0, 49, 50, 1e9].map(offset => times.at(offset)),
      [1000, 1000, 2000, 2000],
    );
  });

  it('does not know about bytes before its first mark', () => {
    const times = new TimeIndex();
    assert.equal(times.at(0), undefined);
    times.note(10, 1000);
    assert.equal(times.at(9), undefined);
  });

  it('keeps a mark for a tenth of a second, and one whenever the clock was set back', () => {
    const times = new TimeIndex();
    for (let i = 0; i < 10; i++) times.note(i, 1000 + i * 20);
    assert.equal(times.size, 2);
    times.note(10, 500);
    assert.equal(times.at(10), 500);
  });

  it('stays within its memory, and stays nearly right', () => {
    const times = new TimeIndex(64);
    for (let i = 0; i < 10_000; i++) times.note(i, i * 1000);
    assert.ok(times.size <= 64);
    for (let i = 0; i < 10_000; i += 100) assert.ok(Math.abs((times.at(i) ?? 0) - i * 1000) <= (10_000 / 32) * 1000);
  });

  it('forgets what is cut off', () => {
    const times = new TimeIndex();
    times.note(0, 1000);
    times.note(50, 2000);
    times.cut(50);
    times.note(50, 9000);
    assert.deepEqual(
      [49, 50].map(offset => times.at(offset)),
      [1000, 9000],
    );
  });

  it('comes back from its file, without what is torn, beyond the output or nonsense', () => {
    const times = new TimeIndex();
    for (let i = 0; i < 5; i++) times.note(i * 10, 1000 + i * 1000);
    const torn = Buffer.concat([times.encode(), Buffer.from([1, 2, 3])]);
    const back = new TimeIndex();
    back.decode(torn, 30);
    assert.deepEqual([back.size, back.at(20), back.at(999)], [3, 3000, 3000]);
    const nonsense = new TimeIndex();
    nonsense.decode(Buffer.alloc(64, 0xff), 1000);
    assert.equal(nonsense.size, 0);
  });
});
