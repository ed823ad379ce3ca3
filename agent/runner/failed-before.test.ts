import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { ulid } from 'ulid';
import { INITIAL_RUN, runIdSchema, type Outcome } from '../../protocol/index.ts';
import { failedToConfirm, type EarlierRun } from './failed-before.ts';

const BAD = 'b'.repeat(40);
const OTHER = 'c'.repeat(40);

function run(rev: string, outcome: Outcome, kind?: string): EarlierRun {
  return {
    runId: runIdSchema.parse(ulid()),
    state: {
      ...INITIAL_RUN,
      lock: { input: 'nixfleet', after: { rev }, changed: true },
      end: {
        at: 1,
        outcome,
        changed: outcome === 'succeeded',
        after: {},
        phase: 'confirming',
        ...(kind !== undefined && { reason: { kind, message: 'it was not proven' } }),
      },
    },
  };
}

describe('a revision that was not proven', () => {
  const failed = run(BAD, 'rolled-back', 'agent-not-confirmed');

  it('is remembered, whatever happened to others since', () => {
    assert.equal(failedToConfirm([run(OTHER, 'succeeded'), failed], BAD), failed);
    assert.equal(failedToConfirm([run(BAD, 'failed', 'failed-before'), failed], BAD), failed);
    assert.equal(failedToConfirm([run(BAD, 'failed', 'build'), failed], BAD), failed);
  });

  it('is remembered also where the way back failed', () => {
    const stuck = run(BAD, 'inconsistent', 'agent-not-confirmed');
    assert.equal(failedToConfirm([stuck], BAD), stuck);
  });

  it('is forgotten once it was proven', () => {
    assert.equal(failedToConfirm([run(BAD, 'succeeded'), failed], BAD), undefined);
  });

  it('is not one that failed for another reason: power, a person, a build', () => {
    for (const kind of ['power-loss', 'cancelled', 'build', 'interrupted'])
      assert.equal(failedToConfirm([run(BAD, 'rolled-back', kind)], BAD), undefined);
    assert.equal(failedToConfirm([failed], OTHER), undefined);
  });
});
