import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { requestBytes, type RunId } from '../../protocol/index.ts';
import { CONFIRMATION_GRACE } from '../runs/delivery.ts';
import { Harness, newRunId } from '../testing/harness.ts';
import { HostRun } from '../testing/host-run.ts';
import { requestFor, type TestOperator } from '../testing/test-operator.ts';
import { until } from '../testing/wait.ts';

describe('an update that is asked for', () => {
  let harness: Harness;
  let ana: TestOperator;
  let now: number;

  beforeEach(async () => {
    now = Date.now();
    harness = await Harness.start({ now: () => now, timings: { expiry: 10, cancelAnswer: 100 } });
    await harness.token('host', 'web');
    ana = await harness.operator();
  });
  afterEach(async () => {
    assert.deepEqual(ana.faults, []);
    await harness[Symbol.asyncDispose]();
  });

  const delivery = (runId: string) =>
    ana.heard.flatMap(message => (message.type === 'run' && message.run.runId === runId ? message.run : [])).at(-1)
      ?.delivery;

  it('waits for a host that is offline, and says so', async () => {
    const runId = newRunId();
    const reply = await ana.update('web', runId);
    assert.equal(reply.run?.delivery, 'queued');
    assert.match(reply.message ?? '', /web is offline/);
    await harness.restart();
    const agent = await harness.agent('web');
    assert.equal((await agent.hear('update-agent')).runId, runId);
  });

  it('reaches the host with the very bytes, and what stands beside them', async () => {
    const agent = await harness.agent('web');
    const envelope = { ...requestFor('web', newRunId(), { rollback: 'always' }), keyId: 'ana', signature: 'c2ln' };
    await ana.ask({ type: 'update-agent', ...envelope });
    const asked = await agent.hear('update-agent');
    assert.deepEqual(asked, { type: 'update-agent', ...envelope });
  });

  it('is said again after every hello until the host answers, and not after that', async () => {
    const runId = newRunId();
    await ana.update('web', runId);
    const asked = (agent: { heard: { type: string }[] }) =>
      agent.heard.filter(({ type }) => type === 'update-agent').length;
    const first = await harness.agent('web');
    await first.hear('update-agent');
    first.cut();
    const second = await harness.agent('web');
    await second.hear('update-agent');
    second.say({ type: 'request-result', runId, accepted: true });
    await until('the answer', () => delivery(runId) === 'begun');
    second.cut();
    const run = new HostRun(runId);
    const third = await harness.agent('web', { runs: [run] });
    await third.hear('resume');
    assert.equal(asked(third), 0);
  });

  it('is one run when it is asked for twice, and refused with another content', async () => {
    const agent = await harness.agent('web');
    const envelope = requestFor('web', newRunId());
    const { runId } = envelope;
    const [one, two] = await Promise.all([
      ana.ask({ type: 'update-agent', ...envelope }),
      ana.ask({ type: 'update-agent', ...envelope }),
    ]);
    assert.deepEqual([one.ok, two.ok], [true, true]);
    const bea = await harness.operator('bea');
    assert.equal((await bea.ask({ type: 'update-agent', ...envelope })).run?.requestedBy, 'ana');
    const other = await bea.update('web', runId, { rollback: 'never' });
    assert.equal(other.error?.kind, 'other-content');
    await agent.hear('update-agent');
    agent.say({ type: 'status', status: { at: 1, problems: [] } });
    await until('the status', () => ana.hosts.get('web')?.status?.at === 1);
    assert.equal(agent.heard.filter(({ type }) => type === 'update-agent').length, 1);
  });

  it('is refused while the host is busy, naming the other run', async () => {
    const first = newRunId();
    await ana.update('web', first);
    const busy = await ana.update('web', newRunId());
    assert.equal(busy.error?.kind, 'busy');
    assert.match(busy.error.message, new RegExp(first));
  });

  it('is refused when it makes no sense', async () => {
    const kind = async (question: Parameters<TestOperator['ask']>[0]) => (await ana.ask(question)).error?.kind;
    const good = requestFor('web', newRunId());
    const sealed = (text: string) => ({
      type: 'update-agent' as const,
      runId: good.runId,
      request: Buffer.from(text).toString('base64'),
    });
    assert.equal(await kind({ type: 'update-agent', ...requestFor('nobody', newRunId()) }), 'unknown-host');
    assert.equal(await kind({ type: 'update-agent', ...good, runId: newRunId() }), 'bad-request');
    assert.equal(await kind(sealed('not JSON')), 'bad-request');
    const request = JSON.parse(Buffer.from(requestBytes(good)).toString()) as object;
    assert.equal(await kind(sealed(JSON.stringify({ ...request, verb: 'run-command' }))), 'bad-request');
    assert.equal(await kind(sealed(JSON.stringify({ ...request, command: 'rm -rf /' }))), 'bad-request');
    assert.equal(
      await kind({ type: 'update-agent', ...requestFor('web', newRunId(), { expiresAt: now - 1 }) }),
      'expired',
    );
  });

  it('that the host refuses ends with the host’s reason', async () => {
    const agent = await harness.agent('web');
    const runId = newRunId();
    await ana.update('web', runId);
    await agent.hear('update-agent');
    const reason = { kind: 'busy', message: 'busy with a run of its own', advice: 'wait' };
    agent.say({ type: 'request-result', runId, accepted: false, reason });
    await until('the refusal', () => delivery(runId) === 'refused');
    assert.deepEqual(ana.hosts.get('web')?.runs[0]?.reason ?? reason, reason);
    assert.equal((await ana.update('web', newRunId())).ok, true, 'another may come');
    await ana.watch(runId);
    await until('that there is no output', () => ana.copy(runId).gone);
  });

  it('expires when the host does not come in time', async () => {
    const runId = newRunId();
    await ana.update('web', runId, { expiresAt: now + 60_000 });
    now += 60_000;
    await until('the end', () => delivery(runId) === 'expired');
    const agent = await harness.agent('web');
    await until('that it is online', () => ana.hosts.get('web')?.online);
    assert.equal(
      agent.heard.some(({ type }) => type === 'update-agent'),
      false,
    );
  });

  it('is given up when the host vanished with it, until the host says what became of it', async () => {
    const [begun, never] = [newRunId(), newRunId()];
    const first = await harness.agent('web');
    await ana.update('web', begun, { expiresAt: now + 60_000 });
    await first.hear('update-agent');
    first.cut();
    now += 60_000 + CONFIRMATION_GRACE;
    const reason = (runId: RunId): string | undefined =>
      ana.hosts.get('web')?.runs.find(run => run.runId === runId)?.reason?.kind;
    await until('that it is given up', () => reason(begun) === 'unconfirmed');
    assert.equal((await ana.update('web', never, { expiresAt: now + 60_000 })).ok, true, 'it is not in the way');
    now += 60_000;
    await until('the end', () => delivery(never) === 'expired');
    const second = await harness.agent('web');
    await until('what the host says', () => reason(begun) === 'expired');
    assert.equal(
      second.heard.some(({ type }) => type === 'update-agent'),
      false,
    );
  });

  it('that the host was told of and lost is over when the host says what it has', async () => {
    const runId = newRunId();
    const first = await harness.agent('web');
    await ana.update('web', runId, { expiresAt: now + 60_000 });
    await first.hear('update-agent');
    first.cut();
    now += 60_000;
    assert.equal(delivery(runId) === 'expired', false, 'nobody knows yet');
    const second = await harness.agent('web');
    await until('the end', () => delivery(runId) === 'expired');
    assert.equal(
      second.heard.some(({ type }) => type === 'update-agent'),
      false,
    );
  });

  it('that ran on a host which lost its disk ends with a true sentence', async () => {
    const run = new HostRun(newRunId());
    run.event({ type: 'phase', phase: 'building' });
    const agent = await harness.agent('web', { runs: [run] });
    await agent.hear('events-ack');
    agent.cut();
    await harness.agent('web');
    const lost = await ana.hear('run', message => message.run.outcome !== undefined);
    assert.equal(lost.run.outcome, 'inconsistent');
    assert.equal(lost.run.reason?.kind, 'lost');
    assert.equal((await ana.update('web', newRunId())).ok, true);
  });

  describe('and cancelled', () => {
    it('while it waits, never reaches the host', async () => {
      const runId = newRunId();
      await ana.update('web', runId);
      const reply = await ana.ask({ type: 'cancel', runId });
      assert.equal(reply.ok, true);
      assert.match(reply.message ?? '', /before web began/);
      assert.equal(reply.run?.delivery, 'cancelled');
      assert.equal((await ana.ask({ type: 'cancel', runId })).error?.kind, 'over');
      const agent = await harness.agent('web');
      await until('that it is online', () => ana.hosts.get('web')?.online);
      assert.equal(
        agent.heard.some(({ type }) => type === 'update-agent'),
        false,
      );
    });

    it('on the host, says what the host says', async () => {
      const agent = await harness.agent('web');
      const run = new HostRun(newRunId());
      run.event({ type: 'phase', phase: 'building' });
      agent.begin(run);
      await agent.hear('events-ack');
      const asked = ana.ask({ type: 'cancel', runId: run.runId });
      assert.equal((await agent.hear('cancel')).by, 'ana');
      agent.say({ type: 'cancel-result', runId: run.runId, accepted: true, message: 'It stops now.' });
      assert.equal((await asked).message, 'It stops now.');
      const again = ana.ask({ type: 'cancel', runId: run.runId });
      await until('the second', () => agent.heard.filter(({ type }) => type === 'cancel').length === 2);
      agent.say({ type: 'cancel-result', runId: run.runId, accepted: false, message: 'Too late.' });
      assert.deepEqual((await again).error, { kind: 'cancel-refused', message: 'Too late.' });
    });

    it('on a host that is offline, is remembered and said when it comes back, until it answers', async () => {
      const run = new HostRun(newRunId());
      run.event({ type: 'phase', phase: 'building' });
      const first = await harness.agent('web', { runs: [run] });
      await first.hear('events-ack');
      await first.close();
      await until('that it is offline', () => ana.hosts.get('web')?.online === false);
      const reply = await ana.ask({ type: 'cancel', runId: run.runId });
      assert.equal(reply.ok, true);
      assert.match(reply.message ?? '', /offline/);
      await harness.restart();
      for (let i = 0; i < 2; i++) {
        const agent = await harness.agent('web', { runs: [run] });
        await agent.hear('cancel');
        agent.cut();
      }
      const last = await harness.agent('web', { runs: [run] });
      last.say({ type: 'cancel-result', runId: run.runId, accepted: true, message: 'yes' });
      last.say({ type: 'status', status: { at: 9, problems: [] } });
      const bea = await harness.operator('bea');
      await until('the status', () => bea.hosts.get('web')?.status?.at === 9);
      last.cut();
      const quiet = await harness.agent('web', { runs: [run] });
      await quiet.hear('resume');
      assert.equal(
        quiet.heard.some(({ type }) => type === 'cancel'),
        false,
      );
    });

    it('on a host that does not answer, says so', async () => {
      const agent = await harness.agent('web');
      const run = new HostRun(newRunId());
      run.event({ type: 'phase', phase: 'building' });
      agent.begin(run);
      await agent.hear('events-ack');
      assert.match((await ana.ask({ type: 'cancel', runId: run.runId })).message ?? '', /not answered yet/);
    });

    it('but unknown, says so', async () => {
      assert.equal((await ana.ask({ type: 'cancel', runId: newRunId() })).error?.kind, 'no-such-run');
    });
  });

  it('is written down in the audit log, with who asked', async () => {
    const runId = newRunId();
    await ana.update('web', runId);
    await ana.ask({ type: 'cancel', runId });
    await harness.relay.close();
    const { EmbeddedBackbone } = await import('../backbone/embedded/embedded.ts');
    const store = await EmbeddedBackbone.open({ dir: harness.dir, serve: false });
    const entries = (await store.readAudit(10)).map(({ who, action, subject }) => [who, action, subject]);
    await store.close();
    assert.deepEqual(entries, [
      ['operator ana', 'cancel', 'web'],
      ['operator ana', 'update-agent', 'web'],
      ['program', 'operator', 'ana'],
      ['program', 'enroll', 'web'],
    ]);
  });

  it('can be preceded by a look at the host', async () => {
    assert.equal((await ana.ask({ type: 'refresh', host: 'web' })).error?.kind, 'offline');
    assert.equal((await ana.ask({ type: 'refresh', host: 'nobody' })).error?.kind, 'unknown-host');
    const agent = await harness.agent('web');
    assert.equal((await ana.ask({ type: 'refresh', host: 'web' })).ok, true);
    await agent.hear('refresh');
  });
});
