import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { after, afterEach, before, describe, it } from 'mocha';
import { ulid } from 'ulid';
import { foldRun, type Phase, type RunId } from '../../protocol/index.ts';
import { inboxPaths, runPaths } from '../run-directory/layout.ts';
import { TestHost, type FaultPlan } from './testing/test-host.ts';

describe('a wish to cancel', function () {
  this.timeout(60_000);
  let host: TestHost;
  before(async () => {
    host = new TestHost();
    assert.equal((await host.update()).outcome, 'succeeded');
    host.release('b');
    host.save();
  });
  afterEach(() => host.restore());
  after(() => host.remove());

  const cancel = (runId: RunId): void =>
    writeFileSync(
      inboxPaths(host.config.stateDir, runId).cancel,
      JSON.stringify({ format: 1, by: 'ana', at: Date.now() }),
    );

  /** Runs, cancels when the run is in the phase and its output has the text, and waits for the end. */
  async function cancelledWhile(phase: Phase, text: string): Promise<RunId> {
    const runId = host.ask();
    const run = host.run(runId);
    const deadline = Date.now() + 30_000;
    const isSoFar = (): boolean =>
      existsSync(runPaths(host.config.stateDir, runId).output) &&
      foldRun(host.events(runId)).phase === phase &&
      host.output(runId).includes(text);
    while (!isSoFar()) {
      assert.ok(Date.now() < deadline, 'it did not come so far');
      await delay(5);
    }
    cancel(runId);
    assert.equal(await run, 0);
    return runId;
  }

  const early: readonly (readonly [Phase, string, FaultPlan])[] = [
    ['locking', 'asking', { update: { hang: true, stderr: ['asking'] } }],
    ['building', 'part 3', { build: { hang: true } }],
  ];
  for (const [phase, text, plan] of early)
    it(`while ${phase} ends the work and puts everything back`, async () => {
      const before = host.state();
      host.push({ 'hosts.nix': `# ${phase}\n` }, phase);
      host.plan(plan);
      const runId = await cancelledWhile(phase, text);
      const end = host.end(runId);
      assert.deepEqual([end.outcome, end.reason?.message], ['cancelled', `cancelled by ana while ${phase}`]);
      assert.deepEqual(host.state(), before);
      assert.equal(foldRun(host.events(runId)).cancelAsked?.by, 'ana');
      assert.equal(existsSync(inboxPaths(host.config.stateDir, runId).cancel), false);
    });

  it('that came before the runner began anything ends the run at once', async () => {
    const before = host.state();
    const runId = host.ask();
    cancel(runId);
    await host.run(runId);
    assert.equal(host.end(runId).outcome, 'cancelled');
    assert.deepEqual(host.state(), before);
    assert.doesNotMatch(host.output(runId), /git fetch/);
  });

  it('that came just as its run ended does not stay behind, nor one for a run that was refused', async () => {
    const ended = host.ask();
    cancel(ended);
    await host.run(ended);
    const refused = host.ask({ expiresAt: 1 });
    await host.run(refused);
    const unknown = ulid() as RunId;
    for (const runId of [ended, refused, unknown]) cancel(runId);
    const next = host.ask();
    cancel(next);
    await host.run(next);
    assert.equal(host.end(next).outcome, 'cancelled');
    assert.deepEqual(readdirSync(join(host.config.stateDir, 'inbox')), [`${unknown}.cancel`]);
  });

  it('while confirming ends with the old generation and its agent back', async () => {
    const { running, profile, agent } = host.state();
    host.configure({ deadlines: { confirming: 30_000, settling: 20_000 } });
    const runId = await cancelledWhile('confirming', 'has to stay up');
    const end = host.end(runId);
    assert.deepEqual([end.outcome, end.changed], ['cancelled', false], host.output(runId));
    const after = host.state();
    assert.deepEqual([after.running, after.profile, after.agent], [running, profile, agent]);
  });

  it('that comes when the proven generation is being committed is too late, and the run says so', async () => {
    const deadlines = { confirming: 30_000, settling: 50, committing: 1500 };
    host.configure({ deadlines });
    host.plan({ commit: 'hang' });
    const runId = await cancelledWhile('committing', '$ nix-env');
    assert.equal(host.end(runId).reason?.kind, 'commit');
    assert.equal(foldRun(host.events(runId)).cancelAsked?.by, 'ana');
  });
});
