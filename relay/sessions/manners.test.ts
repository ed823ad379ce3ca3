import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { encodeFrame, MAX_MESSAGE_BYTES, PROTOCOL, START } from '../../protocol/index.ts';
import { Harness, newRunId } from '../testing/harness.ts';
import { HostRun } from '../testing/host-run.ts';
import { AGENT, TestAgent } from '../testing/test-agent.ts';
import { TestOperator } from '../testing/test-operator.ts';
import { until } from '../testing/wait.ts';

/** What nobody may say, and what they are told then. */
const NONSENSE: readonly (readonly [string, string | Uint8Array, RegExp])[] = [
  ['no JSON', '{"type":', /not JSON/],
  ['a number', '42', /./],
  ['null', 'null', /./],
  ['no type', '{}', /./],
  ['an unknown type', '{"type":"rm -rf"}', /"rm -rf" is not known/],
  ['a wrong shape', '{"type":"runs","runs":"all"}', /runs/],
  ['a type from Object', '{"type":"__proto__"}', /not known/],
];

describe('whoever misbehaves', () => {
  let harness: Harness;
  let bystander: TestOperator;
  let other: TestAgent;

  beforeEach(async () => {
    harness = await Harness.start();
    bystander = await harness.operator('bystander');
    other = await harness.agent('other');
  });
  afterEach(async () => {
    // nobody else was harmed
    const runId = newRunId();
    assert.equal((await bystander.update('other', runId)).ok, true);
    await other.hear('update-agent', message => message.runId === runId);
    assert.deepEqual(bystander.faults, []);
    await harness[Symbol.asyncDispose]();
  });

  for (const [what, data, expected] of NONSENSE) {
    it(`is told and sent away, for ${what}`, async () => {
      const agent = await harness.agent('web');
      agent.sayRaw(data);
      const error = await agent.hear('error');
      assert.equal(error.kind, 'bad-message');
      assert.match(error.message, expected);
      assert.equal((await agent.closed()).code, 4400);
      const operator = await harness.operator();
      operator.sayRaw(what === 'a wrong shape' ? '{"type":"subscribe","id":1,"runId":"x"}' : data);
      await operator.hear('error', ({ kind }) => kind === 'bad-message');
      assert.equal((await operator.closed()).code, 4400);
    });
  }

  it('is sent away for a message that is too large', async () => {
    const operator = await harness.operator();
    operator.sayRaw(`"${'x'.repeat(MAX_MESSAGE_BYTES)}"`);
    assert.equal((await operator.closed()).code, 1009);
  });

  it('is sent away for a message before the hello, and for a second hello', async () => {
    const early = TestAgent.open({ relay: harness.url, token: await harness.token('host', 'web') });
    await early.status();
    early.say({ type: 'runs', runs: [] });
    assert.equal((await early.closed()).code, 4400);
    const agent = await harness.agent('web');
    agent.say({ type: 'hello', protocol: PROTOCOL, host: 'web', agent: AGENT });
    assert.equal((await agent.closed()).code, 4400);
    const frame = TestAgent.open({ relay: harness.url, token: await harness.token('host', 'web') });
    await frame.status();
    frame.sayRaw(
      encodeFrame({ runId: newRunId(), stream: 'output', at: START, time: 0, end: false, bytes: Buffer.from('x') }),
    );
    assert.equal((await frame.closed()).code, 4400);
  });

  it('is forgiven words that only a newer relay knows, when it is newer', async () => {
    const newer = TestAgent.open({ relay: harness.url, token: await harness.token('host', 'web') });
    await newer.status();
    newer.say({ type: 'hello', protocol: PROTOCOL + 1, host: 'web', agent: AGENT });
    await newer.hear('welcome');
    newer.sayRaw('{"type":"dance"}');
    newer.say({ type: 'status', status: { at: 5, problems: [] } });
    await until('the status', () => bystander.hosts.get('web')?.status?.at === 5);
    newer.sayRaw('{"type":"status"}');
    assert.equal((await newer.closed()).code, 4400, 'but not a wrong shape of what is known');

    const operator = TestOperator.open({ relay: harness.url, token: await harness.token('operator', 'ana') });
    await operator.status();
    operator.say({ type: 'hello', protocol: PROTOCOL + 1, client: { name: 'n', version: '9' } });
    operator.sayRaw('{"type":"dance","id":1}');
    assert.equal((await operator.ask({ type: 'refresh', host: 'web' })).ok, false);
    operator.cut();
  });

  it('is sent away for frames that are none', async () => {
    const bad = (change: (frame: Uint8Array) => Uint8Array) =>
      change(
        encodeFrame({ runId: newRunId(), stream: 'output', at: START, time: 0, end: false, bytes: Buffer.from('x') }),
      );
    for (const frame of [
      new Uint8Array(0),
      new Uint8Array(39),
      bad(bytes => Uint8Array.from(bytes, (byte, i) => (i === 0 ? 9 : byte))),
      bad(bytes => Uint8Array.from(bytes, (byte, i) => (i === 1 ? 9 : byte))),
      Buffer.concat([bad(bytes => bytes), Buffer.alloc(65_536)]),
    ]) {
      const agent = await harness.agent('web');
      agent.sayRaw(frame);
      assert.equal((await agent.hear('error')).kind, 'bad-frame');
      assert.equal((await agent.closed()).code, 4400);
    }
    const operator = await harness.operator();
    operator.sayRaw(new Uint8Array(100));
    assert.equal((await operator.closed()).code, 4400);
  });

  it('is sent away when it speaks for the run of another host', async () => {
    const run = new HostRun(newRunId());
    run.event({ type: 'phase', phase: 'building' });
    run.write('mine');
    other.begin(run);
    await other.hear('events-ack');
    await bystander.watch(run.runId);
    await until('the output', () => bystander.bytes(run.runId).toString() === 'mine');

    const frame = {
      runId: run.runId,
      stream: 'output',
      at: { epoch: 0, offset: 4 },
      time: 0,
      end: true,
      bytes: Buffer.from('evil'),
    } as const;
    const thief = await harness.agent('web');
    thief.sayRaw(encodeFrame(frame));
    assert.equal((await thief.hear('error')).kind, 'other-run');
    assert.equal((await thief.closed()).code, 4403);
    for (const message of [
      { type: 'events', runId: run.runId, events: [{ v: 1, seq: 2, at: 1, type: 'evil' }] },
      { type: 'request-result', runId: run.runId, accepted: false },
      { type: 'cancel-result', runId: run.runId, accepted: true, message: 'evil' },
    ] as const) {
      const liar = await harness.agent('web');
      liar.sayRaw(JSON.stringify(message));
      assert.equal((await liar.closed()).code, 4403, message.type);
    }
    assert.equal(bystander.bytes(run.runId).toString(), 'mine');
    assert.equal(bystander.events.get(run.runId)?.length, 1);
    run.end();
    other.sendMore(run);
    await until('the end', () => bystander.copy(run.runId).ended);
  });

  it('is let be when it has a run of a host that it was before', async () => {
    const run = new HostRun(newRunId());
    other.begin(run);
    await until('the run', () => bystander.heard.some(message => message.type === 'run'));
    const renamed = await harness.agent('web', { runs: [run] });
    renamed.say({ type: 'status', status: { at: 5, problems: [] } });
    await until('the status', () => bystander.hosts.get('web')?.status?.at === 5);
    assert.equal(
      renamed.heard.some(({ type }) => type === 'resume'),
      false,
    );
    run.end();
    other.sendMore(run);
  });

  it('is not heard when it speaks of a run that nobody knows', async () => {
    const agent = await harness.agent('web');
    const runId = newRunId();
    agent.say({ type: 'events', runId, events: [{ v: 1, seq: 1, at: 1, type: 'x' }] });
    agent.sayRaw(encodeFrame({ runId, stream: 'output', at: START, time: 0, end: false, bytes: Buffer.from('x') }));
    agent.say({ type: 'status', status: { at: 5, problems: [] } });
    await until('the status', () => bystander.hosts.get('web')?.status?.at === 5);
    assert.equal(
      (await bystander.ask({ type: 'subscribe', runId, afterSeq: 0, streams: {} })).error?.kind,
      'no-such-run',
    );
  });
});
