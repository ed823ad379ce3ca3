import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { Fleet } from '../support/fleet.ts';
import type { Operator } from '../support/operator.ts';
import type { TestHost } from '../hosts/lab/host.ts';
import { agentPid, assertAsBefore, assertNothingWasLost, assertOutcome, assertUpdatedTo, factsOf } from './oracle.ts';

describe('an update while things die', () => {
  let fleet: Fleet;
  let operator: Operator;
  let host: TestHost;

  before(async () => {
    fleet = await Fleet.create({ hosts: ['h1'], log: line => console.log(`      ${line}`) });
    host = await fleet.addHost('h1');
    operator = await fleet.operator();
    await operator.waitFor('the agent', () => operator.hosts.get('h1')?.online);
  });
  after(() => fleet.close());

  it('loses no byte when the agent and then the relay are killed in the middle of building', async () => {
    await fleet.lab.nixcfg.setFaults('h1', { build: { lines: 400, msPerLine: 15 } });
    await fleet.lab.nixfleet.publish('1.1.0');
    const run = await operator.watch(await operator.update('h1'));

    await operator.waitFor('output of the build', () => run.output.includes('building part 50 of 400'));
    const killed = await agentPid(host);
    await host.run(['kill', '-9', String(killed)]);
    await host.waitFor(async () => ![0, killed].includes(await agentPid(host)), {
      what: 'the agent to be started again',
    });
    await operator.waitFor('output after the agent came back', () => run.output.includes('building part 150 of 400'));
    await fleet.relay.kill();
    await fleet.relay.start();

    await operator.finished(run.runId);
    assert.match(run.output, /building part 400 of 400/);
    assertNothingWasLost(host, run);
    await assertUpdatedTo(host, run, '1.1.0');
  });

  it('boots its old generation when the power is lost while activating', async () => {
    await fleet.lab.nixcfg.setFaults('h1', { activation: { at: 'after', hang: true } });
    await fleet.lab.nixfleet.publish('1.2.0');
    const before = await factsOf(host);
    const run = await operator.watch(await operator.update('h1'));

    await operator.waitFor('the activation', () => run.state.phase === 'activating');
    await host.waitFor(() => host.realPath('/run/current-system') !== before.current, { what: 'the new generation' });
    await host.powerLoss();
    await host.bootAgain();

    await operator.finished(run.runId);
    assertOutcome(run, 'rolled-back');
    assert.match(run.state.end?.reason?.message ?? '', /power|boot/i);
    assertNothingWasLost(host, run);
    await assertAsBefore(host, before);
  });

  it('boots its old generation when the power is lost while confirming', async () => {
    await fleet.lab.nixcfg.setFaults('h1', { agent: 'mute' });
    await fleet.lab.nixfleet.publish('1.3.0');
    const before = await factsOf(host);
    const run = await operator.watch(await operator.update('h1'));

    await host.waitFor(() => host.realPath('/run/current-system') !== before.current, {
      what: 'the new generation',
      deadline: 60_000,
    });
    await host.powerLoss();
    await host.bootAgain();

    await operator.finished(run.runId);
    assertOutcome(run, 'rolled-back');
    assertNothingWasLost(host, run);
    await assertAsBefore(host, before);
  });
});
