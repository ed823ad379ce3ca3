import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { encodeFrame } from '../../protocol/index.ts';
import { Harness, newRunId } from '../testing/harness.ts';
import { HostRun } from '../testing/host-run.ts';
import type { TestAgent } from '../testing/test-agent.ts';
import type { TestOperator } from '../testing/test-operator.ts';
import { until } from '../testing/wait.ts';

describe('the output of a run', () => {
  let harness: Harness;
  let ana: TestOperator;
  let agent: TestAgent;
  let run: HostRun;

  beforeEach(async () => {
    harness = await Harness.start();
    ana = await harness.operator();
    run = new HostRun(newRunId());
    run.event({ type: 'phase', phase: 'building' });
    agent = await harness.agent('web', { runs: [run], frameSize: 1000 });
    await agent.hear('events-ack');
  });
  afterEach(async () => {
    assert.deepEqual(ana.faults, []);
    await harness[Symbol.asyncDispose]();
  });

  const complete = (operator: TestOperator) =>
    until(
      'the end',
      () => operator.copy(run.runId).ended && operator.events.get(run.runId)?.length === run.events.length,
    );
  const same = (operator: TestOperator) => {
    assert.equal(operator.bytes(run.runId).length, run.bytes().length);
    assert.ok(operator.bytes(run.runId).equals(run.bytes()));
    assert.deepEqual(operator.events.get(run.runId), run.events);
    assert.deepEqual(operator.faults, []);
  };

  it('comes to everybody who watches, from wherever each begins, once', async () => {
    const bea = await harness.operator('bea');
    await ana.watch(run.runId);
    for (let i = 0; i < 200; i++) {
      run.write(`line ${i}\n`.repeat(20));
      agent.sendMore(run);
      if (i === 50) await bea.watch(run.runId);
      if (i % 10 === 0) await new Promise(resolve => setImmediate(resolve));
    }
    run.end();
    agent.sendMore(run);
    for (const operator of [ana, bea]) {
      await complete(operator);
      same(operator);
      assert.equal(operator.copy(run.runId).duplicates, 0);
    }
  });

  it('goes on from any position, byte by byte', async () => {
    run.write(Buffer.from(Array.from({ length: 5000 }, (_, i) => i % 251)));
    run.end();
    agent.sendMore(run);
    await ana.watch(run.runId);
    await complete(ana);
    const whole = run.bytes();
    const bea = await harness.operator('bea');
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length), async offset => {
        bea.copies.clear();
        const copy = bea.copy(run.runId);
        copy.bytes = [whole.subarray(0, offset)];
        copy.at = { epoch: 0, offset };
        const streams = { output: copy.at };
        await bea.ask({ type: 'subscribe', runId: run.runId, afterSeq: run.events.length, streams });
        await until('the end', () => copy.ended);
        assert.ok(bea.bytes(run.runId).equals(whole));
        assert.equal(copy.duplicates, 0);
      }),
      { numRuns: 40 },
    );
    assert.deepEqual(bea.faults, []);
  });

  it('comes with how far the build is, which the relay asks for in its welcome', async () => {
    assert.equal(agent.heard.find(message => message.type === 'welcome')?.progress, true);
    const progress = { builds: { done: 2, total: 5 }, now: [{ kind: 'build' as const, name: 'hello' }], more: 0 };
    agent.say({ type: 'progress', runId: run.runId, progress });
    await until('the progress', () => ana.heard.some(message => message.type === 'run' && message.run.progress));
    const late = await harness.operator('ben');
    assert.deepEqual(late.hosts.get('web')?.runs[0]?.progress, progress, 'who comes later is told, too');
    const reply = await late.watch(run.runId);
    assert.deepEqual(reply.run?.progress, progress, 'and so is who looks at the run');
  });

  it('is cut back at every viewer when the host lost power, wherever the viewer was', async () => {
    const behind = await harness.operator('behind');
    const away = await harness.operator('away');
    run.write('a'.repeat(5000));
    agent.sendMore(run);
    for (const operator of [ana, away]) {
      await operator.watch(run.runId);
      await until('the output', () => operator.bytes(run.runId).length === 5000);
    }
    await away.ask({ type: 'unsubscribe', runId: run.runId });
    await ana.watch(run.runId);

    agent.cut();
    run.losePower(1234);
    const back = await harness.agent('web', { runs: [run], frameSize: 700 });
    await back.hear('resume');
    run.write('b'.repeat(3000));
    back.sendMore(run);
    await until('the new bytes', () => ana.bytes(run.runId).equals(run.bytes()));
    run.losePower(100);
    back.sendMore(run);
    run.write('c'.repeat(10));
    run.end();
    back.sendMore(run);
    for (const operator of [ana, away, behind]) {
      if (operator !== ana) await operator.watch(run.runId);
      await complete(operator);
      same(operator);
    }
  });

  it('that a host lost without writing anything new is cut back too', async () => {
    run.write('a'.repeat(500));
    agent.sendMore(run);
    await ana.watch(run.runId);
    await until('the output', () => ana.bytes(run.runId).length === 500);
    agent.cut();
    run.losePower(200);
    run.end();
    await harness.agent('web', { runs: [run] });
    await complete(ana);
    same(ana);
  });

  it('is sent again when a frame is missing', async () => {
    await ana.watch(run.runId);
    run.write('a'.repeat(3000));
    const frame = run.frameAt({ epoch: 0, offset: 1000 }, 'output', 1000);
    for (let i = 0; i < 5; i++) agent.sayRaw(encodeFrame(frame));
    await agent.hear('rewind', ({ to }) => to.offset === 0);
    await until('the output', () => ana.bytes(run.runId).length === 3000);
    assert.equal(agent.heard.filter(({ type }) => type === 'rewind').length, 1, 'one gap is one question');
    run.end();
    agent.sendMore(run);
    await complete(ana);
    same(ana);
  });

  it('is complete although events were skipped on the way', async () => {
    await ana.watch(run.runId);
    for (let i = 0; i < 10; i++) run.event({ type: 'note', i });
    agent.say({ type: 'events', runId: run.runId, events: run.events.slice(5) });
    await agent.hear('resume', ({ afterSeq }) => afterSeq === 1);
    run.end();
    agent.sendMore(run);
    await complete(ana);
    same(ana);
  });

  it('is what the last connection of a host says, whatever an older one still sends', async () => {
    await ana.watch(run.runId);
    const second = await harness.agent('web', { runs: [run], info: { instance: 'two' } });
    assert.equal((await agent.closed()).code, 4409);
    run.write('abc');
    run.end();
    second.sendMore(run);
    await complete(ana);
    same(ana);
    await until('the second', () => ana.hosts.get('web')?.agent?.instance === 'two');
    assert.equal(ana.hosts.get('web')?.online, true, 'the end of the first is not the end of the host');
  });

  it('of 5 MB without a newline, and with control sequences, comes as it is', async () => {
    await ana.watch(run.runId);
    run.write('\x1b[31m'.repeat(1_000_000));
    run.write(Buffer.from([0, 255, 13, 8, 27]));
    run.end();
    agent.sendMore(run);
    await complete(ana);
    same(ana);
  });

  it('does not wait for a viewer that does not read, nor pile up for it', async function () {
    this.timeout(60_000);
    const slow = await harness.operator('slow');
    const fast = await harness.agent('web', { runs: [run] });
    await Promise.all([ana.watch(run.runId), slow.watch(run.runId)]);
    run.write(Buffer.alloc(1000, 1));
    fast.sendMore(run);
    await until('the first bytes', () => slow.copy(run.runId).frames > 0 && ana.copy(run.runId).frames > 0);
    slow.socket.pause();
    const chunk = Buffer.alloc(2_000_000, 'x');
    for (let sent = 0; sent < 14; sent++) {
      run.write(chunk);
      fast.sendMore(run);
      await until('what was sent', () => ana.copy(run.runId).at.offset === run.bytes().length, 20_000);
    }
    const page = await (await fetch(`${harness.url.replace('ws:', 'http:')}/metrics`)).text();
    const sent = Number(/sent_bytes_total\{kind="operator"\} (\d+)/.exec(page)?.[1]);
    assert.ok(sent < 28_000_000 + 14_000_000, `${sent} bytes were sent for two viewers of 28 MB`);
    slow.socket.resume();
    run.end();
    fast.sendMore(run);
    await until('the end', () => slow.copy(run.runId).ended, 20_000);
    same(slow);
    await complete(ana);
    same(ana);
    assert.equal(slow.copy(run.runId).duplicates, 0);
  });

  it('stops when nobody wants it any more', async () => {
    await ana.watch(run.runId);
    await ana.ask({ type: 'unsubscribe', runId: run.runId });
    run.write('abc');
    agent.sendMore(run);
    run.event({ type: 'phase', phase: 'activating' });
    agent.sendMore(run);
    await until('the event', () => ana.heard.some(item => item.type === 'run' && item.run.phase === 'activating'));
    assert.equal(ana.bytes(run.runId).length, 0);
  });

  it('of a run that is over is not asked for again', async () => {
    run.write('abc');
    run.end();
    agent.sendMore(run);
    await ana.watch(run.runId, ['output', 'lock-before', 'lock-after']);
    await complete(ana);
    await until('the locks', () => ana.copy(run.runId, 'lock-after').ended);
    agent.cut();
    const again = await harness.agent('web', { runs: [run] });
    again.say({ type: 'status', status: { at: 5, problems: [] } });
    await until('the status', () => ana.hosts.get('web')?.status?.at === 5);
    assert.equal(
      again.heard.some(({ type }) => type === 'resume'),
      false,
    );
  });

  it('is refilled by the host when the relay has lost its disk', async () => {
    run.write('abc'.repeat(1000));
    run.losePower(2000);
    run.write('d'.repeat(100));
    run.end();
    await using empty = await Harness.start();
    await empty.agent('web', { runs: [run] });
    const bea = await empty.operator('bea');
    await until('the run', () => bea.hosts.get('web')?.runs[0]?.outcome === 'succeeded');
    await bea.watch(run.runId);
    await complete(bea);
    same(bea);
    const page = await bea.ask({ type: 'list-runs', host: 'web', limit: 10 });
    assert.deepEqual(
      page.runs?.map(({ runId, requestedBy }) => [runId, requestedBy]),
      [[run.runId, 'unknown']],
    );
    assert.deepEqual((await bea.ask({ type: 'list-runs', host: 'web', limit: 10, before: run.runId })).runs, []);
  });
});
