import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { MAX_MESSAGE_BYTES, type HostStatus } from '../../protocol/index.ts';
import { MemoryBackbone } from '../backbone/memory/memory.ts';
import { Harness, newRunId } from '../testing/harness.ts';
import { HostRun } from '../testing/host-run.ts';
import { TestOperator } from '../testing/test-operator.ts';
import { until } from '../testing/wait.ts';

describe('the fleet that an operator is shown', () => {
  let harness: Harness;
  beforeEach(async () => (harness = await Harness.start()));
  afterEach(() => harness[Symbol.asyncDispose]());

  it('is all hosts, also those that never connected, then what changes', async () => {
    await harness.token('host', 'never');
    const ana = await harness.operator();
    assert.deepEqual([...ana.hosts.keys()], ['never']);
    assert.equal(ana.hosts.get('never')?.lastSeenAt, undefined);
    const agent = await harness.agent('web');
    await until('the host', () => ana.hosts.get('web')?.online);
    assert.equal(ana.hosts.get('web')?.agent?.version, '1.0.0');
    agent.cut();
    await until('that it is gone', () => ana.hosts.get('web')?.online === false);
    assert.ok((ana.hosts.get('web')?.lastSeenAt ?? 0) > 0);
  });

  it('tells of a host at most once in 50 ms, and of its last state always', async () => {
    const agent = await harness.agent('web');
    const ana = await harness.operator();
    const before = ana.heard.length;
    const startedAt = performance.now();
    for (let at = 1; at <= 300; at++) agent.say({ type: 'status', status: { at, problems: [] } });
    await until('the last', () => ana.hosts.get('web')?.status?.at === 300);
    const told = ana.heard.slice(before).filter(({ type }) => type === 'host').length;
    assert.ok(told <= (performance.now() - startedAt) / 50 + 2, `${told} messages`);
  });

  it('comes in parts that each fit into a message', async () => {
    const backbone = new MemoryBackbone();
    await harness[Symbol.asyncDispose]();
    const status: HostStatus = { at: 1, problems: Array.from({ length: 10 }, () => 'ü'.repeat(2000)) };
    for (let i = 0; i < 250; i++) {
      const host = `host-${i}`;
      await backbone.enrollHost(host, String(i).padStart(64, '0'), 1);
      await backbone.putStatus(host, status, 1);
    }
    harness = await Harness.start({ store: backbone });
    const sizes: number[] = [];
    const ana = TestOperator.open({ relay: harness.url, token: await harness.token('operator', 'ana') });
    ana.socket.on('message', data => sizes.push((data as Buffer).length));
    await ana.status();
    ana.say({ type: 'hello', protocol: 1, client: { name: 'n', version: '1' } });
    // what changes while the snapshot is under way is told as well
    await backbone.enrollHost('late', 'f'.repeat(64), 1);
    await until('the fleet', () => ana.fleetComplete);
    await until('the late one', () => ana.hosts.has('late'));
    assert.equal(ana.hosts.size, 251);
    const parts = ana.heard.filter(({ type }) => type === 'fleet');
    assert.ok(parts.length >= 3);
    assert.ok(Math.max(...sizes) <= MAX_MESSAGE_BYTES);
    ana.cut();
  });

  it('lists the runs of a host page by page', async () => {
    const runs = Array.from({ length: 7 }, (_, i) => new HostRun(newRunId(Date.now() - 10_000 + i)));
    for (const run of runs) run.end();
    await harness.agent('web', { runs });
    const ana = await harness.operator();
    await until(
      'all runs',
      async () => (await ana.ask({ type: 'list-runs', host: 'web', limit: 100 })).runs?.length === 7,
    );
    const ids = runs.map(({ runId }) => runId).reverse();
    const first = await ana.ask({ type: 'list-runs', host: 'web', limit: 3 });
    assert.deepEqual(
      first.runs?.map(({ runId }) => runId),
      ids.slice(0, 3),
    );
    const second = await ana.ask({ type: 'list-runs', host: 'web', limit: 100, before: ids[2]! });
    assert.deepEqual(
      second.runs?.map(({ runId }) => runId),
      ids.slice(3),
    );
  });
});
