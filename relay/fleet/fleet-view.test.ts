import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { FleetHost, ToOperatorMessage } from '../../protocol/index.ts';
import { MemoryBackbone } from '../backbone/memory/memory.ts';
import { newRunId } from '../testing/harness.ts';
import { AGENT } from '../testing/test-agent.ts';
import { until } from '../testing/wait.ts';
import { FleetView, type FleetKey } from './fleet-view.ts';

const NOW = 1_800_000_000_000;
const ended = { v: 1, seq: 1, at: 5, type: 'ended', outcome: 'succeeded', changed: true, after: {} };

describe('the fleet as operators see it', () => {
  let backbone: MemoryBackbone;
  let view: FleetView;
  let told: { key: FleetKey; message: ToOperatorMessage }[];

  beforeEach(async () => {
    backbone = new MemoryBackbone();
    await backbone.enrollHost('web', 'a'.repeat(64), NOW);
    await start();
  });
  afterEach(() => view.close());

  async function start(): Promise<void> {
    view = await FleetView.of(backbone);
    told = [];
    view.onChange((key, text) => told.push({ key, message: JSON.parse(text) as ToOperatorMessage }));
  }
  const keys = () => told.map(({ key }) => key);
  const shown = () => view.host('web')?.runs.map(({ runId }) => runId);

  it('has the live run first, and a handful of those before it', async () => {
    const ids = Array.from({ length: 8 }, (_, i) => newRunId(NOW + i));
    for (const id of ids) {
      await backbone.adoptRun(id, 'web');
      if (id !== ids[0]) await backbone.appendEvents(id, [ended]);
    }
    const expected = [ids[0], ids[7], ids[6], ids[5], ids[4]];
    assert.deepEqual(shown(), expected);
    view.close();
    await start();
    assert.deepEqual(shown(), expected, 'the same when it is read from the store');
  });

  it('tells of hosts that come, change and go', async () => {
    await backbone.enrollHost('db', 'b'.repeat(64), NOW);
    await until('the host', () => keys().includes('host:db'));
    await backbone.claimHost({ host: 'web', session: 's', agent: AGENT, at: NOW, onCommand: () => undefined });
    await until('the agent', () =>
      told.some(({ message }) => message.type === 'host' && message.host.agent?.version === AGENT.version),
    );
    await backbone.revoke({ kind: 'host', name: 'db' }, 'root', NOW);
    await until('the end', () => told.some(({ message }) => message.type === 'host-removed' && message.host === 'db'));
    assert.deepEqual(view.names(), ['web']);
  });

  it('tells of a new run with its host, and of what moves on alone', async () => {
    const runId = newRunId();
    await backbone.adoptRun(runId, 'web');
    await until('the run', () => keys().includes(`run:${runId}`) && keys().includes('host:web'));
    told.length = 0;
    for (let seq = 1; seq <= 20; seq++) {
      await backbone.appendEvents(runId, [{ v: 1, seq, at: seq, type: 'phase', phase: 'building' }]);
    }
    await until('the last', () => told.some(({ message }) => message.type === 'run' && message.run.seq === 20));
    assert.deepEqual([...new Set(keys())], [`run:${runId}`]);
    assert.ok(told.length < 20, 'many changes are told together');
  });

  it('tells how far a build is with its run, as long as it builds, and to those who come then', async () => {
    const runId = newRunId();
    const progress = { builds: { done: 3, total: 5 }, now: [], more: 0 };
    const shownProgress = (): unknown => view.host('web')?.runs.find(run => run.runId === runId)?.progress;
    await backbone.adoptRun(runId, 'web');
    await backbone.tellProgress('web', runId, progress);
    assert.equal(shownProgress(), undefined, 'it does not build yet');
    await backbone.appendEvents(runId, [{ v: 1, seq: 1, at: 1, type: 'phase', phase: 'building' }]);
    await backbone.tellProgress('web', runId, progress);
    await until('the progress', () => told.some(({ message }) => message.type === 'run' && message.run.progress));
    await backbone.appendEvents(runId, [{ v: 1, seq: 2, at: 2, type: 'warning', message: 'w' }]);
    assert.deepEqual(shownProgress(), progress, 'another event of the build does not take it away');
    assert.equal((await backbone.run(runId))?.summary.progress, undefined, 'it is kept nowhere');
    await backbone.appendEvents(runId, [{ v: 1, seq: 3, at: 3, type: 'phase', phase: 'activating' }]);
    assert.equal(shownProgress(), undefined);
    await backbone.tellProgress('web', runId, progress);
    assert.equal(shownProgress(), undefined, 'what comes late is for nobody');
  });

  it('says what is so now to those who could not listen', async () => {
    assert.equal(view.text('host:nobody'), '{"type":"host-removed","host":"nobody"}');
    assert.equal(view.text(`run:${newRunId()}`), undefined);
    const runId = newRunId();
    await backbone.adoptRun(runId, 'web');
    await until('the run', () => keys().includes(`run:${runId}`));
    assert.match(view.text(`run:${runId}`) ?? '', /"delivery":"begun"/);
    const message = JSON.parse(view.text('host:web') ?? '') as { host: FleetHost };
    assert.equal(message.host.runs.length, 1);
  });

  it('has the runs of a host that comes back to the fleet', async () => {
    const runId = newRunId();
    await backbone.adoptRun(runId, 'web');
    await backbone.revoke({ kind: 'host', name: 'web' }, 'root', NOW);
    assert.equal(view.host('web'), undefined);
    await backbone.enrollHost('web', 'c'.repeat(64), NOW);
    await until('its run', () => shown()?.[0] === runId);
  });

  it('forgets runs that retention removed', async () => {
    const old = newRunId(NOW - 90 * 86_400_000);
    for (const id of [old, newRunId(NOW)]) {
      await backbone.adoptRun(id, 'web');
      await backbone.appendEvents(id, [ended]);
    }
    await backbone.applyRetention(NOW);
    assert.equal(shown()?.includes(old), false);
    assert.equal(shown()?.length, 1);
  });
});
