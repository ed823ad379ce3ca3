import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import { isOver, type RunSummary } from '../../protocol/index.ts';
import { newRunId } from '../testing/harness.ts';
import { recordFromHost } from './record.ts';
import { DAY, runsToAdopt, runsToRemove } from './retention.ts';

const NOW = 1_800_000_000_000;

function run(at: number, isLive = false): RunSummary {
  const { summary } = recordFromHost(newRunId(at), 'web');
  return isLive ? summary : { ...summary, outcome: 'succeeded', endedAt: at };
}

describe('retention', () => {
  it('keeps the newest fifty', () => {
    const runs = Array.from({ length: 60 }, (_, i) => run(NOW - i * 1000));
    assert.deepEqual(
      runsToRemove(runs, NOW),
      runs.slice(50).map(({ runId }) => runId),
    );
  });

  it('keeps thirty days, and always the newest', () => {
    const runs = [run(NOW - 40 * DAY), run(NOW - 31 * DAY), run(NOW - 29 * DAY)];
    assert.deepEqual(runsToRemove(runs, NOW), [runs[1]!.runId, runs[0]!.runId]);
    assert.deepEqual(runsToRemove(runs.slice(0, 2), NOW), [runs[0]!.runId]);
  });

  it('keeps as much as it is told to', () => {
    const runs = [run(NOW - 3 * DAY), run(NOW - 2 * DAY), run(NOW - DAY), run(NOW)];
    const ids = runs.map(({ runId }) => runId);
    assert.deepEqual(runsToRemove(runs, NOW, { runs: 2, age: 100 * DAY }), [ids[1], ids[0]]);
    assert.deepEqual(runsToRemove(runs, NOW, { runs: 100, age: 2.5 * DAY }), [ids[0]]);
    assert.deepEqual(runsToAdopt([], ids, NOW, { runs: 2, age: 100 * DAY }), [ids[3], ids[2]]);
  });

  it('counts from the end of a run', () => {
    const long = { ...run(NOW - 31 * DAY), endedAt: NOW - DAY };
    assert.deepEqual(runsToRemove([long, run(NOW)], NOW), []);
  });

  const runs = fc
    .array(fc.record({ age: fc.nat(60 * DAY), isLive: fc.boolean() }), { maxLength: 80 })
    .map(list => list.map(({ age, isLive }) => run(NOW - age, isLive)));

  it('never touches a run that is not over, nor the newest, and is done after one time', () => {
    fc.assert(
      fc.property(runs, all => {
        const removed = new Set(runsToRemove(all, NOW));
        const kept = all.filter(({ runId }) => !removed.has(runId));
        for (const summary of all) if (!isOver(summary)) assert.ok(!removed.has(summary.runId));
        assert.equal(kept.length === 0, all.length === 0);
        assert.deepEqual(runsToRemove(kept, NOW), []);
        assert.ok(kept.filter(isOver).length <= 50);
      }),
    );
  });

  it('takes nothing from a host that it would throw away', () => {
    fc.assert(
      fc.property(runs, runs, (known, offered) => {
        const ended = offered.filter(isOver);
        const adopted = new Set(
          runsToAdopt(
            known.map(({ runId }) => runId),
            ended.map(({ runId }) => runId),
            NOW,
          ),
        );
        const after = [...known, ...ended.filter(({ runId }) => adopted.has(runId))];
        const removed = runsToRemove(after, NOW);
        assert.deepEqual(
          removed.filter(id => adopted.has(id)),
          [],
        );
      }),
    );
  });
});
