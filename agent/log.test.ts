import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { plainLine } from './log.ts';

const entry = (more: object) => JSON.stringify({ level: 40, time: 0, msg: 'no link', ...more });

describe('a line of the log', () => {
  it('has time and level for people', () => {
    assert.equal(plainLine(entry({}), false), '1970-01-01T00:00:00.000Z warn  no link');
  });

  it('has its priority for the journal, on every line of it', () => {
    assert.equal(plainLine(entry({}), true), '<4>no link');
    assert.equal(plainLine(entry({ level: 50, msg: 'a\nb' }), true), '<3>a\n<3>  b');
  });

  it('has the fields behind the message', () => {
    assert.equal(plainLine(entry({ run: 'x', n: 1 }), true), '<4>no link run="x" n=1');
  });
});
