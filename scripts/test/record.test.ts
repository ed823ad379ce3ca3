import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { outcomeOf, type RecordLine } from './record.ts';

const pass: RecordLine = { kind: 'pass', title: 'a' };
const fail: RecordLine = { kind: 'fail', title: 'b' };
const end: RecordLine = { kind: 'end' };
const skip: RecordLine = { kind: 'skip', title: 'c', suite: 'hosts', reason: 'no root' };
const record = (...lines: RecordLine[]) => lines.map(line => `${JSON.stringify(line)}\n`).join('');
const exit = (code: number) => ({ code, signal: null });

describe('the outcome of a mocha process', () => {
  it('is what its record counts, when it came to its end', () => {
    assert.deepEqual(outcomeOf(record(pass, fail, pass, end), exit(1)), {
      tally: { passed: 2, failed: 1, skipped: [] },
    });
  });

  it('names a skipped suite once, with how many tests it has', () => {
    assert.deepEqual(outcomeOf(record(skip, skip, end), exit(0)).tally.skipped, [
      { what: 'hosts', reason: 'no root', tests: 2 },
    ]);
  });

  it('is one failure more when the process was killed in the middle', () => {
    const { tally, trouble } = outcomeOf(record(pass), { code: null, signal: 'SIGKILL' });
    assert.deepEqual(tally, { passed: 1, failed: 1, skipped: [] });
    assert.equal(trouble, 'the tests broke off (ended by SIGKILL)');
  });

  it('is one failure more when the process says goodbye with exit code 0, but has not come to its end', () => {
    assert.equal(outcomeOf(record(pass), exit(0)).tally.failed, 1);
    assert.equal(outcomeOf('', exit(0)).tally.failed, 1);
  });

  it('is one failure more when the process failed and no test did', () => {
    assert.equal(outcomeOf(record(pass, end), exit(7)).tally.failed, 1);
  });

  it('does not fall over a line that was cut off', () => {
    assert.equal(outcomeOf(`${record(pass)}{"kind":"pa`, exit(1)).tally.passed, 1);
  });
});
