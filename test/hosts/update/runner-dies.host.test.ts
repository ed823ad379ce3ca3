import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import {
  agentPid,
  assertAsBefore,
  assertNothingWasLost,
  assertOutcome,
  assertUpdatedTo,
  factsOf,
} from '../../fleet/oracle.ts';
import { Fleet } from '../../support/fleet.ts';
import type { Operator, WatchedRun } from '../../support/operator.ts';
import { OWNER, type TestHost } from '../lab/host.ts';

describe('a runner on a real host', function () {
  this.timeout(120_000);
  let fleet: Fleet;
  let operator: Operator;
  let host: TestHost;

  before(async function () {
    this.timeout(600_000);
    fleet = await Fleet.create({ hosts: ['h1'], log: line => console.log(`      ${line}`) });
    host = await fleet.addHost('h1');
    operator = await fleet.operator();
    await operator.waitFor('the agent', () => operator.hosts.get('h1')?.online);
  });
  after(() => fleet.close());

  const killRunner = async ({ runId }: WatchedRun): Promise<void> => {
    const unit = `nixfleet-run@${runId}.service`;
    const pid = await host.run(['systemctl', 'show', '--property=MainPID', '--value', unit]);
    await host.run(['kill', '-9', pid]);
  };

  it('that is killed while building, with the agent, is followed by another that finishes the run', async () => {
    await fleet.lab.nixcfg.setFaults('h1', { build: { lines: 200, msPerLine: 20 } });
    await fleet.lab.nixfleet.publish('1.1.0');
    const run = await operator.watch(await operator.update('h1'));
    await operator.waitFor('output of the build', () => run.output.includes('building part 50 of 200'));
    await Promise.all([killRunner(run), host.run(['kill', '-9', String(await agentPid(host))])]);
    await operator.finished(run.runId);
    assert.equal(run.state.resumes, 1);
    assert.match(run.output, /building part 200 of 200/);
    assertNothingWasLost(host, run);
    await assertUpdatedTo(host, run, '1.1.0');
  });

  it('that is killed while activating activates again, and the run succeeds', async () => {
    await fleet.lab.nixcfg.setFaults('h1', { units: { 'slow.service': '/bin/sleep 4' } });
    await fleet.lab.nixfleet.publish('1.2.0');
    const run = await operator.watch(await operator.update('h1'));
    await operator.waitFor('the activation', () => run.output.includes('activating the configuration'));
    await killRunner(run);
    await operator.finished(run.runId);
    assert.equal(run.state.resumes, 1);
    assertNothingWasLost(host, run);
    await assertUpdatedTo(host, run, '1.2.0');
  });

  it('is cancelled while building: what it started is gone, and everything is as it was', async () => {
    await fleet.lab.nixcfg.setFaults('h1', { build: { lines: 1, hang: true } });
    await fleet.lab.nixfleet.publish('1.3.0');
    const before = await factsOf(host);
    const run = await operator.watch(await operator.update('h1'));
    await operator.waitFor('the build', () => run.output.includes('building part 1 of 1'));
    host.writeFile(`/var/lib/nixfleet-agent/inbox/${run.runId}.cancel`, '{ "format": 1, "by": "ana", "at": 0 }');
    await operator.finished(run.runId);
    assertOutcome(run, 'cancelled');
    await assertAsBefore(host, before);
    // one that looks at what there is now may be there for a moment
    const isGone = async (): Promise<boolean> => (await host.exec(['pgrep', '-u', OWNER, '-x', 'nix'])).stdout === '';
    await host.waitFor(isGone, { what: 'every nix of the owner’s to be gone' });
  });
});
