import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { START } from '../../protocol/index.ts';
import { newRunId } from '../testing/harness.ts';
import { GapGuard } from './gap-guard.ts';
import { openPositions, planResume } from './resume-plan.ts';

const runId = newRunId();
const stream = (size: number, ended: boolean, epoch = 0) => ({ epochs: [{ epoch, offset: 0 }], size, ended });
const at = (offset: number, epoch = 0) => ({ epoch, offset });

describe('what to ask a host for', () => {
  it('is everything that comes, of a run that goes on', () => {
    const plan = planResume(
      { runId, seq: 3, ended: false, streams: { output: at(10) } },
      { seq: 3, streams: { output: stream(10, false) } },
    );
    assert.deepEqual(plan, {
      resume: { afterSeq: 3, streams: { output: at(10), 'lock-before': START, 'lock-after': START } },
      absent: [],
    });
  });

  it('leaves out streams that have ended', () => {
    const plan = planResume(
      { runId, seq: 3, ended: false, streams: { output: at(10), 'lock-before': at(5) } },
      { seq: 1, streams: { output: stream(10, false, 2), 'lock-before': stream(5, true) } },
    );
    assert.deepEqual(plan.resume?.streams, { output: at(10, 2), 'lock-after': START });
  });

  it('is nothing of a run that is over and complete', () => {
    const streams = { output: stream(10, true), 'lock-before': stream(5, true), 'lock-after': stream(0, true) };
    const listed = {
      runId,
      seq: 3,
      ended: true,
      streams: { output: at(10), 'lock-before': at(5), 'lock-after': at(0) },
    };
    assert.deepEqual(planResume(listed, { seq: 3, streams }), { absent: [] });
    assert.deepEqual(planResume(listed, { seq: 2, streams }).resume, { afterSeq: 2, streams: {} });
  });

  it('is the end of a stream whose bytes are all there', () => {
    const plan = planResume(
      { runId, seq: 3, ended: true, streams: { output: at(10) } },
      { seq: 3, streams: { output: stream(10, false) } },
    );
    assert.deepEqual(plan.resume, { afterSeq: 3, streams: { output: at(10) } });
    assert.deepEqual(plan.absent, ['lock-before', 'lock-after']);
  });

  it('is nothing when the relay has more events than the host, which happens to hosts with an old disk', () => {
    assert.equal(planResume({ runId, seq: 1, ended: true, streams: {} }, { seq: 3, streams: {} }).resume, undefined);
  });

  it('is every open stream from where it is, after a gap', () => {
    assert.deepEqual(openPositions({ output: stream(7, false, 1), 'lock-before': stream(3, true) }), {
      output: at(7, 1),
      'lock-after': START,
    });
  });
});

describe('a gap', () => {
  it('is asked for once, and again when time has passed or something came', () => {
    const guard = new GapGuard();
    assert.equal(guard.shouldAsk('output', '0:5', 0), true);
    assert.equal(guard.shouldAsk('output', '0:5', 4999), false);
    assert.equal(guard.shouldAsk('lock', '0:5', 4999), true);
    assert.equal(guard.shouldAsk('output', '0:5', 5000), true);
    assert.equal(guard.shouldAsk('output', '0:9', 5001), true);
  });
});
