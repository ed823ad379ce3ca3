import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { OWNER, type TestHost } from '../hosts/lab/host.ts';
import { Fleet } from '../support/fleet.ts';
import type { Operator, WatchedRun } from '../support/operator.ts';
import { assertNothingWasLost, assertUpdatedTo, factsOf } from './oracle.ts';

describe('hosts that publish their lock', () => {
  let fleet: Fleet;
  let operator: Operator;
  let h1: TestHost;
  let h2: TestHost;

  before(async () => {
    fleet = await Fleet.create({
      hosts: ['h1', 'h2'],
      options: { lock: { publish: 'push' } },
      log: line => console.log(`      ${line}`),
    });
    h1 = await fleet.addHost('h1');
    h2 = await fleet.addHost('h2');
    operator = await fleet.operator();
    await operator.waitFor('both agents', () => ['h1', 'h2'].every(name => operator.hosts.get(name)?.online));
  });
  after(() => fleet.close());

  /** Updates both at the same time, to the end. */
  async function updateBoth(version: string): Promise<readonly WatchedRun[]> {
    await fleet.lab.nixfleet.publish(version);
    const ids = await Promise.all([operator.update('h1'), operator.update('h2')]);
    const runs = await Promise.all(ids.map(id => operator.finished(id)));
    for (const [i, host] of [h1, h2].entries()) {
      const run = runs[i]!;
      await assertUpdatedTo(host, run, version);
      assertNothingWasLost(host, run);
      assert.equal(run.state.warnings.join('\n'), '', run.output);
    }
    return runs;
  }

  /** Both checkouts are clean, at upstream, and their owner's. */
  async function assertAtUpstream(): Promise<void> {
    await fleet.lab.nixcfg.pull();
    const rev = await fleet.lab.nixcfg.rev();
    for (const host of [h1, h2]) {
      const { head, branch, status } = await factsOf(host);
      assert.deepEqual([head, branch, status], [rev, 'main', '']);
      assert.equal(await host.run(['find', host.checkout, '!', '-user', OWNER]), '');
    }
  }

  it('at once: one wins, the other pulls that and carries on, and the commit touches flake.lock alone', async () => {
    // neither push gets further than to the door before the other is there as well
    const door = join(fleet.lab.folder, 'door');
    mkdirSync(door);
    await fleet.lab.nixcfg.takePushes({
      'pre-receive': `mktemp -d ${door}/XXXXXX >/dev/null
        for i in $(seq 600); do [ "$(ls ${door} | wc -l)" -ge 2 ] && exit 0; sleep 0.1; done; exit 1`,
    });
    const before = await fleet.lab.nixcfg.rev();
    const runs = await updateBoth('1.1.0');
    const results = runs.map(run => run.state.published?.result).sort();
    assert.deepEqual(results, ['held', 'pushed'], runs.map(run => run.output).join('\n---\n'));
    await assertAtUpstream();
    const rev = await fleet.lab.nixcfg.rev();
    assert.deepEqual(
      runs.map(run => run.state.published?.rev),
      [rev, rev],
    );
    const log = await fleet.lab.nixcfg.git('log', '--format=%an <%ae>|%P', '--name-only', `${before}..`);
    const winner = runs.find(run => run.state.published?.result === 'pushed') === runs[0] ? 'h1' : 'h2';
    assert.equal(log, `NixFleet <nixfleet@${winner}>|${before}\n\n${fleet.lab.nixcfg.path('flake.lock')}`);
    assert.equal(runs.filter(run => /\[(?:remote )?rejected\]/.test(run.output)).length, 1, 'the pushes met');
  });

  it('pull the next time what was published, whoever did it', async () => {
    await fleet.lab.nixcfg.commit({ 'NOTES.md': 'somebody was here\n' }, 'Take a note');
    const runs = await updateBoth('1.2.0');
    assert.ok(runs.every(run => ['held', 'pushed'].includes(run.state.published?.result ?? '')));
    await assertAtUpstream();
    const again = await operator.finished(await operator.update('h2'));
    assert.equal(again.state.published?.result, 'held');
    assert.ok(!again.state.steps.some(step => step.argv[1] === 'push'));
    await assertAtUpstream();
  });

  it('succeed all the same where the branch takes no push, say why, and are not in the way of the next update', async () => {
    await fleet.lab.nixcfg.takePushes({ update: 'echo "the branch is protected" >&2; exit 1' });
    const before = await fleet.lab.nixcfg.rev();
    await fleet.lab.nixfleet.publish('1.3.0');
    const refused = await operator.finished(await operator.update('h1'));
    await assertUpdatedTo(h1, refused, '1.3.0');
    assert.match(refused.state.published?.why ?? '', /the remote refused it: the branch is protected/);
    assert.match(refused.state.warnings.join(), /flake\.lock was not published: the remote refused it/);
    assert.equal((await factsOf(h1)).head, before);

    rmSync(join(fleet.lab.nixcfg.bare, 'hooks/update'));
    await fleet.lab.nixcfg.commit({ 'NOTES.md': 'and again\n' }, 'Take another note');
    await updateBoth('1.4.0');
    await assertAtUpstream();
  });
});
