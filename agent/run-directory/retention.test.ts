import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { ulid } from 'ulid';
import type { RunId } from '../../protocol/index.ts';
import { runPaths } from './layout.ts';
import { expiredRuns, KEPT_FOR, KEPT_RUNS, removeExpiredRuns, type EndedRun } from './retention.ts';

const now = Date.UTC(2026, 5, 1);
const day = 24 * 3_600_000;
const run = (age: number, leftLock: EndedRun['leftLock'] = 'no'): EndedRun => ({
  // asked for by somebody whose clock says anything
  runId: ulid(Math.floor(Math.random() * 2 * now)) as RunId,
  at: now - age,
  leftLock,
});

describe('how long runs are kept', () => {
  it('keeps the newest, for a while', () => {
    const runs = Array.from({ length: KEPT_RUNS + 3 }, (_, i) => run(i * 60_000));
    assert.deepEqual(
      expiredRuns(runs, now),
      runs.slice(KEPT_RUNS).map(({ runId }) => runId),
    );
    const old = run(KEPT_FOR + day);
    assert.deepEqual(expiredRuns([run(day), old], now), [old.runId]);
  });

  it('keeps the run whose lock may lie in the checkout, however many failed since and however long ago', () => {
    const failed = Array.from({ length: KEPT_RUNS }, (_, i) => run(i * 60_000));
    const [last, older] = [run(KEPT_FOR + day, 'surely'), run(KEPT_FOR + 2 * day, 'surely')];
    assert.deepEqual(expiredRuns([...failed, last, older], now), [older.runId]);
  });

  it('keeps it also when a later run may have left its own, or may not', () => {
    const perhaps = run(KEPT_FOR + day, 'perhaps');
    const surely = run(KEPT_FOR + 2 * day, 'surely');
    assert.deepEqual(expiredRuns([run(0), perhaps, surely], now), []);
  });

  it('goes by when runs were here, whatever the clock of whoever asked for them said', () => {
    const dir = mkdtempSync(join(tmpdir(), 'nixfleet-keep-'));
    const put = (claimed: number, here: number): RunId => {
      const runId = ulid(claimed) as RunId;
      mkdirSync(runPaths(dir, runId).dir, { recursive: true });
      const lines = ['phase', 'ended'].map((type, i) => ({ v: 1, seq: i + 1, at: here + i, type, outcome: 'failed' }));
      writeFileSync(runPaths(dir, runId).journal, lines.map(line => `${JSON.stringify(line)}\n`).join(''));
      return runId;
    };
    const refuse = (claimed: number, at: number): string => {
      const name = `${ulid(claimed)}.refused.json`;
      writeFileSync(join(dir, 'runs', name), JSON.stringify({ format: 1, at, kind: 'busy', message: 'x' }));
      return name;
    };
    put(now, now - KEPT_FOR - day);
    const fresh = put(now - 100 * KEPT_FOR, now - day);
    refuse(now, now - KEPT_FOR - day);
    const freshRefusal = refuse(now - 100 * KEPT_FOR, now - day);
    removeExpiredRuns(dir, now);
    assert.deepEqual(readdirSync(join(dir, 'runs')).sort(), [fresh, freshRefusal].sort());
    rmSync(dir, { recursive: true });
  });

  it('never removes a run that is not at its end', () => {
    const dir = mkdtempSync(join(tmpdir(), 'nixfleet-keep-'));
    const [dead, live] = [run(KEPT_FOR + day).runId, run(KEPT_FOR + 2 * day).runId];
    const event = (type: string): string => JSON.stringify({ v: 1, seq: 1, at: 1, type, outcome: 'failed' }) + '\n';
    for (const [runId, type] of [
      [dead, 'ended'],
      [live, 'phase'],
    ] as const) {
      mkdirSync(runPaths(dir, runId).dir, { recursive: true });
      writeFileSync(runPaths(dir, runId).journal, event(type));
    }
    const refusal = join(dir, 'runs', `${dead}.refused.json`);
    writeFileSync(refusal, '{}');
    utimesSync(refusal, 1, 1);
    removeExpiredRuns(dir, now);
    assert.deepEqual(readdirSync(join(dir, 'runs')), [live]);
    rmSync(dir, { recursive: true });
  });
});
