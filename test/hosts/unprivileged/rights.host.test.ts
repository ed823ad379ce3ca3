import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { ulid } from 'ulid';
import { Fleet } from '../../support/fleet.ts';
import type { Operator } from '../../support/operator.ts';
import { OWNER, type TestHost } from '../lab/host.ts';

const AGENT = 'nixfleet-agent';
const STATE = '/var/lib/nixfleet-agent';
const RUN = `nixfleet-run@${ulid()}.service`;

/** For want of a right, and not by a mistake of the test. */
const WHY =
  /authentication required|permission denied|operation not permitted|unit may not be isolated|already loaded or has a fragment/i;

/**
 * What somebody could do who took the agent over: here commands run as its user, without the sandbox of its service, which
 * leaves them more than the service has.
 */
describe("The agent's user", function () {
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

  const systemctl = (...args: string[]) =>
    host.exec(['systemctl', '--no-ask-password', ...args], { user: AGENT, cwd: '/' });
  /** A line of shell as the agent's user; `sh -eu`, so that whatever fails ends it. */
  const tries = (script: string) => host.sh(script, { user: AGENT, cwd: '/' });

  it('may start a unit of a run', async () => {
    const { exitCode, stderr } = await systemctl('start', RUN);
    assert.equal(exitCode, 0, stderr);
  });

  it('may do nothing else with it', async () => {
    for (const verb of ['stop', 'restart', 'reload', 'try-restart', 'clean', 'freeze', 'mask', 'enable'])
      refused(await systemctl(verb, RUN), verb);
    refused(await systemctl('kill', 'nixfleet-agent.service'), 'kill');
    refused(await systemctl('set-property', '--runtime', RUN, 'CPUWeight=1'), 'set-property');
    refused(await systemctl('start', '--job-mode=isolate', RUN), 'isolate');
  });

  it('may not start another unit, whatever its name looks like', async () => {
    const id = ulid();
    for (const unit of [
      'nix-daemon.service',
      'nixfleet-status.service',
      'nixfleet-recover.service',
      'nixfleet-agent.service',
      'emergency.target',
      'nixfleet-run@x.service',
      `nixfleet-run@${id.toLowerCase()}.service`,
      `nixfleet-run@${id}0.service`,
      `nixfleet-run@${id}.timer`,
      `nixfleet-run@${id}\\x2e\\x2e.service`,
      `a-nixfleet-run@${id}.service`,
    ])
      refused(await systemctl('start', unit), unit);
    refused(await systemctl('reboot'), 'reboot');
    refused(await systemctl('daemon-reload'), 'daemon-reload');
    refused(await systemctl('set-environment', 'LD_PRELOAD=/tmp/x'), 'set-environment');
  });

  it('may make no unit of its own, not even one with the name of a run', async () => {
    for (const unit of ['mine.service', `nixfleet-run@${ulid()}.service`]) {
      const argv = ['systemd-run', '--no-ask-password', `--unit=${unit}`, 'touch', '/run/mine'];
      refused(await host.exec(argv, { user: AGENT, cwd: '/' }), unit);
    }
    assert.ok(!host.exists('/run/mine'));
  });

  it('may not become anybody else', async () => {
    for (const argv of [
      ['sudo', '--non-interactive', 'true'],
      ['su', '--command', 'true', OWNER],
      ['setpriv', '--reuid=0', 'true'],
      ['pkexec', 'true'],
    ]) {
      const { exitCode } = await host.exec(argv, { user: AGENT, cwd: '/' });
      assert.notEqual(exitCode, 0, argv.join(' '));
    }
  });

  it('may read nothing that is not everybody’s', async () => {
    for (const path of [
      '/home/ana',
      host.flake,
      '/etc/shadow',
      '/etc/nixfleet/token',
      '/root',
      `${STATE}/run-lock.sqlite`,
    ])
      refused(await tries(`[ -d '${path}' ] && ls '${path}' || cat '${path}'`), path);
    refused(await tries(`cat /proc/1/environ`), 'environ of PID 1');
  });

  it('may write its inbox and what it says of itself, and nothing else', async () => {
    const { exitCode, stderr } = await tries(
      `touch ${STATE}/inbox/x ${STATE}/agent/x; rm ${STATE}/inbox/x ${STATE}/agent/x`,
    );
    assert.equal(exitCode, 0, stderr);
    const facts = await host.run(['find', STATE, '/etc/nixfleet', '-printf', '%p %u %m %l\n']);
    for (const script of [
      `touch ${host.flake}/flake.nix`,
      `touch ${STATE}/x`,
      `touch ${STATE}/runs/x`,
      `mkdir ${STATE}/runs/${ulid()}`,
      `touch ${STATE}/status/status.json.new`,
      `echo >> ${STATE}/status/status.json`,
      `echo > ${STATE}/run-lock.sqlite`,
      `mv ${STATE}/inbox ${STATE}/inbox2`,
      `ln -sfn /etc ${STATE}/inbox2`,
      `rmdir ${STATE}/agent`,
      `chgrp root ${STATE}/runs`,
      'touch /etc/nixfleet/x',
      'rm /etc/nixfleet/config.json',
      'touch /nix/var/nix/profiles/x',
      'touch /nix/store/x',
      'touch /run/systemd/system/x.service',
      'touch /run/current-system/x',
    ])
      refused(await tries(script), script);
    assert.equal(await host.run(['find', STATE, '/etc/nixfleet', '-printf', '%p %u %m %l\n']), facts);
  });

  it('sees the sandbox of its service from the inside as well', async () => {
    const pid = await host.run(['systemctl', 'show', '-P', 'MainPID', 'nixfleet-agent.service']);
    const status = await host.run(['cat', `/proc/${pid}/status`]);
    assert.match(status, /^CapEff:\t0{16}$/m);
    assert.match(status, /^NoNewPrivs:\t1$/m);
    assert.match(status, /^Seccomp:\t2$/m);
    // what it sees of the file system
    const root = `/proc/${pid}/root`;
    assert.equal((await host.sh(`ls -A ${root}/home`)).stdout, '');
    const mounts = await host.run(['cat', `/proc/${pid}/mounts`]);
    assert.match(mounts, /^\S+ \/ \S+ ro,/m);
    assert.match(mounts, new RegExp(`^\\S+ ${STATE} \\S+ rw,`, 'm'));
  });

  function refused(result: { exitCode: number; stdout: string; stderr: string }, what: string): void {
    assert.notEqual(result.exitCode, 0, `${what} was let through\n${result.stdout}`);
    assert.match(result.stderr, WHY, what);
  }
});
