import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { isHeld, PROTOCOL, type RolloutId, type RunId, type ToAgentMessage } from '../../protocol/index.ts';
import { Harness } from '../testing/harness.ts';
import { HostRun } from '../testing/host-run.ts';
import type { TestAgent } from '../testing/test-agent.ts';
import { requestFor, rolloutFor, TestOperator } from '../testing/test-operator.ts';
import { until } from '../testing/wait.ts';

describe('a rollout that is asked for', () => {
  let harness: Harness;
  let ana: TestOperator;

  beforeEach(async () => {
    harness = await Harness.start({ timings: { expiry: 10 } });
    for (const host of ['a', 'b', 'c']) await harness.token('host', host);
    ana = await harness.operator();
  });
  afterEach(async () => {
    assert.deepEqual(ana.faults, []);
    await harness[Symbol.asyncDispose]();
  });

  const asked = (agent: TestAgent): Promise<Extract<ToAgentMessage, { type: 'update-agent' }>> =>
    agent.hear('update-agent');
  const isAsked = (agent: TestAgent): boolean => agent.heard.some(({ type }) => type === 'update-agent');
  const rollout = (id: RolloutId | undefined) => (id === undefined ? undefined : ana.rollouts.get(id));

  /** The agent begins what it was asked for. */
  async function begin(agent: TestAgent): Promise<HostRun> {
    const run = new HostRun((await asked(agent)).runId);
    agent.begin(run);
    return run;
  }

  function end(agent: TestAgent, run: HostRun, outcome = 'succeeded'): void {
    run.event({ type: 'ended', outcome, changed: true, after: {} });
    agent.sendMore(run);
  }

  it('tells one host after the other, and operators how far it is', async () => {
    const [a, b] = [await harness.agent('a'), await harness.agent('b')];
    const reply = await ana.rollOut(['a', 'b', 'c']);
    const id = reply.rollout?.rolloutId;
    assert.equal(reply.rollout?.counts.waiting, 3);
    const first = await begin(a);
    await until('the counts', () => rollout(id)?.counts.running === 1 && rollout(id)?.counts.offline === 1);
    assert.equal(isAsked(b), false);
    const waits = ana.hosts.get('b')?.runs[0];
    assert.ok(waits && isHeld(waits) && waits.rollout === id, 'a host’s run says that it waits its turn');
    end(a, first);
    const second = await begin(b);
    end(b, second, 'failed');
    await until('the counts', () => rollout(id)?.counts.failed === 1);
    assert.deepEqual(rollout(id)?.failed, [{ host: 'b', runId: second.runId }]);
    assert.equal(rollout(id)?.endedAt, undefined, 'c has not been there yet');
    const c = await harness.agent('c');
    end(c, await begin(c));
    await until('the end', () => rollout(id)?.endedAt !== undefined);
    assert.equal(rollout(id)?.counts.succeeded, 2);
  });

  it('goes on after the relay was started again, and is shown to whoever comes', async () => {
    const id = (await ana.rollOut(['a', 'b'])).rollout?.rolloutId;
    await harness.restart();
    ana = await harness.operator();
    await until('the rollout', () => rollout(id) !== undefined);
    const [a, b] = [await harness.agent('a'), await harness.agent('b')];
    end(a, await begin(a));
    end(b, await begin(b));
    await until('the end', () => rollout(id)?.endedAt !== undefined);
  });

  it('is stopped: who waits is cancelled, who runs is not', async () => {
    const [a, b] = [await harness.agent('a'), await harness.agent('b')];
    const id = (await ana.rollOut(['a', 'b'])).rollout?.rolloutId;
    assert.ok(id);
    const run = await begin(a);
    await until('the first', () => rollout(id)?.counts.running === 1);
    const reply = await ana.ask({ type: 'stop-rollout', rolloutId: id });
    assert.equal(reply.rollout?.stopped?.by, 'ana');
    await until('the cancel', () => ana.hosts.get('b')?.runs[0]?.delivery === 'cancelled');
    end(a, run);
    await until('the end', () => rollout(id)?.endedAt !== undefined);
    assert.equal(isAsked(b), false);
    assert.equal(isCancelled(a), false);
    assert.equal((await ana.ask({ type: 'stop-rollout', rolloutId: id })).ok, true, 'it is over already');
    const other = await ana.ask({ type: 'stop-rollout', rolloutId: rolloutFor(['a']).rolloutId });
    assert.equal(other.error?.kind, 'no-such-rollout');
  });

  const isCancelled = (agent: TestAgent): boolean => agent.heard.some(({ type }) => type === 'cancel');

  it('lets a person cancel one of its hosts, and goes on with the next', async () => {
    const b = await harness.agent('b');
    const id = (await ana.rollOut(['a', 'b'])).rollout?.rolloutId;
    const waiting = await until('the run of a', () => ana.hosts.get('a')?.runs[0]?.runId);
    await ana.ask({ type: 'cancel', runId: waiting });
    end(b, await begin(b));
    await until('the end', () => rollout(id)?.endedAt !== undefined);
    assert.equal(rollout(id)?.counts.cancelled, 1);
  });

  it('counts as cancelled whose request expired before the host was there', async () => {
    const requests = [requestFor('a', newId(), { expiresAt: Date.now() + 300 })];
    const id = (await ana.rollOut(['a'], { requests })).rollout?.rolloutId;
    await until('the end', () => rollout(id)?.endedAt !== undefined);
    assert.equal(rollout(id)?.counts.cancelled, 1);
    assert.equal(ana.hosts.get('a')?.runs[0]?.delivery, 'expired');
  });

  const newId = (): RunId => requestFor('x', rolloutFor(['x']).requests[0]?.runId as RunId).runId;

  it('is one when it is asked for twice, and no rollout when its requests are none', async () => {
    const ask = rolloutFor(['a', 'b']);
    const replies = [
      await ana.ask({ type: 'start-rollout', ...ask }),
      await ana.ask({ type: 'start-rollout', ...ask }),
      await ana.ask({ type: 'start-rollout', ...ask, stagger: 5 }),
      await ana.ask({ type: 'start-rollout', ...rolloutFor(['c', 'c']) }),
      await ana.ask({ type: 'start-rollout', ...ask, requests: [{ runId: newId(), request: 'e30=' }] }),
      await ana.ask({ type: 'start-rollout', ...rolloutFor(['a', 'c']) }),
    ];
    assert.deepEqual(
      replies.map(({ ok, error }) => (ok ? 'ok' : error?.kind)),
      ['ok', 'ok', 'other-content', 'bad-request', 'bad-request', 'ok'],
    );
    assert.deepEqual(
      replies.at(-1)?.refused?.map(({ host, reason }) => `${host} ${reason.kind}`),
      ['a busy'],
    );
  });

  it('is not spoken of to an operator that does not know rollouts', async () => {
    const old = TestOperator.open({ relay: harness.url, token: await harness.token('operator', 'old') });
    await old.status();
    old.say({ type: 'hello', protocol: PROTOCOL, client: { name: 'old', version: '1' } });
    assert.deepEqual((await old.hear('welcome')).features, ['rollouts']);
    await until('the fleet', () => old.fleetComplete);
    await ana.rollOut(['a']);
    await until('the run of it', () => old.hosts.get('a')?.runs.length === 1);
    await harness.agent('b');
    await until('something later', () => old.hosts.get('b')?.online);
    assert.equal(
      old.heard.some(({ type }) => type === 'rollout' || type === 'rollouts'),
      false,
    );
    old.cut();
  });
});
