import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { hasSlept, LOOK_EVERY } from './sleep.ts';

describe('whether the machine slept', () => {
  const before = { steady: 1000, wall: 5_000_000 };
  const after = (steady: number, wall = steady): boolean =>
    hasSlept(before, { steady: before.steady + steady, wall: before.wall + wall });

  it('is not said of time that passed, nor of a timer that is a little late', () => {
    assert.equal(after(0), false);
    assert.equal(after(LOOK_EVERY), false);
    assert.equal(after(LOOK_EVERY + 2000), false);
  });

  it('shows in a timer that is very late, where its clock goes on in sleep', () => {
    assert.equal(after(8 * 3_600_000), true);
    assert.equal(after(LOOK_EVERY + 10_000), true);
  });

  it('shows in the clock on the wall, where that of the timers stands still', () => {
    assert.equal(after(LOOK_EVERY, 8 * 3_600_000), true);
    assert.equal(after(100, 10_000), true);
  });

  it('is not said when somebody sets the clock back', () => {
    assert.equal(after(LOOK_EVERY, -3_600_000), false);
  });
});
