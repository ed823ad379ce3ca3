import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { OWNER, type TestHost } from '../hosts/lab/host.ts';
import { Fleet } from '../support/fleet.ts';
import type { Operator } from '../support/operator.ts';
import { assertNothingWasLost, assertUpdatedTo, factsOf } from './oracle.ts';

describe('a build that says anything, of a flake in a folder of the repository', () => {
  let fleet: Fleet;
  let operator: Operator;
  let host: TestHost;

  before(async () => {
    fleet = await Fleet.create({
      hosts: ['h1'],
      flakeDir: 'machines',
      log: line => console.log(`      ${line}`),
    });
    host = await fleet.addHost('h1');
    operator = await fleet.operator();
    await operator.waitFor('the agent', () => operator.hosts.get('h1')?.online);
  });
  after(() => fleet.close());

  it('carries control sequences, and 5 MB without a newline, to whoever watches', async () => {
    await fleet.lab.nixcfg.setFaults('h1', { build: { lines: 3, control: true, longLineBytes: 5_000_000 } });
    await fleet.lab.nixfleet.publish('1.1.0');
    const run = await operator.finished(await operator.update('h1'));
    await assertUpdatedTo(host, run, '1.1.0');
    assertNothingWasLost(host, run);
    assert.ok(run.output.includes('x'.repeat(5_000_000)));
    assert.ok(run.output.includes('\u001b[1;31mred'));
  });

  it('builds what a rebuild by hand builds', async () => {
    const toplevel = `${host.flake}#nixosConfigurations."h1".config.system.build.toplevel`;
    const byHand = await host.run(['nix', 'build', '--no-link', '--print-out-paths', toplevel], { user: OWNER });
    const { current, profile, bootDefault } = await factsOf(host);
    assert.deepEqual([current, profile, bootDefault], [byHand, byHand, byHand]);
  });
});
