import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { durationText, RemoteClock, timeFormats } from './time.ts';

describe('durations', () => {
  it('have tenths only when they are short and over', () => {
    assert.equal(durationText(0, true, 'en'), '0.0 s');
    assert.equal(durationText(449, true, 'en'), '0.4 s');
    assert.equal(durationText(449, false, 'en'), '0 s');
    assert.equal(durationText(9999, true, 'en'), '9.9 s');
    assert.equal(durationText(9999, true, 'de'), '9,9 s');
  });

  it('are in the two units that matter', () => {
    assert.equal(durationText(59_999, true, 'en'), '59 s');
    assert.equal(durationText(60_000, true, 'en'), '1 min 00 s');
    assert.equal(durationText(3_599_999, true, 'en'), '59 min 59 s');
    assert.equal(durationText(7_620_000, false, 'en'), '2 h 07 min');
  });

  it('are never negative', () => {
    assert.equal(durationText(-5000, false, 'en'), '0 s');
  });
});

describe('the extension’s clock', () => {
  it('goes on from what was heard', () => {
    const clock = new RemoteClock();
    clock.set(1_000_000, 50);
    assert.equal(clock.now(1050), 1_001_000);
  });

  it('stand still while nobody knows how things are, and have not lost anything then', () => {
    const clock = new RemoteClock();
    clock.set(1_000_000, 50);
    clock.standAt(999_000);
    clock.set(1_002_000, 2050);
    assert.equal(clock.now(3050), 999_000);
    clock.standAt(null);
    assert.equal(clock.now(3050), 1_003_000);
  });
});

describe('times', () => {
  it('of day are always as long', () => {
    const { clock } = timeFormats('en');
    assert.equal(clock(new Date(2025, 0, 1, 4, 5, 6).getTime()), '04:05:06');
    assert.equal(clock(new Date(2025, 0, 1, 0, 0, 0).getTime()), '00:00:00');
  });
});
