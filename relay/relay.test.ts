import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { Harness, newRunId } from './testing/harness.ts';
import { HostRun } from './testing/host-run.ts';
import { until } from './testing/wait.ts';

describe('a relay', () => {
  it('passes an update on to the host, and what the host does back to who asked', async () => {
    await using harness = await Harness.start();
    const agent = await harness.agent('web');
    const operator = await harness.operator();
    const runId = newRunId();

    const reply = await operator.update('web', runId);
    assert.equal(reply.ok, true);
    assert.equal(reply.run?.delivery, 'queued');
    const asked = await agent.hear('update-agent');
    assert.equal(asked.runId, runId);

    await operator.watch(runId, ['output', 'lock-before', 'lock-after']);
    const run = new HostRun(runId);
    run.event({ type: 'phase', phase: 'accepted' });
    agent.begin(run);
    run.event({ type: 'phase', phase: 'building' });
    run.write('hello\n');
    run.write('{"nodes":{}}', 'lock-before');
    agent.sendMore(run);
    await until('the first output', () => operator.bytes(runId).toString() === 'hello\n');
    run.write('world\n');
    run.end();
    agent.sendMore(run);

    await until('the end', () => operator.copy(runId).ended && operator.copy(runId, 'lock-before').ended);
    assert.equal(operator.bytes(runId).toString(), 'hello\nworld\n');
    assert.equal(operator.bytes(runId, 'lock-before').toString(), '{"nodes":{}}');
    await until('all events', () => operator.events.get(runId)?.length === 3);
    assert.deepEqual(operator.events.get(runId), run.events);
    const over = await operator.hear('run', ({ run }) => run.outcome !== undefined);
    assert.equal(over.run.outcome, 'succeeded');
    await agent.hear('events-ack', ({ seq }) => seq === 3);
    assert.deepEqual(operator.faults, []);
  });

  it('keeps a run for who comes later, also after a restart', async () => {
    await using harness = await Harness.start();
    const runId = newRunId();
    const run = new HostRun(runId);
    run.event({ type: 'phase', phase: 'building' });
    for (let i = 0; i < 300; i++) run.write(Buffer.alloc(1000, i));
    run.end();
    const agent = await harness.agent('web', { runs: [run] });
    await agent.hear('events-ack', ({ seq }) => seq === 2);
    const early = await harness.operator();
    await early.watch(runId);
    await until('everything', () => early.copy(runId).ended);

    await harness.restart();
    const late = await harness.operator('bea');
    const reply = await late.watch(runId);
    assert.equal(reply.run?.requestedBy, 'unknown');
    await until('everything', () => late.copy(runId).ended);
    assert.ok(late.bytes(runId).equals(run.bytes()));
    assert.deepEqual(late.events.get(runId), run.events);
  });
});
