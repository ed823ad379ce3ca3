import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, it } from 'mocha';
import type { RunId, ToAgentMessage } from '../protocol/index.ts';
import { newRunId, temporaryFolder } from './testing/harness.ts';
import { HostRun } from './testing/host-run.ts';
import { RelayChild } from './testing/relay-child.ts';
import { TestAgent } from './testing/test-agent.ts';
import { rolloutFor, TestOperator } from './testing/test-operator.ts';
import { until } from './testing/wait.ts';

/** A sequence of numbers from 0 to below 1 that is the same every time. */
function* random(seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

describe('a relay that is killed at any moment', function () {
  this.timeout(120_000);

  it('loses nothing that it acknowledged, and every viewer ends with the bytes of the host', async () => {
    await using folder = await temporaryFolder();
    await using relay = new RelayChild(folder.path, ['--log-level', 'warn']);
    await relay.start();
    const hostToken = (await relay.run('enroll', 'web', '--token-only')).stdout.trim();
    const operatorToken = (await relay.run('operator', 'ana', '--token-only')).stdout.trim();
    const run = new HostRun(newRunId());
    const numbers = random(7);
    const next = () => numbers.next().value;
    let acknowledged = 0;
    let viewer: TestOperator | undefined;

    for (let life = 0; life < 6; life++) {
      if (life > 0) await relay.start();
      const agent = await TestAgent.hello({
        relay: relay.address,
        token: hostToken,
        host: 'web',
        runs: [run],
        frameSize: 1 + Math.floor(next() * 5000),
      });
      const resume = await agent.hear('resume');
      assert.ok(
        resume.afterSeq >= acknowledged,
        `${acknowledged} events were acknowledged, ${resume.afterSeq} are there`,
      );
      const before = viewer;
      viewer = await TestOperator.hello({ relay: relay.address, token: operatorToken });
      for (const [key, copy] of before?.copies ?? []) viewer.copies.set(key, copy);
      for (const [key, events] of before?.events ?? []) viewer.events.set(key, events);
      await until('the run', async () => (await viewer?.watch(run.runId))?.ok === true);
      const endAt = performance.now() + 100 + next() * 400;
      while (performance.now() < endAt) {
        run.write(Buffer.alloc(Math.floor(next() * 20_000), Math.floor(next() * 256)));
        run.event({ type: 'note', text: 'x'.repeat(Math.floor(next() * 200)) });
        if (next() < 0.05) run.losePower(Math.floor(run.bytes().length * (0.9 + next() / 10)));
        agent.sendMore(run);
        if (next() < 0.3) await delay(1);
      }
      assert.equal(await relay.end('SIGKILL'), null);
      for (const message of agent.heard) {
        if (message.type === 'events-ack') acknowledged = Math.max(acknowledged, message.seq);
      }
      assert.deepEqual(viewer.faults, []);
    }

    assert.ok(acknowledged > 0);
    run.end();
    await relay.start();
    await TestAgent.hello({ relay: relay.address, token: hostToken, host: 'web', runs: [run] });
    const late = await TestOperator.hello({ relay: relay.address, token: operatorToken });
    const veteran = await TestOperator.hello({ relay: relay.address, token: operatorToken });
    for (const [key, copy] of viewer?.copies ?? []) veteran.copies.set(key, copy);
    for (const [key, events] of viewer?.events ?? []) veteran.events.set(key, events);
    for (const operator of [late, veteran]) {
      await operator.watch(run.runId);
      await until(
        'the end',
        () => operator.copy(run.runId).ended && operator.events.get(run.runId)?.length === run.events.length,
        30_000,
      );
      assert.ok(operator.bytes(run.runId).equals(run.bytes()));
      assert.deepEqual(operator.events.get(run.runId), run.events);
      assert.deepEqual(operator.faults, []);
      operator.cut();
    }
    assert.equal(await relay.end('SIGTERM'), 0);
  });

  it('has every request and every event that it acknowledged, whoever else writes at that moment', async () => {
    await using folder = await temporaryFolder();
    await using relay = new RelayChild(folder.path, ['--log-level', 'warn', '--keep-runs', '1000']);
    const token = async (...args: string[]) => (await relay.run(...args, '--token-only')).stdout.trim();
    const operatorToken = await token('operator', 'ana');
    const hosts = await Promise.all(
      ['web', 'db', 'mail'].map(async host => ({
        host,
        token: await token('enroll', host),
        runs: [] as HostRun[],
        requested: [] as RunId[],
        /** By run: the number of the last event that was acknowledged. */
        stored: new Map<RunId, number>(),
      })),
    );
    const numbers = random(11);
    const next = () => numbers.next().value;

    for (let life = 0; life < 8; life++) {
      await relay.start();
      const ana = await TestOperator.hello({ relay: relay.address, token: operatorToken });
      for (const { host, requested, stored } of hosts) {
        // before any agent is there to send something again
        const { runs } = await ana.ask({ type: 'list-runs', host, limit: 100 });
        const known = new Map(runs?.map(run => [run.runId, run.seq]));
        for (const runId of requested) assert.ok(known.has(runId), `run ${runId} was acknowledged and is gone`);
        for (const [runId, seq] of stored) {
          assert.ok((known.get(runId) ?? 0) >= seq, `${known.get(runId)} of ${seq} acknowledged events of ${runId}`);
        }
      }
      const agents = await Promise.all(
        hosts.map(async host => {
          const { runs, stored } = host;
          const agent = await TestAgent.hello({ relay: relay.address, token: host.token, host: host.host, runs });
          const take = (message: ToAgentMessage): void => {
            if (message.type === 'events-ack') {
              stored.set(message.runId, Math.max(message.seq, stored.get(message.runId) ?? 0));
            }
            if (message.type !== 'update-agent' || runs.some(({ runId }) => runId === message.runId)) return;
            const run = new HostRun(message.runId);
            runs.push(run);
            agent.begin(run);
          };
          const resume = agent.onHeard;
          agent.onHeard = message => {
            resume(message);
            take(message);
          };
          for (const message of agent.heard) take(message);
          return { ...host, agent, isAsking: false };
        }),
      );
      const endAt = performance.now() + 50 + next() * 400;
      let asked = 0;
      while (performance.now() < endAt) {
        await delay(1);
        const busy = agents[Math.floor(next() * agents.length)];
        if (!busy) continue;
        const run = busy.runs.findLast(({ ended }) => !ended);
        if (run) {
          run.event({ type: 'note', text: 'x'.repeat(Math.floor(next() * 500)) });
          if (next() < 0.1) run.end();
          busy.agent.sendMore(run);
        } else if (!busy.isAsking && asked++ < 20) {
          const runId = newRunId();
          busy.isAsking = true;
          ana.update(busy.host, runId).then(
            ({ ok }) => {
              busy.isAsking = false;
              if (ok) busy.requested.push(runId);
            },
            () => undefined,
          );
        }
      }
      await relay.end('SIGKILL');
      for (const { agent } of agents) agent.cut();
      ana.cut();
    }
    assert.ok(hosts.every(({ requested, stored }) => requested.length > 0 && stored.size > 0));
  });

  it('goes on with a rollout: never wider than asked, each host once, to the end', async () => {
    await using folder = await temporaryFolder();
    await using relay = new RelayChild(folder.path, ['--log-level', 'warn']);
    await relay.start();
    const token = async (...args: string[]) => (await relay.run(...args, '--token-only')).stdout.trim();
    const operatorToken = await token('operator', 'ana');
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const hosts = await Promise.all(
      names.map(async host => ({ host, token: await token('enroll', host), runs: [] as HostRun[] })),
    );
    const ask = rolloutFor(names, { width: 3, stagger: 10 });
    const atWork = () => hosts.filter(({ runs }) => runs.some(run => !run.ended)).length;
    const numbers = random(23);
    const next = () => numbers.next().value;
    let isOver = false;
    let lives = 0;

    for (; !isOver; lives++) {
      assert.ok(lives < 40, 'it does not get on');
      if (lives > 0) await relay.start();
      const ana = await TestOperator.hello({ relay: relay.address, token: operatorToken });
      const agents = await Promise.all(
        hosts.map(async ({ host, token: hostToken, runs }) => {
          const agent = await TestAgent.hello({ relay: relay.address, token: hostToken, host, runs });
          const take = (message: ToAgentMessage): void => {
            if (message.type !== 'update-agent' || runs.some(({ runId }) => runId === message.runId)) return;
            const run = new HostRun(message.runId);
            runs.push(run);
            assert.ok(atWork() <= 3, `${atWork()} hosts at work`);
            agent.begin(run);
          };
          const resume = agent.onHeard;
          agent.onHeard = message => {
            resume(message);
            take(message);
          };
          for (const message of agent.heard) take(message);
          return { agent, runs };
        }),
      );
      // asked again in every life, as an editor does that has not heard a reply
      await ana.ask({ type: 'start-rollout', ...ask });
      const endAt = performance.now() + 100 + next() * 200;
      while (performance.now() < endAt && !isOver) {
        await delay(5);
        for (const { agent, runs } of agents) {
          const run = runs.find(({ ended }) => !ended);
          if (!run || next() > 0.1) continue;
          run.end();
          agent.sendMore(run);
        }
        isOver = ana.rollouts.get(ask.rolloutId)?.endedAt !== undefined;
      }
      if (isOver) assert.equal(ana.rollouts.get(ask.rolloutId)?.counts.succeeded, names.length);
      await relay.end('SIGKILL');
      for (const { agent } of agents) agent.cut();
      ana.cut();
    }
    assert.ok(lives > 2, 'it was over before it was killed');
    for (const { host, runs } of hosts) assert.equal(runs.length, 1, host);
  });

  it('still has what it replied to: a run that waits for its host', async () => {
    await using folder = await temporaryFolder();
    await using relay = new RelayChild(folder.path);
    await relay.start();
    const hostToken = (await relay.run('enroll', 'web', '--token-only')).stdout.trim();
    const operatorToken = (await relay.run('operator', 'ana', '--token-only')).stdout.trim();
    const ana = await TestOperator.hello({ relay: relay.address, token: operatorToken });
    const runId = newRunId();
    const replied = ana.update('web', runId);
    assert.equal((await replied).ok, true);
    await relay.end('SIGKILL');
    await relay.start();
    const agent = await TestAgent.hello({ relay: relay.address, token: hostToken, host: 'web' });
    assert.equal((await agent.hear('update-agent')).runId, runId);
    agent.cut();
    await relay.end('SIGTERM');
  });
});
