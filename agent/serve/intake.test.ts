import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { describe, it } from 'mocha';
import { inboxPaths, statePaths } from '../run-directory/layout.ts';
import { AgentRig, newRunId } from '../testing/agent-rig.ts';
import { until } from '../testing/temporary.ts';
import { askToCancel } from './cancel.ts';

describe('a request', function () {
  this.timeout(30_000);

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

describe('a wish to cancel', function () {
  this.timeout(30_000);

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

  it('leaves nothing behind where the run ended meanwhile', async () => {
    await using rig = await AgentRig.start();
    const { runId } = await rig.ask();
    await rig.arrived(runId);
    const { stateDir } = rig.config;
    const live = { runId, seq: 3, phase: 'committing', ended: false, recorded: true, locked: true } as const;
    const views = [live, { ...live, ended: true }];
    const runs = { find: () => Promise.resolve(views.shift()) };
    const answer = await askToCancel({ stateDir, runs, intake: { isStarting: () => false } }, runId, 'ana');
    assert.deepEqual([answer.accepted, answer.message], [false, 'The run has ended already.']);
    assert.deepEqual(readdirSync(statePaths(stateDir).inbox), []);
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
