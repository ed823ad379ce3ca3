import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { assertAsBefore, assertOutcome, assertUpdatedTo, factsOf } from '../../fleet/oracle.ts';
import { Fleet } from '../../support/fleet.ts';
import type { Operator } from '../../support/operator.ts';
import { OWNER, type TestHost } from '../lab/host.ts';

describe('a host that rebuilds by nixos-rebuild, from a flake in a folder of the repository,', function () {
  this.timeout(120_000);
  let fleet: Fleet;
  let operator: Operator;
  let host: TestHost;

  before(async function () {
    this.timeout(600_000);
    fleet = await Fleet.create({
      hosts: ['h1'],
      flakeDir: 'machines',
      options: { method: 'nixos-rebuild' },
      log: line => console.log(`      ${line}`),
    });
    host = await fleet.addHost('h1');
    operator = await fleet.operator();
    await operator.waitFor('the agent', () => operator.hosts.get('h1')?.online);
  });
  after(() => fleet.close());

  it('ends with what a rebuild by hand builds, and nothing of root’s in the checkout', async () => {
    await fleet.lab.nixfleet.publish('1.1.0');
    const run = await operator.finished(await operator.update('h1'));
    await assertUpdatedTo(host, run, '1.1.0');
    assert.equal(run.state.host?.method, 'nixos-rebuild');
    const attribute = `${host.flake}#nixosConfigurations."h1".config.system.build.toplevel`;
    const byHand = await host.run(['nix', 'build', '--no-link', '--print-out-paths', attribute], { user: OWNER });
    assert.equal((await factsOf(host)).current, byHand);
    assert.equal(await host.run(['find', '/home/ana', '!', '-user', 'ana']), '');
  });

  it('says so when there is nothing to update', async () => {
    const before = await factsOf(host);
    const run = await operator.finished(await operator.update('h1'));
    assertOutcome(run, 'succeeded');
    assert.equal(run.state.end?.changed, false);
    await assertAsBefore(host, before);
  });

  for (const [title, faults, outcome, kind] of [
    ['an activation error', { activation: { at: 'script' } }, 'failed', 'activation'],
    ['a generation that needs a reboot', { activation: { at: 'check' } }, 'failed', 'needs-reboot'],
    ['an agent that crashes', { agent: 'crash' }, 'rolled-back', 'agent-not-confirmed'],
  ] as const)
    it(`puts profile, boot default and generation back after ${title}`, async () => {
      await fleet.lab.nixcfg.setFaults('h1', faults);
      await fleet.lab.nixfleet.publish(`1.2.${title.length}`);
      const before = await factsOf(host);
      const run = await operator.finished(await operator.update('h1', { deadlines: { confirming: 5000 } }));
      assertOutcome(run, outcome);
      assert.equal(run.state.end?.reason?.kind, kind, run.output.slice(-3000));
      await assertAsBefore(host, before);
    });

  it('goes on when some unit fails that has nothing to do with the agent, and warns', async () => {
    await fleet.lab.nixcfg.setFaults('h1', { units: { 'backup.service': '/bin/false' } });
    await fleet.lab.nixfleet.publish('1.3.0');
    const run = await operator.finished(await operator.update('h1'));
    await assertUpdatedTo(host, run, '1.3.0');
    assert.match(run.state.warnings.join('\n'), /backup\.service/);
  });
});
