import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { planPublish, type PublishFacts } from './publish-plan.ts';

const facts: PublishFacts = {
  lock: 'ours',
  lockBefore: 'before',
  lockAtTip: 'before',
  own: undefined,
  headInTip: true,
  tipInHead: true,
};
const kind = (more: Partial<PublishFacts>): string => planPublish({ ...facts, ...more }).kind;

describe('what becomes of a lock', () => {
  it('is pushed onto upstream as it was, also where upstream has more commits or no lock yet', () => {
    assert.equal(kind({}), 'push');
    assert.equal(kind({ tipInHead: false }), 'push');
    assert.equal(kind({ lockBefore: undefined, lockAtTip: undefined }), 'push');
  });

  it('is done when upstream has the run’s commit, whatever came after it', () => {
    assert.deepEqual(planPublish({ ...facts, own: 'abc', lockAtTip: 'later', headInTip: false }), {
      kind: 'pushed',
      rev: 'abc',
    });
  });

  it('is done when upstream holds the same lock, wherever the checkout is', () => {
    assert.equal(kind({ lockAtTip: 'ours', headInTip: false, tipInHead: false }), 'held');
  });

  it('is left alone when upstream has another lock, or none any more', () => {
    assert.equal(kind({ lockAtTip: 'theirs' }), 'leave');
    assert.equal(kind({ lockAtTip: undefined }), 'leave');
    assert.equal(kind({ lockBefore: undefined, lockAtTip: 'theirs' }), 'leave');
  });

  it('is left alone when the checkout has commits that upstream lacks', () => {
    assert.equal(kind({ headInTip: false }), 'leave');
    assert.equal(kind({ headInTip: false, tipInHead: false }), 'leave');
  });
});
