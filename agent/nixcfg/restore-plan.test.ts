import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { planRestore, type RestoreFacts } from './restore-plan.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const base: RestoreFacts = {
  recorded: { head: 'old', branch: 'main', lock: bytes('recorded') },
  now: { head: 'old', branch: 'main', lock: bytes('recorded') },
  lockAtHead: bytes('recorded'),
  ownLocks: [],
  lockInFlight: false,
};

describe('putting a checkout back', () => {
  it('does nothing when nothing happened', () => {
    assert.deepEqual(planRestore(base), { lockToHead: false, lock: 'keep', left: [] });
  });

  it('takes back what the run pulled and locked', () => {
    const plan = planRestore({
      ...base,
      now: { head: 'new', branch: 'main', lock: bytes('ours') },
      pulledTo: 'new',
      lockAtHead: bytes('new'),
      ownLocks: [bytes('ours')],
    });
    assert.deepEqual(plan, { lockToHead: true, resetTo: 'old', lock: 'recorded', left: [] });
  });

  it('puts the lock of an earlier run back that was taken out of the way of the pull', () => {
    const earlier = { head: 'old', branch: 'main', lock: bytes('earlier run') };
    const plan = planRestore({ ...base, recorded: earlier, now: { ...earlier, lock: bytes('recorded') } });
    assert.equal(plan.lock, 'recorded');
  });

  it('leaves a person’s lock alone, and says so', () => {
    const plan = planRestore({ ...base, now: { ...base.now, lock: bytes('person') }, ownLocks: [bytes('ours')] });
    assert.equal(plan.lock, 'keep');
    assert.equal(plan.lockToHead, false);
    assert.match(plan.left.join(), /flake.lock was changed by somebody else/);
  });

  it('leaves HEAD where a person moved it, and takes its own lock out of there', () => {
    const plan = planRestore({
      ...base,
      now: { head: 'person', branch: 'main', lock: bytes('ours') },
      pulledTo: 'new',
      lockAtHead: bytes('theirs'),
      ownLocks: [bytes('ours')],
    });
    assert.equal(plan.resetTo, undefined);
    assert.equal(plan.lockToHead, true);
    assert.equal(plan.lock, 'keep');
    assert.match(plan.left.join(), /HEAD is at person/);
  });

  it('does not reset another branch that happens to be at the pulled revision', () => {
    const plan = planRestore({
      ...base,
      now: { head: 'new', branch: 'other', lock: bytes('new') },
      lockAtHead: bytes('new'),
      pulledTo: 'new',
    });
    assert.equal(plan.resetTo, undefined);
    assert.equal(plan.lock, 'keep');
  });

  it('knows a half-written lock as its own only while nix was at work on it', () => {
    const torn = { ...base, now: { ...base.now, lock: bytes('{"nod') } };
    assert.equal(planRestore(torn).lock, 'keep');
    assert.equal(planRestore({ ...torn, lockInFlight: true }).lock, 'recorded');
  });

  it('removes a lock that was not there before', () => {
    const plan = planRestore({
      ...base,
      recorded: { head: 'old', branch: 'main' },
      lockAtHead: undefined,
      now: { head: 'old', branch: 'main', lock: bytes('ours') },
      ownLocks: [bytes('ours')],
    });
    assert.equal(plan.lock, 'recorded');
  });
});
