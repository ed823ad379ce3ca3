import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { RunSummary } from '../../protocol/index.ts';
import { ENGLISH } from '../base/locale.ts';
import { anEndedRun, aRun, MINUTE, NOW } from '../fleet/samples.ts';
import { outcomeText, summaryText } from './outcome-words.ts';

const says = (run: RunSummary): string => outcomeText(run, ENGLISH).text;
const reason = { kind: 'build', message: 'hello.drv failed to build.', advice: 'See its log.' };

describe('how a run went, in words', () => {
  it('names host, versions and time of a success', () => {
    const run = anEndedRun(1, {
      versionBefore: '2.3.0',
      versionAfter: '2.4.0',
      requestedAt: NOW - 3 * MINUTE,
      endedAt: NOW,
    });
    assert.equal(says(run), 'web was updated: agent 2.3.0 → 2.4.0 in 3 min.');
    assert.equal(says({ ...run, versionAfter: '2.3.0' }), 'web was updated in 3 min; its agent stays 2.3.0.');
  });

  it('says that there was nothing to update', () => {
    const run = anEndedRun(1, { changed: false, versionBefore: '2.3.0', versionAfter: '2.3.0' });
    assert.equal(says(run), 'web is up to date: there was nothing to update, its agent stays 2.3.0.');
  });

  it('names phase, reason and what to do of a failure', () => {
    const run = anEndedRun(1, { outcome: 'failed', phase: 'building', reason });
    assert.deepEqual(outcomeText(run, ENGLISH), {
      severity: 'error',
      text: 'Updating web failed while building. The host is as it was before. Reason: hello.drv failed to build. See its log.',
    });
    assert.match(
      says({ ...run, outcome: 'rolled-back', phase: 'confirming' }),
      /failed while confirming; it runs its old generation again\. Reason: hello/,
    );
    assert.match(says({ ...run, outcome: 'inconsistent' }), /not everything could be put back/);
  });

  it('tells apart what never began', () => {
    assert.match(
      says(aRun(1, { delivery: 'refused', seq: 0, reason })),
      /^web refused the update\. Reason: hello\.drv/,
    );
    assert.match(
      says(aRun(1, { delivery: 'expired', seq: 0 })),
      /expired before the host came online\. It was not touched/,
    );
    assert.equal(says(aRun(1, { delivery: 'cancelled', seq: 0 })), 'Updating web was cancelled.');
  });
});

describe('how several runs went', () => {
  it('is one sentence that names those that need somebody', () => {
    const runs = [
      anEndedRun(1, { host: 'a' }),
      anEndedRun(2, { host: 'b', outcome: 'failed', phase: 'building' }),
      anEndedRun(3, { host: 'c', outcome: 'cancelled' }),
      aRun(4, { host: 'd', delivery: 'queued', seq: 0 }),
    ];
    assert.deepEqual(summaryText(runs, ENGLISH), {
      severity: 'error',
      text: '1 of 4 hosts updated; b: failed while building; 1 cancelled; 1 waiting for their host.',
    });
    assert.deepEqual(summaryText(runs.slice(0, 1), ENGLISH), { severity: 'info', text: '1 of 1 hosts updated.' });
  });
});
