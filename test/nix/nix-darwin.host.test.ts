import assert from 'node:assert/strict';
import { before, describe, it } from 'mocha';
import { useSharedHost } from '../hosts/lab/for-tests.ts';
import type { TestHost } from '../hosts/lab/host.ts';
import { bringFiles, refusal, valueOf } from './evaluate.ts';

type Job = Record<string, unknown>;

describe('The nix-darwin module', function () {
  this.timeout(60_000);
  const shared = useSharedHost();
  let host: TestHost;
  before(() => {
    ({ host } = shared());
    bringFiles(host);
  });

  const config = <T>(path: string, module = '{ }'): Promise<T> => valueOf(host, `(darwin (${module})).config.${path}`);
  const job = (name: string, module = '{ }'): Promise<Job> =>
    valueOf(
      host,
      `lib.filterAttrs (_: value: value != null) (darwin (${module})).config.launchd.daemons.nixfleet-${name}.serviceConfig`,
    );
  const program = ({ ProgramArguments }: Job): string => (ProgramArguments as string[])[2] ?? '';

  it('runs the agent as a hidden user of its own', async () => {
    const agent = await job('agent');
    assert.equal(agent['Label'], 'org.nixfleet.agent');
    assert.equal(agent['UserName'], '_nixfleet');
    assert.equal(agent['KeepAlive'], true);
    assert.match(
      program(agent),
      /^\/bin\/wait4path \/nix\/store && exec \/nix\/store\/\S+ --config \/nix\/store\/\S+ serve$/,
    );
    assert.deepEqual(await config('users.knownUsers'), ['_nixfleet']);
    const { uid, gid, isHidden, shell } = await config<Record<string, unknown>>('users.users._nixfleet');
    assert.deepEqual({ uid, gid, isHidden, shell }, { uid: 547, gid: 547, isHidden: true, shell: '/usr/bin/false' });
    assert.equal(await config('users.groups._nixfleet.gid'), 547);
  });

  it('can have another uid and gid, where those are taken', async () => {
    const module = '{ users.users._nixfleet.uid = 601; users.groups._nixfleet.gid = 602; }';
    const { uid, gid } = await config<Record<string, unknown>>('users.users._nixfleet', module);
    assert.deepEqual({ uid, gid }, { uid: 601, gid: 602 });
  });

  it('has root take what lies in the inbox, by a job that is the same in every generation and there at boot', async () => {
    const runner = await job('runner');
    assert.equal(runner['Label'], 'org.nixfleet.runner');
    assert.deepEqual(runner['QueueDirectories'], ['/var/lib/nixfleet-agent/inbox']);
    assert.equal(runner['UserName'], undefined);
    assert.equal(runner['KeepAlive'], undefined);
    assert.equal(runner['AbandonProcessGroup'], true);
    assert.match(
      program(runner),
      / exec \/nix\/var\/nix\/profiles\/system\/sw\/bin\/nixfleet-agent --config \/etc\/nixfleet\/config\.json run-inbox$/,
    );
    // nix-darwin unloads a job whose property list changed, in the middle of the activation that the job performs
    assert.deepEqual(
      await job(
        'runner',
        '{ pkgs, ... }: { services.nixfleet-agent = { logLevel = "debug"; package = pkgs.writeTextDir "bin/x" "2"; }; }',
      ),
      runner,
    );
    assert.doesNotMatch(JSON.stringify(runner), /\/nix\/store\/[0-9a-z]{32}/);
  });

  it('starts the agent anew when its configuration changes', async () => {
    const before = await job('agent');
    const after = await job('agent', '{ services.nixfleet-agent.logLevel = "debug"; }');
    assert.notEqual(program(before), program(after));
  });

  it('finds out the status as the owner of the checkout, from time to time', async () => {
    const status = await job('status', '{ services.nixfleet-agent.owner = "ana"; }');
    assert.equal(status['UserName'], 'ana');
    assert.equal(status['StartInterval'], 300);
    assert.match(program(status), / status --write$/);
    assert.equal((await job('status'))['UserName'], undefined);
  });

  it('gives every job an environment and a log of its own', async () => {
    for (const name of ['agent', 'runner', 'status']) {
      const { EnvironmentVariables, StandardOutPath, StandardErrorPath } = await job(name);
      const path = String((EnvironmentVariables as Record<string, string>)['PATH']).split(':');
      assert.equal(path[0], '/run/current-system/sw/bin');
      assert.ok(!path.includes('/usr/local/bin'), 'where a person may put programs');
      assert.equal(StandardOutPath, `/var/log/nixfleet-${name}/${name}.log`);
      assert.equal(StandardErrorPath, StandardOutPath);
    }
  });

  it('makes the folders of the state with their owners, before launchd starts anything', async () => {
    const text = await config<string>(
      'system.activationScripts.launchd.text',
      '{ services.nixfleet-agent.owner = "ana"; system.activationScripts.launchd.text = "echo the others"; }',
    );
    const folders = [...text.matchAll(/install -d -o (\S+) -g (\S+) -m (\S+) (\S+)/g)].map(match =>
      match.slice(1).join(' '),
    );
    assert.deepEqual(folders, [
      '0 _nixfleet 0751 /var/lib/nixfleet-agent',
      '_nixfleet _nixfleet 0700 /var/lib/nixfleet-agent/inbox',
      '_nixfleet _nixfleet 0755 /var/lib/nixfleet-agent/agent',
      'ana 0 0755 /var/lib/nixfleet-agent/status',
      '0 _nixfleet 2751 /var/lib/nixfleet-agent/runs',
      '_nixfleet _nixfleet 0755 /var/log/nixfleet-agent',
      '0 0 0755 /var/log/nixfleet-runner',
      'ana 0 0755 /var/log/nixfleet-status',
    ]);
    assert.ok(text.indexOf('echo the others') > text.indexOf('install -d'));
  });

  it('configures the agent for a Mac that root updates', async () => {
    const {
      host: name,
      platform,
      launcher,
      statusBy,
      stateDir,
      owner,
    } = await config<Record<string, unknown>>(
      'services.nixfleet-agent.settings',
      '{ services.nixfleet-agent.owner = "ana"; }',
    );
    assert.deepEqual(
      { name, platform, launcher, statusBy, stateDir, owner },
      {
        name: 'mini',
        platform: 'nix-darwin',
        launcher: 'inbox',
        statusBy: 'unit',
        stateDir: '/var/lib/nixfleet-agent',
        owner: 'ana',
      },
    );
  });

  it('has property lists as launchd reads them, with every key of its type', async () => {
    for (const name of ['agent', 'runner', 'status']) {
      const plist = await valueOf<string>(
        host,
        `toPlist (darwin { }).config.launchd.daemons.nixfleet-${name}.serviceConfig`,
      );
      assert.match(plist, /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<!DOCTYPE plist /);
      assert.match(plist, /\n<dict>\n(?:\t.*\n)+<\/dict>\n<\/plist>\n/);
      assert.match(plist, /\/bin\/wait4path \/nix\/store &amp;&amp; exec /);
      assert.doesNotMatch(plist, / && |null/);
    }
  });

  describe('that is told something wrong', () => {
    const refused = (module: string): Promise<string> => refusal(host, `(darwin (${module})).system.drvPath`);

    it('says that the host’s name is missing', async () => {
      assert.match(
        await refused('{ lib, ... }: { networking.hostName = lib.mkForce null; }'),
        /services\.nixfleet-agent\.host has no value/,
      );
    });

    it('says what is no name of a user', async () => {
      assert.match(
        await refused('{ services.nixfleet-agent.owner = "Ana B"; }'),
        /owner is "Ana B", which is no user name/,
      );
    });

    it('refuses options that are not there, and values of another type', async () => {
      assert.match(await refused('{ services.nixfleet-agent.method = "staged"; }'), /method' does not exist/);
      assert.match(await refused('{ services.nixfleet-agent.tokenFiles = "/x"; }'), /tokenFiles' does not exist/);
      assert.match(
        await refused('{ services.nixfleet-agent.deadlines.pulling = 0; }'),
        /deadlines\.pulling' is not of type/,
      );
    });
  });

  it('stands among surroundings that reject what nix-darwin does not have, and what it has of another type', async () => {
    const refused = (key: string): Promise<string> =>
      refusal(host, `(darwin { launchd.daemons.nixfleet-agent.serviceConfig.${key}; }).system.drvPath`);
    assert.match(await refused('QueueDirectory = [ ]'), /QueueDirectory' does not exist/);
    assert.match(await refused('ThrottleInterval = "5"'), /ThrottleInterval' is not of type/);
    assert.match(await refused('ProcessType = "Daemon"'), /ProcessType' (?:is not of type|has conflicting)/);
    assert.match(
      await refusal(host, '(darwin { users.users.x.password = "y"; users.knownUsers = [ "x" ]; }).system.drvPath'),
      /password' does not exist/,
    );
  });
});
