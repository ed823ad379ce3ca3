import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { ManualClock } from '../base/manual-clock.ts';
import { ListPace } from './list-pace.ts';

const rows = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

function paced(): { clock: ManualClock; pace: ListPace; drawn: () => number } {
  const clock = new ManualClock();
  let drawn = 0;
  return { clock, pace: new ListPace(clock, () => (drawn += 1)), drawn: () => drawn };
}

describe('when the list of hosts is drawn anew', () => {
  it('is at once while there are few', () => {
    const { pace, drawn } = paced();
    assert.equal(pace.give(rows(300)).length, 300);
    for (let i = 0; i < 3; i++) pace.changed(false);
    assert.equal(drawn(), 3);
  });

  it('begins with the first rows of many; the others follow by themselves', () => {
    const { clock, pace, drawn } = paced();
    assert.deepEqual(pace.give(rows(5000)), rows(100));
    assert.equal(drawn(), 0);
    clock.advance(1000);
    assert.equal(drawn(), 1);
    assert.equal(pace.give(rows(5000)).length, 5000);
    clock.advance(60_000);
    assert.equal(drawn(), 1);
  });

  it('is once in a while when many move again and again', () => {
    const { clock, pace, drawn } = paced();
    pace.give(rows(5000));
    clock.advance(1000);
    pace.give(rows(5000));
    for (let i = 0; i < 100; i++) {
      pace.changed(false);
      clock.advance(100);
    }
    assert.ok(drawn() >= 3 && drawn() <= 6, String(drawn()));
  });

  it('is at once when a person asked for it, and the wait is over with it', () => {
    const { clock, pace, drawn } = paced();
    pace.give(rows(5000));
    clock.advance(1000);
    pace.give(rows(5000));
    pace.changed(false);
    pace.changed(true);
    assert.equal(drawn(), 2);
    clock.advance(60_000);
    assert.equal(drawn(), 2);
  });

  it('begins anew after the list was empty, as with another relay', () => {
    const { clock, pace } = paced();
    pace.give(rows(5000));
    clock.advance(1000);
    pace.give(rows(5000));
    pace.give([]);
    assert.equal(pace.give(rows(5000)).length, 100);
  });

  it('is never after the view is gone', () => {
    const { clock, pace, drawn } = paced();
    pace.give(rows(5000));
    pace.dispose();
    clock.advance(60_000);
    assert.equal(drawn(), 0);
  });
});
