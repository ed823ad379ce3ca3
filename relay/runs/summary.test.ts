import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { AnyRunEvent } from '../../protocol/index.ts';
import { newRunId } from '../testing/harness.ts';
import { recordFromHost, timeOfRunId } from './record.ts';
import { clip } from './reason.ts';
import { foldSummary } from './summary.ts';

const manifest = (version: string) => ({ format: 1, storePath: '/nix/store/x', version, rev: 'r', protocol: 1 });

describe('the summary of a run', () => {
  it('follows its events', () => {
    const start = recordFromHost(newRunId(), 'web').summary;
    const events: AnyRunEvent[] = [
      { v: 1, seq: 1, at: 10, type: 'phase', phase: 'pulling' },
      { v: 1, seq: 2, at: 11, type: 'recorded', before: { agent: manifest('1.0.0') } },
      { v: 1, seq: 3, at: 12, type: 'never-heard-of-it' },
      { v: 1, seq: 4, at: 13, type: 'built', toplevel: '/nix/store/t', manifest: manifest('1.1.0') },
      { v: 1, seq: 5, at: 14, type: 'phase', phase: 'activating' },
    ];
    const building = foldSummary(start, events);
    assert.deepEqual(
      [building.seq, building.phase, building.phaseSince, building.versionBefore, building.versionAfter],
      [5, 'activating', 14, '1.0.0', '1.1.0'],
    );
    assert.deepEqual(foldSummary(building, events), building, 'the same again changes nothing');

    const failed = foldSummary(building, [
      {
        v: 1,
        seq: 6,
        at: 20,
        type: 'ended',
        outcome: 'rolled-back',
        changed: false,
        after: { agent: manifest('1.0.0') },
        reason: { kind: 'agent-not-proven', message: 'no hello' },
      },
    ]);
    assert.deepEqual(
      [failed.outcome, failed.changed, failed.endedAt, failed.versionAfter, failed.phase, failed.reason?.kind],
      ['rolled-back', false, 20, '1.0.0', 'activating', 'agent-not-proven'],
    );
  });

  it('does not claim a version that nobody has seen after the end', () => {
    const start = { ...recordFromHost(newRunId(), 'web').summary, versionAfter: '2.0.0' };
    const ended = { v: 1, seq: 1, at: 1, type: 'ended', outcome: 'failed', changed: false, after: {} };
    assert.equal(foldSummary(start, [ended]).versionAfter, undefined);
  });

  it('cuts long reasons short, so that a hundred summaries fit into a message', () => {
    const long = clip({ kind: 'k', message: 'm'.repeat(8192), advice: 'a'.repeat(8192) });
    assert.equal(long.message.length, 1024);
    assert.equal(long.advice?.length, 1024);
    assert.deepEqual(clip({ kind: 'k', message: 'short' }), { kind: 'k', message: 'short' });
  });

  it('takes the time of a run that a host brought from the run’s id', () => {
    const at = 1_795_000_000_123;
    assert.equal(timeOfRunId(newRunId(at)), at);
    assert.equal(recordFromHost(newRunId(at), 'web').summary.requestedAt, at);
  });
});
