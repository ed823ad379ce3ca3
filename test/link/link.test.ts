import assert from 'node:assert/strict';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { describe, it } from 'mocha';
import { plannedOutput, type FakePlan } from '../../agent/testing/fake-runner.ts';
import { RefusedError, type WatchedRun } from '../support/operator.ts';
import { LinkRig } from './rig.ts';

/** What an operator has is what the run directory has, and what was meant to be written. */
function assertWhole(rig: LinkRig, run: WatchedRun, plan: FakePlan): void {
  assert.ok(run.bytes('output').equals(rig.runFile(run.runId, 'output.log')), 'output as in the run directory');
  assert.equal(run.output.length, plannedOutput(plan).length);
  assert.ok(run.output === plannedOutput(plan), 'output as planned');
  assert.deepEqual(
    run.events.map(event => event.seq),
    run.events.map((_, index) => index + 1),
  );
  const journal = rig.runFile(run.runId, 'journal.ndjson').toString().trimEnd().split('\n');
  assert.deepEqual(
    run.events,
    journal.map(line => JSON.parse(line) as unknown),
  );
}

describe('agent, relay and operator', function () {
  this.timeout(60_000);

  it('carry a run to the byte, lock files included', async () => {
    await using rig = await LinkRig.start();
    const plan: FakePlan = {
      lockBefore: '{"lock":"before"}',
      lockAfter: '{"lock":"after"}',
      steps: [
        { text: 'line # \u001b[31mred\u001b[0m \r\n', times: 3000 },
        { text: 'x'.repeat(5_000_000), times: 1 },
      ],
    };
    rig.plan(plan);
    await using operator = await rig.operator();
    const run = await operator.finished(await operator.update('web'));
    assertWhole(rig, run, plan);
    assert.equal(run.bytes('lock-before').toString(), plan.lockBefore);
    assert.equal(run.bytes('lock-after').toString(), plan.lockAfter);
  });

  it('lose and repeat nothing when agent and relay are killed again and again', async () => {
    await using rig = await LinkRig.start();
    const plan: FakePlan = {
      steps: [
        { text: 'line # of a build that takes its time\n', times: 6000, chunk: 10, pause: 5 },
        { text: 'last\n', times: 1, waitFor: rig.join('go') },
      ],
    };
    rig.plan(plan);
    await using operator = await rig.operator();
    const run = await operator.watch(await operator.update('web'));
    const more = async () => {
      const had = run.bytes('output').length;
      await operator.waitFor('more output', () => run.bytes('output').length > had);
    };
    await more();
    await rig.kill('agent');
    await rig.startAgent();
    await more();
    await rig.kill('relay');
    await rig.startRelay();
    await more();
    await Promise.all([rig.kill('agent'), rig.kill('relay')]);
    await rig.startAgent();
    await rig.startRelay();
    await operator.waitFor('the end of the output', () => run.output.endsWith('last\n'));
    rig.signal('go');
    await operator.finished(run.runId);
    assertWhole(rig, run, plan);
    assert.ok(!run.events.some(event => event.type === 'resumed'), 'the runner noticed nothing');
  });

  it('refill the history of a relay that lost its disk', async () => {
    await using rig = await LinkRig.start();
    const plan: FakePlan = { lockBefore: 'a', steps: [{ text: 'line #\n', times: 2000 }] };
    rig.plan(plan);
    const runs = [];
    {
      await using operator = await rig.operator();
      for (let i = 0; i < 2; i++) runs.push((await operator.finished(await operator.update('web'))).runId);
    }
    await rig.kill('relay');
    renameSync(rig.join('relay'), rig.join('lost'));
    await rig.startRelay();
    await rig.enroll();
    await using operator = await rig.operator();
    for (const runId of runs) {
      await operator.waitFor('the relay to hear of the run', () => operator.runs.has(runId));
      assertWhole(rig, await operator.finished(runId), plan);
    }
    const listed = await operator.ask({ type: 'list-runs', host: 'web', limit: 10 });
    assert.deepEqual(
      listed.runs?.map(run => run.runId),
      [...runs].reverse(),
    );
  });

  it('keep a request for a host that is away', async () => {
    await using rig = await LinkRig.start();
    const plan: FakePlan = { steps: [{ text: 'x\n', times: 1 }] };
    rig.plan(plan);
    await using operator = await rig.operator();
    assert.equal(await rig.kill('agent', 'SIGTERM'), 0, 'the agent goes down in order');
    await operator.waitFor('the host to be offline', () => operator.hosts.get('web')?.online === false);
    const runId = await operator.update('web');
    assert.equal(operator.runs.get(runId)?.delivery, 'queued');
    await rig.startAgent();
    assertWhole(rig, await operator.finished(runId), plan);
  });

  it('refuse a second run while one is at work, and say which', async () => {
    await using rig = await LinkRig.start();
    rig.plan({ steps: [{ text: 'x\n', times: 1, waitFor: rig.join('go') }] });
    await using operator = await rig.operator();
    const first = await operator.update('web');
    await operator.waitFor('the run to begin', () => operator.runs.get(first)?.delivery === 'begun');
    const refusal = await operator.update('web').then(
      async second => {
        await operator.waitFor('the refusal', () => operator.runs.get(second)?.delivery === 'refused');
        return operator.runs.get(second)?.reason;
      },
      (error: unknown) => (error as RefusedError).reason,
    );
    assert.equal(refusal?.kind, 'busy');
    assert.match(refusal.message, new RegExp(first));
    rig.signal('go');
    await operator.finished(first);
  });

  it('say what becomes of a wish to cancel', async () => {
    await using rig = await LinkRig.start();
    rig.plan({ steps: [{ text: 'x\n', times: 1, waitFor: rig.join('go') }] });
    await using operator = await rig.operator();
    const runId = await operator.update('web');
    await operator.waitFor('the run to begin', () => (operator.runs.get(runId)?.seq ?? 0) > 0);
    const reply = await operator.ask({ type: 'cancel', runId });
    assert.match(reply.message ?? '', /puts the checkout back/);
    assert.ok(existsSync(rig.join('state/inbox', `${runId}.cancel`)));
    rig.signal('go');
    await operator.finished(runId);
    await assert.rejects(operator.ask({ type: 'cancel', runId }), RefusedError);
  });

  it('part when the token is revoked, and meet again with a new one', async () => {
    await using rig = await LinkRig.start();
    await using operator = await rig.operator();
    await rig.relayVerb('revoke', 'host', 'web');
    await operator.waitFor('the agent to be told', () =>
      /revoked this host's token|rejected this host's token/.test(rig.agentLog),
    );
    await rig.enroll();
    await operator.waitFor('the agent to be back', () => operator.hosts.get('web')?.online);
  });

  it('carry 200 MB, equal to the byte, and print what agent and relay grow by', async () => {
    await using rig = await LinkRig.start();
    const megabytes = 200;
    const plan: FakePlan = { steps: [{ text: 'y'.repeat(127) + '\n', times: megabytes * 8192, chunk: 8192 }] };
    await using operator = await rig.operator();
    // the first run warms both up
    rig.plan({ steps: [{ text: 'x'.repeat(1023) + '\n', times: 4096 }] });
    await operator.finished(await operator.update('web'));
    rig.plan(plan);
    const before = { agent: rig.memory('agent'), relay: rig.memory('relay') };
    const most = { ...before };
    const sampling = setInterval(() => {
      for (const which of ['agent', 'relay'] as const) most[which] = Math.max(most[which], rig.memory(which));
    }, 50);
    const run = await operator.finished(await operator.update('web'));
    clearInterval(sampling);
    assert.equal(run.bytes('output').length, megabytes * 1024 * 1024);
    assert.ok(run.bytes('output').equals(rig.runFile(run.runId, 'output.log')));
    const grown = (which: 'agent' | 'relay') => Math.round((most[which] - before[which]) / 1024 / 1024);
    console.log(`      ${megabytes} MB of output: agent +${grown('agent')} MB, relay +${grown('relay')} MB`);
    rmSync(rig.join('state/runs', run.runId), { recursive: true });
  });
});
