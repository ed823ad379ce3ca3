import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import { inboxPaths, statePaths } from '../run-directory/layout.ts';
import { AgentRig, newRunId } from '../testing/agent-rig.ts';
import { plannedOutput, type FakePlan } from '../testing/fake-runner.ts';

const lines = (times: number): FakePlan => ({
  lockBefore: '{"old":1}',
  lockAfter: '{"new":1}',
  steps: [{ text: 'line #\n', times }],
});

describe('an agent that comes up', function () {
  this.timeout(30_000);

  it('goes on where the one before stopped, while the runner works on', async () => {
    await using rig = await AgentRig.start();
    const plan: FakePlan = {
      steps: [
        { text: 'a #\n', times: 500, waitFor: rig.signalFile('go') },
        { text: 'b #\n', times: 500 },
      ],
    };
    rig.plan(plan);
    const { runId } = await rig.ask();
    await rig.relay.until('output', () => rig.relay.bytes(runId).length > 0);
    await rig.stop();
    rig.signal('go');
    rig.serve();
    await rig.arrived(runId);
    assert.equal(rig.relay.bytes(runId).toString(), plannedOutput(plan));
    assert.ok(!rig.relay.copy(runId).events.some(event => event.type === 'resumed'));
  });

  it('launches a runner again that was killed meanwhile', async () => {
    await using rig = await AgentRig.start();
    const plan: FakePlan = {
      steps: [
        { text: 'a #\n', times: 500, waitFor: rig.signalFile('go') },
        { text: 'b #\n', times: 500 },
      ],
    };
    rig.plan(plan);
    const { runId } = await rig.ask();
    const pid = await rig.runnerPid(runId);
    await rig.stop();
    process.kill(pid, 'SIGKILL');
    rig.signal('go');
    rig.serve();
    await rig.arrived(runId);
    assert.equal(rig.relay.bytes(runId).toString(), plannedOutput(plan));
    assert.ok(rig.relay.copy(runId).events.some(event => event.type === 'resumed'));
  });

  it('launches a runner again that is killed under its eyes', async () => {
    await using rig = await AgentRig.start();
    rig.plan({ steps: [{ text: 'a #\n', times: 500, waitFor: rig.signalFile('go') }] });
    const { runId } = await rig.ask();
    process.kill(await rig.runnerPid(runId), 'SIGKILL');
    rig.signal('go');
    await rig.arrived(runId);
    assert.ok(rig.logged(/is gone in phase accepted; launching another/));
  });

  it('starts what waits in the inbox', async () => {
    await using rig = await AgentRig.prepare({ plan: lines(3) });
    const envelope = rig.request();
    mkdirSync(statePaths(rig.config.stateDir).inbox, { recursive: true });
    writeFileSync(
      inboxPaths(rig.config.stateDir, envelope.runId).request,
      JSON.stringify({ format: 1, envelope, broughtBy: 'local', receivedAt: 1 }),
    );
    writeFileSync(rig.folder.join('state', 'inbox', 'rubbish.json'), '{');
    rig.serve();
    await rig.arrived(envelope.runId);
    assert.equal(rig.relay.bytes(envelope.runId).toString(), plannedOutput(lines(3)));
  });

  it('is there in spite of journals that cannot be read, and says so', async () => {
    await using rig = await AgentRig.prepare({ plan: lines(3) });
    const good = newRunId();
    const bad = newRunId();
    for (const [runId, journal] of [
      [bad, '\0\0\0\0\n'],
      [
        good,
        `${JSON.stringify({ v: 1, seq: 1, at: 1, type: 'ended', outcome: 'failed', changed: false, after: {} })}\n`,
      ],
    ] as const) {
      mkdirSync(rig.paths(runId).dir, { recursive: true });
      writeFileSync(rig.paths(runId).journal, journal);
      writeFileSync(rig.paths(runId).output, 'what there is');
    }
    mkdirSync(rig.paths(newRunId()).journal, { recursive: true });
    mkdirSync(rig.folder.join('state', 'runs', 'lost+found'));
    rig.serve();
    await rig.arrived(good);
    assert.equal(rig.relay.bytes(good).toString(), 'what there is');
    assert.ok(rig.logged(new RegExp(`journal of run ${bad} is damaged`)));
  });
});
