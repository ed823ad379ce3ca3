import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { assertUpdatedTo, factsOf } from '../fleet/oracle.ts';
import type { Faults } from '../hosts/lab/faults.ts';
import { OWNER, type TestHost } from '../hosts/lab/host.ts';
import { Fleet } from '../support/fleet.ts';
import type { Operator } from '../support/operator.ts';
import { assertSound, exposure } from './units.ts';

const UNIT = 'nixfleet-agent.service';

describe('The agent as the NixOS module runs it', function () {
  this.timeout(180_000);
  let fleet: Fleet;
  let operator: Operator;
  let host: TestHost;

  before(async function () {
    this.timeout(600_000);
    fleet = await Fleet.create({ hosts: ['h1', 'h2'], log: line => console.log(`      ${line}`) });
    host = await fleet.addHost('h1');
    operator = await fleet.operator();
    await operator.waitFor('the agent', () => operator.hosts.get('h1')?.online);
  });
  after(() => fleet.close());

  const property = (name: string, of = host): Promise<string> =>
    of.run(['systemctl', 'show', `--property=${name}`, '--value', UNIT]);
  /** As a person does it on the host. */
  const rebuild = async (): ReturnType<TestHost['exec']> => {
    await host.run(['git', 'pull', '--quiet', '--ff-only'], { user: OWNER, cwd: host.checkout });
    return host.exec(['nixos-rebuild', 'switch', '--flake', `${host.flake}#h1`], { sudoFrom: OWNER });
  };
  const isOnlineAs = (version: string): Promise<unknown> =>
    operator.waitFor(`agent ${version}`, () => {
      const { online, agent } = operator.hosts.get('h1') ?? {};
      return online && agent?.version === version;
    });

  it('is a user of its own in a tight sandbox', async () => {
    assert.ok((await exposure(host, UNIT)) <= 2.0, 'systemd-analyze security');
    assert.equal(await host.run(['ps', '-o', 'user=', '-p', await property('MainPID')]), 'nixfleet-agent');
  });

  it('has units that systemd finds nothing wrong with, and none that failed', async () => {
    await assertSound(host, /^nixfleet-/);
    assert.equal(await host.run(['systemctl', 'is-system-running']), 'running');
  });

  it('has folders that each belong to whoever writes there', async () => {
    const state = '/var/lib/nixfleet-agent';
    const folders = ['', '/inbox', '/agent', '/status', '/runs'].map(folder => state + folder);
    assert.equal(
      await host.run(['stat', '-c', '%U:%G %a', ...folders]),
      [
        'root:nixfleet-agent 751',
        'nixfleet-agent:nixfleet-agent 700',
        'nixfleet-agent:nixfleet-agent 755',
        `${OWNER}:root 755`,
        'root:nixfleet-agent 2751',
      ].join('\n'),
    );
  });

  it('is brought by a rebuild by hand, which restarts it once', async () => {
    const rev = await fleet.lab.nixfleet.publish('1.1.0');
    await host.run(['nix', 'flake', 'update', 'nixfleet'], { user: OWNER, cwd: host.flake });
    const { exitCode, stderr } = await rebuild();
    assert.equal(exitCode, 0, stderr);
    assert.match(stderr, /restarting the following units: nixfleet-agent\.service/);
    assert.doesNotMatch(stderr, /stopping the following units/);
    await isOnlineAs('1.1.0');
    assert.equal((await factsOf(host)).agentVersion, '1.1.0');
    assert.ok(host.readFile(`${host.flake}/flake.lock`).includes(rev));
  });

  it('takes over another configuration from a rebuild by hand', async () => {
    const pid = await property('MainPID');
    await fleet.lab.nixcfg.setOptions('h1', { ...fleet.optionsOf('h1'), logLevel: 'debug' });
    assert.equal((await rebuild()).exitCode, 0);
    assert.notEqual(await property('MainPID'), pid);
    await isOnlineAs('1.1.0');
  });

  for (const [title, faults] of [
    ['that ends before it does anything', { activation: { at: 'before', exit: 7 } }],
    ['whose script fails', { activation: { at: 'script' } }],
    ['that ends after it restarted everything', { activation: { at: 'after', exit: 9 } }],
    ['in which another unit fails', { units: { 'backup.service': '/bin/false' } }],
  ] as const satisfies readonly (readonly [string, Faults])[])
    it(`lives on after an activation ${title}`, async () => {
      // another configuration, so that the activation has to restart it
      await fleet.lab.nixcfg.setOptions('h1', {
        ...fleet.optionsOf('h1'),
        attribute: 'h1',
        deadlines: { settling: title.length },
      });
      await fleet.lab.nixcfg.setFaults('h1', faults);
      assert.notEqual((await rebuild()).exitCode, 0);
      assert.equal(await host.run(['systemctl', 'is-active', UNIT]), 'active');
      await isOnlineAs('1.1.0');
      await host.run(['systemctl', 'reset-failed']);
    });

  let withoutModule = '';
  it('is gone with all that is its own in a generation without the module, and comes back with it', async () => {
    await fleet.lab.nixcfg.setFaults('h1', { agent: 'none' });
    const without = await rebuild();
    assert.equal(without.exitCode, 0, without.stderr);
    withoutModule = host.realPath('/run/current-system');
    assert.equal(await host.run(['systemctl', 'list-units', '--no-legend', 'nixfleet*']), '');
    for (const path of ['config.json', 'agent.json']) assert.ok(!host.exists(`/etc/nixfleet/${path}`), path);
    assert.equal(await host.run(['find', '/etc', '-lname', '/etc/static/*', '-name', '*nixfleet*']), '');
    await operator.waitFor('the agent to be gone', () => operator.hosts.get('h1')?.online === false);
    await fleet.lab.nixcfg.setFaults('h1');
    assert.equal((await rebuild()).exitCode, 0);
    await isOnlineAs('1.1.0');
  });

  it('updates itself, for somebody whose home nobody else can look into', async () => {
    await fleet.lab.nixcfg.setOptions('h1', fleet.optionsOf('h1'));
    await host.run(['git', 'checkout', '--quiet', '--', 'flake.lock'], { user: OWNER, cwd: host.flake });
    await fleet.lab.nixfleet.publish('1.2.0');
    const run = await operator.finished(await operator.update('h1'));
    await assertUpdatedTo(host, run, '1.2.0');
    assert.equal(await host.run(['find', '/home/ana', '!', '-user', OWNER]), '', 'nothing of root’s in the checkout');
  });

  it('leaves a run alone when somebody activates a generation without the module under it', async () => {
    await fleet.lab.nixcfg.setFaults('h1', { build: { lines: 300, msPerLine: 30 } });
    await fleet.lab.nixfleet.publish('1.3.0');
    const run = await operator.watch(await operator.update('h1'));
    await operator.waitFor('output of the build', () => run.output.includes('building part 5 of 300'));
    const runner = (): Promise<string> =>
      host.run(['systemctl', 'show', '--property=MainPID', '--value', `nixfleet-run@${run.runId}.service`]);
    const pid = await runner();
    await host.run([`${withoutModule}/bin/switch-to-configuration`, 'test']);
    assert.equal(await runner(), pid, 'the runner is the same');
    assert.equal(await property('ActiveState'), 'inactive');
    await operator.finished(run.runId);
    await assertUpdatedTo(host, run, '1.3.0');
    assert.equal(run.state.resumes, 0);
  });

  it('says in its log that it has no token, waits for one, and is there when it comes', async () => {
    const second = await fleet.lab.boot('h2');
    await second.provision({ options: { ...fleet.optionsOf('h2'), tokenFile: '/run/secrets/token' } });
    await second.waitFor(async () => /there is no token for this host yet/.test(await second.journal(UNIT)), {
      what: 'a line about the token',
    });
    assert.equal(await property('ActiveState', second), 'active');
    assert.equal(await property('NRestarts', second), '0', 'no crash loop');
    second.writeFile('/run/secrets/token', `${await fleet.relay.enroll('h2')}\n`, { mode: 0o600 });
    await operator.waitFor('h2', () => operator.hosts.get('h2')?.online);
  });
});
