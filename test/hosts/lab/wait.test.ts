import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { eventually } from './wait.ts';

describe('Waiting for a condition', () => {
  it('returns what the condition gives as soon as it holds', async () => {
    let looks = 0;
    assert.equal(await eventually(() => ++looks > 2 && looks, { what: 'the third look', interval: 1 }), 3);
  });

  it('takes an exception for "not yet", and names the last one when time is up', async () => {
    const never = () => Promise.reject(new Error('no such file'));
    await assert.rejects(eventually(never, { what: 'a file', deadline: 20, interval: 1 }), (error: Error) => {
      assert.match(error.message, /in vain for a file/);
      assert.match(String(error.cause), /no such file/);
      return true;
    });
  });

  it('looks at least once, whatever the deadline', async () => {
    assert.equal(await eventually(() => 'there', { what: 'it', deadline: 0 }), 'there');
  });
});
