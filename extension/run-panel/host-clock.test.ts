import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { HostClock } from './host-clock.ts';

describe('the clock of a host', () => {
  it('is taken for ours while nothing speaks against it', () => {
    const clock = new HostClock();
    assert.equal(clock.ahead, 0);
    clock.received(1000, 5000);
    clock.answered(9000, 5000);
    assert.equal(clock.ahead, 0);
  });

  it('is ahead when something comes from its future', () => {
    const clock = new HostClock();
    clock.received(3_605_000, 5000);
    clock.received(3_601_000, 5000);
    assert.equal(clock.ahead, 3_600_000);
  });

  it('is behind when it began before it was asked', () => {
    const clock = new HostClock();
    clock.answered(5000, 3_605_000);
    assert.equal(clock.ahead, -3_600_000);
  });

  it('is never so far behind that something would come before it was written', () => {
    const clock = new HostClock();
    clock.answered(5000, 99_000);
    clock.received(10_000, 6000);
    assert.equal(clock.ahead, 4000);
  });

  it('does not tremble with every message', () => {
    const clock = new HostClock();
    clock.received(5201, 5000);
    const { ahead } = clock;
    clock.received(5299, 5000);
    assert.equal(clock.ahead, ahead);
  });
});
