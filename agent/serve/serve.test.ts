import assert from 'node:assert/strict';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import { isRunning } from '../process.ts';
import { readAgentState } from '../run-directory/agent-state.ts';
import { inboxPaths, statePaths } from '../run-directory/layout.ts';
import { AgentRig, newRunId } from '../testing/agent-rig.ts';
import { FakeRelay } from '../testing/fake-relay.ts';
import { plannedOutput, type FakePlan } from '../testing/fake-runner.ts';
import { until } from '../testing/temporary.ts';

const lines = (times: number): FakePlan => ({
  lockBefore: '{"old":1}',
  lockAfter: '{"new":1}',
  steps: [{ text: 'line #\n', times }],
});

describe('an agent and its relay', function () {
  this.timeout(30_000);

  it('says who it is, what runs it has and how the host is, and writes down that it was greeted', async () => {
    await using rig = await AgentRig.start();
    const hello = await rig.relay.message('hello');
    assert.equal(hello.host, 'web');
    assert.equal(hello.agent.launcher, 'setsid');
    assert.deepEqual((await rig.relay.message('runs')).runs, []);
    const { status } = await rig.relay.message('status');
    assert.match(status.problems[0] ?? '', /holds no flake/);
    const state = readAgentState(statePaths(rig.config.stateDir).agent);
    assert.ok(state && isRunning(state));
    assert.equal(state.instance, hello.agent.instance);
    assert.ok(state.helloAt !== undefined && state.helloAt >= state.startedAt);
  });

  it('runs an update and streams it, to the byte', async () => {
    const plan = lines(5000);
    await using rig = await AgentRig.start({ plan });
    const { runId, accepted } = await rig.ask();
    assert.ok(accepted);
    await rig.arrived(runId);
    assert.equal(rig.relay.bytes(runId).toString(), plannedOutput(plan));
    assert.equal(rig.relay.bytes(runId, 'lock-before').toString(), '{"old":1}');
    assert.equal(rig.relay.bytes(runId, 'lock-after').toString(), '{"new":1}');
    assert.ok(!existsSync(inboxPaths(rig.config.stateDir, runId).request));
    await until('the end in the log', () => rig.logged(/has ended/));
  });

  it('streams while the run goes on', async () => {
    await using rig = await AgentRig.start();
    rig.plan({
      steps: [
        { text: 'first\n', times: 1, waitFor: rig.signalFile('go') },
        { text: 'second\n', times: 1 },
      ],
    });
    const { runId } = await rig.ask();
    await rig.relay.until('the first line', () => rig.relay.bytes(runId).toString() === 'first\n');
    rig.signal('go');
    await rig.arrived(runId);
    assert.equal(rig.relay.bytes(runId).toString(), 'first\nsecond\n');
  });

  it('loses and repeats nothing over links that break again and again', async () => {
    const plan: FakePlan = { steps: [{ text: 'line # of the build\n', times: 4000, chunk: 20, pause: 2 }] };
    await using rig = await AgentRig.start({ plan });
    const { runId } = await rig.ask();
    for (let cut = 0; cut < 8 && !rig.relay.isComplete(runId); cut++) {
      const { connections } = rig.relay;
      const had = rig.relay.copy(runId).streams.output.at.offset;
      await rig.relay.until(
        'more output',
        () => rig.relay.copy(runId).streams.output.at.offset > had || rig.relay.isComplete(runId),
      );
      rig.relay.cut();
      await rig.relay.until('the agent to come back', () => rig.relay.connections > connections);
    }
    await rig.arrived(runId);
    assert.ok(rig.relay.connections > 4);
    assert.equal(rig.relay.bytes(runId).toString(), plannedOutput(plan));
  });

  it('refills a relay that lost its disk', async () => {
    await using rig = await AgentRig.start({ plan: lines(100) });
    const first = await rig.ask();
    await rig.arrived(first.runId);
    const second = await rig.ask();
    await rig.arrived(second.runId);
    rig.relay.copies.clear();
    rig.relay.cut();
    for (const { runId } of [first, second]) {
      await rig.arrived(runId);
      assert.equal(rig.relay.bytes(runId).toString(), plannedOutput(lines(100)));
    }
    const all = rig.relay.messages.filter(message => message.type === 'runs').at(-1);
    assert.deepEqual(
      all?.runs.map(run => run.runId),
      [second.runId, first.runId],
    );
    assert.ok(all.runs.every(run => run.ended && run.streams.output?.offset === plannedOutput(lines(100)).length));
  });

  it('sends a stream again that the relay lost, also of a run that is long over', async () => {
    await using rig = await AgentRig.start({ plan: lines(100) });
    const { runId } = await rig.ask();
    await rig.arrived(runId);
    for (const stream of ['output', 'lock-after'] as const) {
      const copy = rig.relay.copy(runId).streams[stream];
      Object.assign(copy, {
        at: { epoch: 0, offset: 3 },
        chunks: [Buffer.concat(copy.chunks).subarray(0, 3)],
        ended: false,
      });
      rig.relay.say({ type: 'rewind', runId, stream, to: { epoch: 0, offset: 3 } });
    }
    await rig.arrived(runId);
    assert.equal(rig.relay.bytes(runId).toString(), plannedOutput(lines(100)));
    assert.equal(rig.relay.bytes(runId, 'lock-after').toString(), '{"new":1}');
  });

  it('bears with a relay that asks for a run that this host does not have', async () => {
    await using rig = await AgentRig.start();
    await rig.relay.message('runs');
    rig.relay.resume(newRunId());
    await until('a line in the log', () => rig.logged(/which this host does not have/));
  });

  it('drops a half-open link and connects anew', async () => {
    await using rig = await AgentRig.start();
    await rig.relay.message('status');
    const { socket } = rig.relay;
    assert.ok(socket);
    // the relay's machine is gone: nothing is read, nothing is answered
    socket.pause();
    await rig.relay.until('another connection', () => rig.relay.connections === 2);
    assert.ok(rig.logged(/not a sign of life/));
    socket.terminate();
  });

  it('gives a relay up that never greets, and tries on', async () => {
    await using rig = await AgentRig.start({ relay: { welcome: false } });
    await rig.relay.until('a second try', () => rig.relay.connections >= 2);
    assert.ok(rig.logged(/no welcome within/));
    rig.relay.options = {};
    await rig.relay.message('runs');
  });

  it('lives without a relay and without a token, says so once, and connects when both are there', async () => {
    await using rig = await AgentRig.prepare();
    rmSync(rig.config.tokenFile);
    const { port } = rig.relay;
    await rig.relay[Symbol.asyncDispose]();
    rig.serve();
    await until('the missing token in the log', () =>
      rig.logged(/token file .* does not exist.*nixfleet-relay enroll/),
    );
    writeFileSync(rig.config.tokenFile, 'token\n');
    await until('the missing relay in the log', () => rig.logged(/nobody listens at 127\.0\.0\.1/));
    rig.relay = await FakeRelay.start({ port });
    await rig.relay.message('status');
    const loud = rig.log.filter(line => line.includes('does not exist. Enrol'));
    assert.ok(loud.length >= 1);
  });

  it('notices a new token at once after the old one was rejected', async () => {
    await using rig = await AgentRig.prepare({ relay: { token: 'right' } });
    writeFileSync(rig.config.tokenFile, 'wrong');
    rig.serve();
    await until('the rejection in the log', () => rig.logged(/rejected this host's token \(HTTP 401\)/));
    assert.equal(rig.relay.rejections, 1);
    writeFileSync(rig.config.tokenFile, 'right\n');
    await rig.relay.message('runs');
    assert.equal(rig.relay.rejections, 1);
    assert.ok(!rig.log.some(line => line.includes('wrong') || line.includes('right')), 'no token in the log');
  });

  it('closes a link on which the relay talks nonsense, but bears with what only a newer relay says', async () => {
    await using rig = await AgentRig.start({ relay: { relayVersion: '0.2.0' } });
    await rig.relay.message('status');
    rig.relay.say({ type: 'dance' });
    await until('a line in the log', () => rig.logged(/ignored what the newer relay said/));
    rig.relay.say({ type: 'cancel' });
    await rig.relay.until('the close', () => rig.relay.closes[0]?.code === 4400);
  });

  it('is not shaken by the end of a link that it gave up long ago', async () => {
    await using rig = await AgentRig.start({ timings: { long: 20, drain: 300, silence: 10_000 } });
    await rig.relay.message('status');
    const { socket } = rig.relay;
    rig.relay.say({ type: 'cancel' });
    // the first link's close is not answered: it ends when the second has long begun
    await rig.relay.until('the second link', () => (socket?.pause(), rig.relay.connections === 2));
    await until('the end of the first', () => (socket?.resume(), rig.relay.closes.length === 1));
    const before = rig.relay.messages.length;
    rig.relay.say({ type: 'refresh' });
    await rig.relay.until('a status on the second link', () =>
      rig.relay.messages.slice(before).some(message => message.type === 'status'),
    );
    assert.equal(rig.relay.connections, 2);
  });

  it('goes down in order', async () => {
    await using rig = await AgentRig.start();
    await rig.relay.message('status');
    await rig.stop();
    assert.deepEqual(rig.relay.closes, [{ code: 1000, reason: 'the agent stops' }]);
  });

  it('goes down in two seconds when the relay does not answer', async () => {
    await using rig = await AgentRig.start({ timings: { drain: 200, silence: 10_000 } });
    await rig.relay.message('status');
    rig.relay.socket?.pause();
    await rig.stop();
    rig.relay.cut();
  });

  it('says its status again when it is asked', async () => {
    await using rig = await AgentRig.start();
    await rig.relay.message('status');
    const before = rig.relay.messages.length;
    rig.relay.say({ type: 'refresh' });
    await rig.relay.until('another status', () =>
      rig.relay.messages.slice(before).some(message => message.type === 'status'),
    );
  });
});

describe('the status of a host', function () {
  this.timeout(30_000);

  const statuses = (rig: AgentRig) => rig.relay.messages.filter(message => message.type === 'status').length;

  it('is found out again when a run has ended', async () => {
    await using rig = await AgentRig.start();
    const { runId } = await rig.ask();
    await rig.arrived(runId);
    const endedAt = rig.relay.copy(runId).events.at(-1)?.at ?? NaN;
    await rig.relay.message('status', ({ status }) => status.at >= endedAt);
  });

  it('is found out now and then', async () => {
    await using rig = await AgentRig.start({ config: { statusInterval: 100 } });
    await rig.relay.until('a few of them', () => statuses(rig) >= 4);
  });
});
