import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { parseFlakeLock } from '../../flake-lock/index.ts';
import { OWNER, type TestHost } from '../hosts/lab/host.ts';
import { Fleet } from '../support/fleet.ts';
import type { Operator, WatchedRun } from '../support/operator.ts';
import { assertNothingWasLost, assertOutcome, assertUpdatedTo, factsOf } from './oracle.ts';

describe('updating hosts through a relay', () => {
  let fleet: Fleet;
  let operator: Operator;
  let h1: TestHost;
  let h2: TestHost;

  before(async () => {
    fleet = await Fleet.create({ hosts: ['h1', 'h2'], log: line => console.log(`      ${line}`) });
    h1 = await fleet.addHost('h1');
    h2 = await fleet.addHost('h2');
    operator = await fleet.operator();
    await operator.waitFor('both agents', () => ['h1', 'h2'].every(name => operator.hosts.get(name)?.online));
  });
  after(() => fleet.close());

  it('goes through all phases and ends with the agent that the new generation names', async () => {
    const old = (await factsOf(h1)).agentVersion;
    const rev = await fleet.lab.nixfleet.publish('1.1.0');
    const run = await operator.finished(await operator.update('h1'));
    await assertUpdatedTo(h1, run, '1.1.0');
    assertNothingWasLost(h1, run);
    assert.deepEqual(
      run.state.phases.map(span => span.phase),
      ['accepted', 'pulling', 'locking', 'building', 'activating', 'confirming', 'committing'],
    );
    assert.equal(run.state.before?.agent?.version, old);
    assert.deepEqual(
      [lockedRev(run, 'lock-before'), lockedRev(run, 'lock-after')],
      [fleet.lab.nixfleet.revOf('1.0.0'), rev],
    );
    assert.ok(run.state.steps.every(step => step.exitCode === 0));
    assert.ok((run.state.totals?.builds ?? 0) > 0, 'nix said what it built');
    const agent = run.state.packages?.changes.find(({ name }) => name === 'nixfleet-agent');
    assert.deepEqual([agent?.before, agent?.after], [[old], ['1.1.0']]);
  });

  it('tells how far the build is while it goes on, to those who come then as well', async () => {
    const hold = '/run/nixfleet-test-hold';
    await h1.run(['touch', hold]);
    await fleet.lab.nixcfg.setFaults('h1', { build: { hold } });
    const runId = await operator.update('h1');
    const progress = await operator.waitFor('what is being built', () => {
      const said = operator.runs.get(runId)?.progress;
      return said?.now.some(({ kind }) => kind === 'build') && said;
    });
    assert.ok((progress.builds?.done ?? Infinity) < (progress.builds?.total ?? 0), JSON.stringify(progress));
    await using late = await fleet.operator();
    await late.waitFor('the same', () => late.runs.get(runId)?.progress?.builds);
    await h1.run(['rm', hold]);
    const run = await operator.finished(runId);
    assertOutcome(run, 'succeeded');
    assert.equal(operator.runs.get(runId)?.progress, undefined, 'it is over with the build');
    assert.equal(run.state.totals?.builds, progress.builds?.total);
  });

  it('builds what a rebuild by hand builds', async () => {
    const facts = await factsOf(h1);
    const byHand = await h1.run(
      [
        'nix',
        'build',
        '--no-link',
        '--print-out-paths',
        `${h1.flake}#nixosConfigurations."h1".config.system.build.toplevel`,
      ],
      { user: OWNER },
    );
    assert.equal(facts.current, byHand);
  });

  it('says so when there is nothing to update, and activates nothing', async () => {
    const before = await factsOf(h1);
    const run = await operator.finished(await operator.update('h1'));
    assertOutcome(run, 'succeeded');
    assert.equal(run.state.end?.changed, false);
    assert.match(run.output, /nothing to update|up to date/i);
    assert.ok(!run.state.phases.some(span => span.phase === 'activating'));
    assert.deepEqual(await factsOf(h1), before);
  });

  it('ends on the asked revision on every host although a newer one is pushed in between', async () => {
    const wanted = await fleet.lab.nixfleet.publish('1.2.0');
    const first = await operator.update('h1', { targetRev: wanted });
    await fleet.lab.nixfleet.publish('1.3.0');
    const second = await operator.update('h2', { targetRev: wanted });
    for (const [host, runId] of [
      [h1, first],
      [h2, second],
    ] as const) {
      const run = await operator.finished(runId);
      await assertUpdatedTo(host, run, '1.2.0');
      assert.equal(lockedRev(run, 'lock-after'), wanted);
    }
  });

  it('keeps an update for a host that is off, and begins when it comes back', async () => {
    await h2.shutdown();
    await operator.waitFor('h2 to be offline', () => operator.hosts.get('h2')?.online === false);
    const runId = await operator.update('h2');
    assert.equal(operator.runs.get(runId)?.delivery, 'queued');
    assert.equal(operator.runs.get(runId)?.phase, 'queued');
    await h2.bootAgain();
    await assertUpdatedTo(h2, await operator.finished(runId), '1.3.0');
  });

  it('is not blocked by the lock that the run before left, when upstream touches it too', async () => {
    assert.match((await factsOf(h1)).status, /flake\.lock/);
    const lock = fleet.lab.nixcfg.path('flake.lock');
    await fleet.lab.nixcfg.commit({ [lock]: `${fleet.lab.nixcfg.read(lock)}\n` }, 'Touch the lock upstream');
    await fleet.lab.nixfleet.publish('1.4.0');
    await assertUpdatedTo(h1, await operator.finished(await operator.update('h1')), '1.4.0');
  });
});

function lockedRev(run: WatchedRun, stream: 'lock-before' | 'lock-after'): string | undefined {
  const parsed = parseFlakeLock(run.bytes(stream).toString());
  assert.ok(parsed.ok);
  const lock = JSON.parse(run.bytes(stream).toString()) as { nodes: Record<string, { locked?: { rev?: string } }> };
  return lock.nodes['nixfleet']?.locked?.rev;
}
