import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import type { RunSummary } from '../../protocol/index.ts';
import { cannotRun } from '../../scripts/test/cannot-run.ts';
import type { TestHost } from '../hosts/lab/host.ts';
import { Lab } from '../hosts/lab/lab.ts';
import { StandInLaunchd } from '../launchd/launchd.ts';
import { AUTHORITY, Reader } from './reader.ts';

const OPERATOR = join(import.meta.dirname, '../../nix/tests/operator.mjs');
const RELAY_URL = 'wss://relay.example.org:7780';
const SYSTEM = process.arch === 'arm64' ? 'aarch64-linux' : 'x86_64-linux';

/** What a NixOS machine's configuration said before. */
const configuration = (name: string, more = ''): string => `
{
  networking.hostName = "${name}";
  nixpkgs.hostPlatform = "${SYSTEM}";
  system.stateVersion = "26.05";
  users.users.ana.isNormalUser = true;
  ${more}
}
`;
// the relay's certificate is of an authority that only this test knows
const TRUST = `services.nixfleet-agent.caFile = "${AUTHORITY}";`;

describe('docs/setup.md, followed word for word', function () {
  this.timeout(240_000);
  let lab: Lab;
  let reader: Reader;
  let relay: TestHost;
  let operator = '';
  let token = '';

  before(async function () {
    this.timeout(600_000);
    const reason = await Lab.unsupported();
    if (reason !== undefined) cannotRun(this, reason);
    lab = await Lab.create({ log: line => console.error(`      ${line}`), hosts: ['relay', 'web1', 'home1', 'mac1'] });
    reader = await Reader.of(lab);
    relay = await reader.boot('relay');
  });
  after(async () => {
    await lab.close();
  });

  /** What commands of the relay print once: the lines that are tokens. */
  const tokensIn = (text: string): string[] => [...text.matchAll(/^\s+(\S{40,})$/gm)].map(([, token]) => token ?? '');

  async function update(host: string): Promise<RunSummary> {
    const printed = await relay.run(['node', '/root/operator.mjs', RELAY_URL, operator, host], {
      env: { NODE_EXTRA_CA_CERTS: AUTHORITY },
      timeout: 180_000,
    });
    return JSON.parse(printed) as RunSummary;
  }

  it('sets up a relay on NixOS, and gives out tokens', async () => {
    await reader.bringNixcfg(relay, { 'configuration.nix': configuration('relay') });
    await reader.addToNixcfg(relay, 'relay');
    reader.bringCertificate(relay);
    const rebuilt = await relay.sh('cd ~/work && sudo nixos-rebuild switch --flake .#relay', {
      user: 'ana',
      env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
      timeout: 180_000,
    });
    assert.equal(rebuilt.exitCode, 0, rebuilt.stderr);
    await relay
      .waitFor(
        async () => {
          const health = [
            'curl',
            '--fail',
            '--silent',
            '--cacert',
            AUTHORITY,
            `${RELAY_URL.replace('wss', 'https')}/healthz`,
          ];
          return (await relay.exec(health)).exitCode === 0 || undefined;
        },
        { what: 'the relay', deadline: 30_000 },
      )
      .catch(async (error: unknown) => {
        throw new Error(`${String(error)}\n${await relay.journal('nixfleet-relay.service')}`);
      });
    const printed = await reader.follow(relay, 'on=relay');
    [operator = '', token = ''] = tokensIn(printed);
    assert.notEqual(token, '', printed);
    relay.copyIn(OPERATOR, '/root/operator.mjs');
  });

  it('brings a NixOS host into the fleet, and updates it', async () => {
    const host = await reader.boot('web1', relay.address);
    await reader.bringNixcfg(host, { 'configuration.nix': configuration('web1', TRUST) });
    await reader.addToNixcfg(host, 'nixos');
    const checked = await reader.follow(host, 'on=nixos', { input: `${token}\n` });
    assert.match(checked, /✓ relay/);
    assert.doesNotMatch(checked, /✗/);

    await lab.nixfleet.publish('1.1.0');
    const run = await update('web1');
    assert.equal(run.outcome, 'succeeded', JSON.stringify(run));
    assert.equal(run.versionAfter, '1.1.0');
    assert.equal(await host.run(['find', '/home/ana', '-not', '-user', 'ana']), '');
  });

  it('brings a home on Linux into the fleet, and updates it', async () => {
    const host = await reader.boot('home1', relay.address);
    await reader.bringNixcfg(host, {
      'home.nix': `{ home.username = "ana"; home.homeDirectory = "/home/ana"; home.stateVersion = "26.05"; ${TRUST} }\n`,
    });
    await reader.addToNixcfg(host, 'home');
    // the home has the name that the NixOS host had
    const token = await relay.run(['nixfleet-relay', 'enroll', 'web1', '--replace', '--token-only']);
    const checked = await reader.follow(host, 'on=home', { input: `${token}\n` });
    assert.doesNotMatch(checked, /✗/);

    await lab.nixfleet.publish('1.2.0');
    const run = await update('web1');
    assert.equal(run.outcome, 'succeeded', JSON.stringify(run));
    assert.equal(run.versionAfter, '1.2.0');
    assert.equal(await host.run(['find', '/home/ana', '-not', '-user', 'ana']), '');
  });

  it('brings a Mac into the fleet, as far as a stand-in for launchd is one, and updates it', async () => {
    const host = await reader.boot('mac1', relay.address);
    // the name that a Mac finds itself by
    await host.run(['hostname', 'web1']);
    await using launchd = await StandInLaunchd.on(host, 0);
    await reader.bringNixcfg(host, {
      'configuration.nix': `{ nixpkgs.hostPlatform = "${SYSTEM}"; system.stateVersion = 6; ${TRUST} }\n`,
    });
    await reader.addToNixcfg(host, 'darwin');
    const token = await relay.run(['nixfleet-relay', 'enroll', 'web1', '--replace', '--token-only']);
    const checked = await reader.follow(host, 'on=darwin', { input: `${token}\n` });
    assert.doesNotMatch(checked, /✗/);

    await lab.nixfleet.publish('1.3.0');
    const run = await update('web1');
    assert.equal(run.outcome, 'succeeded', JSON.stringify(run));
    assert.equal(run.versionAfter, '1.3.0');
    assert.equal(await host.run(['find', '/home/ana', '-not', '-user', 'ana']), '');
    assert.match((await launchd.launchctl('print', 'system/org.nixfleet.agent')).stdout, /state = running/);
  });
});
