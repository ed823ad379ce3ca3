import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

describe('an agent and its relay', () => {
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

describe('the status of a host', () => {
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

describe('a request', () => {
  it('is one run however often it is asked for', async () => {
    await using rig = await AgentRig.start();
    rig.plan({ steps: [{ text: 'x', times: 1, waitFor: rig.signalFile('go') }], startWhen: rig.signalFile('start') });
    const envelope = rig.request();
    await rig.relay.message('runs');
    for (let i = 0; i < 3; i++) rig.relay.say({ type: 'update-agent', ...envelope });
    await until('the runner to be launched', () => existsSync(rig.folder.join('state', 'runner-logs')));
    rig.signal('start');
    const answers = () => rig.relay.messages.filter(message => message.type === 'request-result');
    await rig.relay.until('three answers', () => answers().length === 3);
    assert.ok(answers().every(answer => answer.accepted));
    assert.ok((await rig.ask(envelope)).accepted);
    rig.signal('go');
    await rig.arrived(envelope.runId);
    assert.ok((await rig.ask(envelope)).accepted, 'also when it has ended');
    const events = rig.relay.copy(envelope.runId).events.map(event => event.type);
    assert.equal(events.filter(type => type === 'ended').length, 1);
    assert.ok(!events.includes('resumed'));
  });

  it('is refused under the id of another', async () => {
    await using rig = await AgentRig.start();
    const { runId } = await rig.ask();
    await rig.arrived(runId);
    const other = rig.request({ runId, rollback: 'never' });
    assert.deepEqual(await rig.ask(other), { runId, accepted: false, kind: 'other-content' });
  });

  it('is refused while another runs, which is named', async () => {
    await using rig = await AgentRig.start();
    rig.plan({ steps: [{ text: 'x', times: 1, waitFor: rig.signalFile('go') }] });
    const first = await rig.ask();
    const second = await rig.ask();
    assert.deepEqual(second, { runId: second.runId, accepted: false, kind: 'busy' });
    const answer = await rig.relay.message('request-result', message => !message.accepted);
    assert.match(answer.reason?.message ?? '', new RegExp(first.runId));
    assert.ok(!existsSync(inboxPaths(rig.config.stateDir, second.runId).request));
    rig.signal('go');
    await rig.arrived(first.runId);
    assert.ok((await rig.ask()).accepted, 'when the first has ended');
  });

  it('wins against one that comes at the same moment, exactly one of them', async () => {
    await using rig = await AgentRig.start();
    rig.plan({ steps: [{ text: 'x', times: 1, waitFor: rig.signalFile('go') }] });
    await rig.relay.message('runs');
    const envelopes = [rig.request(), rig.request(), rig.request()];
    for (const envelope of envelopes) rig.relay.say({ type: 'update-agent', ...envelope });
    const answers = () => rig.relay.messages.filter(message => message.type === 'request-result');
    await rig.relay.until('three answers', () => answers().length === 3);
    assert.deepEqual(
      answers()
        .filter(answer => answer.accepted)
        .map(answer => answer.runId),
      [envelopes[0]?.runId],
    );
    for (const answer of answers()) if (!answer.accepted) assert.equal(answer.reason?.kind, 'busy');
    rig.signal('go');
  });

  it('is refused when it is bad, for another host, or too late', async () => {
    await using rig = await AgentRig.start();
    assert.equal((await rig.ask(rig.request({ host: 'db' }))).kind, 'wrong-host');
    assert.equal((await rig.ask(rig.request({ expiresAt: Date.now() - 1 }))).kind, 'expired');
    const bad = { runId: newRunId(), request: Buffer.from('{"format":1,"path":"/etc"}').toString('base64') };
    assert.equal((await rig.ask(bad)).kind, 'bad-request');
    const misnamed = { ...rig.request(), runId: newRunId() };
    assert.equal((await rig.ask(misnamed)).kind, 'bad-request');
    assert.deepEqual(readdirSync(statePaths(rig.config.stateDir).inbox), []);
    assert.deepEqual(readdirSync(statePaths(rig.config.stateDir).runs), []);
  });

  it('is refused when it cannot be kept', async () => {
    await using rig = await AgentRig.start();
    await rig.relay.message('status');
    rmSync(statePaths(rig.config.stateDir).inbox, { recursive: true });
    assert.equal((await rig.ask()).kind, 'inbox');
  });

  it("carries the runner's own refusal", async () => {
    await using rig = await AgentRig.start({ plan: { refuse: 'busy', steps: [] } });
    assert.equal((await rig.ask()).kind, 'busy');
  });

  it('is taken back when the runner ends without a word, or cannot be started', async () => {
    await using rig = await AgentRig.start({ plan: { exit: 3, steps: [] } });
    const { runId, kind } = await rig.ask();
    assert.equal(kind, 'not-started');
    assert.ok(!existsSync(inboxPaths(rig.config.stateDir, runId).request));
    assert.ok(rig.logged(new RegExp(`See .*${runId}\\.log`)));

    await using broken = await AgentRig.start({
      launcher: rig => {
        const launcher = rig.setsid();
        return {
          name: 'setsid',
          launch: () => Promise.reject(new Error('no such program')),
          isAlive: runId => launcher.isAlive(runId),
          whereToLook: () => 'the log',
        };
      },
    });
    const refused = await broken.ask();
    assert.equal(refused.kind, 'launch-failed');
    assert.deepEqual(readdirSync(statePaths(broken.config.stateDir).inbox), []);
  });

  it('is taken back when the runner does not begin in time', async () => {
    await using rig = await AgentRig.prepare();
    rig.config.deadlines.accepted = 300;
    rig.plan({ steps: [], startWhen: rig.signalFile('start') });
    rig.serve();
    const { runId, kind } = await rig.ask();
    assert.equal(kind, 'not-started');
    assert.ok(!existsSync(inboxPaths(rig.config.stateDir, runId).request));
    rig.signal('start');
  });
});

describe('a wish to cancel', () => {
  it('leaves a mark for the runner', async () => {
    await using rig = await AgentRig.start();
    rig.plan({ steps: [{ text: 'x', times: 1, waitFor: rig.signalFile('go') }] });
    const { runId } = await rig.ask();
    rig.relay.say({ type: 'cancel', runId, by: 'ana' });
    const answer = await rig.relay.message('cancel-result');
    assert.ok(answer.accepted);
    const mark = JSON.parse(readFileSync(inboxPaths(rig.config.stateDir, runId).cancel, 'utf8')) as { by: string };
    assert.equal(mark.by, 'ana');
    rig.signal('go');
  });

  it('is refused for a run that has ended, or never was', async () => {
    await using rig = await AgentRig.start();
    const { runId } = await rig.ask();
    await rig.arrived(runId);
    for (const id of [runId, newRunId()]) {
      rig.relay.say({ type: 'cancel', runId: id, by: 'ana' });
      const answer = await rig.relay.message('cancel-result', message => message.runId === id);
      assert.ok(!answer.accepted);
    }
    assert.deepEqual(readdirSync(statePaths(rig.config.stateDir).inbox), []);
  });
});

describe('an agent that comes up', () => {
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
