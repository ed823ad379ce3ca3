import assert from 'node:assert/strict';
import { before, describe, it } from 'mocha';
import { useSharedHost } from '../hosts/lab/for-tests.ts';
import type { TestHost } from '../hosts/lab/host.ts';
import { bringFiles, refusal, valueOf } from './evaluate.ts';

interface Unit {
  readonly Unit: Record<string, unknown>;
  readonly Service: Record<string, unknown>;
  readonly Install: Record<string, unknown>;
}

describe('The Home Manager module', function () {
  this.timeout(60_000);
  const shared = useSharedHost();
  let host: TestHost;
  before(() => {
    ({ host } = shared());
    bringFiles(host);
  });

  const settings = (module: string, of = 'home'): Promise<Record<string, unknown>> =>
    valueOf(host, `(${of} (${module})).config.services.nixfleet-agent.settings`);

  describe('on Linux', () => {
    it('makes a unit for the agent that an activation restarts once, and never merely stops', async () => {
      const { Unit, Service, Install } = await valueOf<Unit>(
        host,
        '(home { }).config.systemd.user.services.nixfleet-agent',
      );
      assert.equal(Unit['X-SwitchMethod'], 'restart');
      assert.equal(Unit['StartLimitIntervalSec'], 0);
      assert.equal(Service['Restart'], 'always');
      assert.match(
        String(Service['ExecStart']),
        /^\/nix\/store\/\S+\/bin\/nixfleet-agent --config \/nix\/store\/\S+\.json serve$/,
      );
      assert.deepEqual(Install['WantedBy'], ['default.target']);
    });

    it('takes runs up again at login, and not at every activation', async () => {
      const { Unit, Service } = await valueOf<Unit>(host, '(home { }).config.systemd.user.services.nixfleet-recover');
      assert.equal(Unit['X-SwitchMethod'], 'keep-old');
      assert.equal(Service['Type'], 'oneshot');
      assert.match(String(Service['ExecStart']), / recover$/);
    });

    it('gives its services the machine’s own programs first, and git and ssh where the machine has none', async () => {
      const path = await valueOf<string[]>(
        host,
        '(home { }).config.systemd.user.services.nixfleet-agent.Service.Environment',
      );
      const folders = path[0]?.replace(/^PATH=/, '').split(':') ?? [];
      assert.equal(folders[0], '/home/ana/.nix-profile/bin');
      assert.ok(folders.includes('/run/current-system/sw/bin'));
      assert.ok(folders.indexOf('/usr/bin') > folders.indexOf('/nix/var/nix/profiles/default/bin'));
    });

    it('configures an agent that is the user’s alone', async () => {
      assert.deepEqual(
        { ...(await settings('{ }')), deadlines: undefined },
        {
          host: 'web1',
          platform: 'home-manager',
          launcher: 'systemd',
          statusBy: 'agent',
          stateDir: '/home/ana/.local/state/nixfleet-agent',
          relayUrl: 'wss://relay.example.org:7780',
          tokenFile: '/run/secrets/nixfleet-token',
          allowPlaintext: false,
          inputName: 'nixfleet',
          rollback: 'agent',
          logLevel: 'info',
          git: {},
          nix: {},
          lock: { publish: 'none' },
          deadlines: undefined,
        },
      );
      const { stateDir } = await settings('{ xdg.stateHome = "/data/state"; }');
      assert.equal(stateDir, '/data/state/nixfleet-agent');
    });

    it('has units that systemd takes', async () => {
      const text = await valueOf<string>(
        host,
        'builtins.readFile (home { }).config.xdg.configFile."systemd/user/nixfleet-agent.service".source',
      );
      assert.match(text, /^\[Install\]\nWantedBy=default\.target\n\n\[Service\]\n/);
      host.writeFile('/etc/systemd/user/nixfleet-agent.service', text);
      const verified = await host.exec(
        ['systemd-analyze', '--user', 'verify', '/etc/systemd/user/nixfleet-agent.service'],
        { env: { XDG_RUNTIME_DIR: '/run' } },
      );
      // only what a program that is not there would say
      assert.deepEqual(
        verified.stderr.split('\n').filter(line => line !== '' && !/not executable|X-SwitchMethod/.test(line)),
        [],
      );
    });

    it('says in the generation which agent it carries', async () => {
      const commands = await valueOf<string>(host, '(home { }).config.home.extraBuilderCommands');
      assert.match(commands, /ln -s \/nix\/store\/\S+\/share\/nixfleet\/agent\.json \$out\/etc\/nixfleet\/agent\.json/);
    });

    it('makes nothing of launchd’s', async () => {
      assert.deepEqual(await valueOf(host, '(home { }).config.launchd.agents'), {});
    });
  });

  describe('on a Mac', () => {
    it('makes a launchd agent that is kept alive, with an environment and a log of its own', async () => {
      const { Label, ProgramArguments, EnvironmentVariables, ...job } = await valueOf<Record<string, unknown>>(
        host,
        'lib.filterAttrs (_: value: value != null) (mac { }).config.launchd.agents.nixfleet-agent.config',
      );
      assert.equal(Label, 'org.nix-community.home.nixfleet-agent');
      assert.match(
        String(ProgramArguments),
        /^\/nix\/store\/\S+\/bin\/nixfleet-agent,--config,\/nix\/store\/\S+,serve$/,
      );
      assert.match(String((EnvironmentVariables as Record<string, string>)['PATH']), /^\/.*:\/usr\/bin:\/bin:/);
      assert.deepEqual(job, {
        RunAtLoad: true,
        KeepAlive: true,
        ThrottleInterval: 5,
        ExitTimeOut: 10,
        ProcessType: 'Background',
        WorkingDirectory: '/',
        StandardOutPath: '/home/ana/Library/Logs/nixfleet-agent.log',
        StandardErrorPath: '/home/ana/Library/Logs/nixfleet-agent.log',
      });
    });

    it('takes another environment for a network that needs one', async () => {
      const variables = await valueOf<Record<string, string>>(
        host,
        '(mac { launchd.agents.nixfleet-agent.config.EnvironmentVariables.NIX_SSL_CERT_FILE = "/etc/ssl/corporate.pem"; })' +
          '.config.launchd.agents.nixfleet-agent.config.EnvironmentVariables',
      );
      assert.equal(variables['NIX_SSL_CERT_FILE'], '/etc/ssl/corporate.pem');
    });

    it('can run without a screen, in the domain of the user', async () => {
      for (const name of ['agent', 'recover']) {
        const { LimitLoadToSessionType } = await valueOf<Record<string, unknown>>(
          host,
          `(mac { launchd.agents.nixfleet-agent.domain = "user"; }).config.launchd.agents.nixfleet-${name}.config`,
        );
        assert.equal(LimitLoadToSessionType, 'Background');
      }
    });

    it('takes runs up again at login, by a job that is the same for every version', async () => {
      const recover = (module: string): Promise<Record<string, unknown>> =>
        valueOf(host, `(mac (${module})).config.launchd.agents.nixfleet-recover.config`);
      const job = await recover('{ }');
      assert.deepEqual(job['ProgramArguments'], ['/home/ana/.nix-profile/bin/nixfleet-agent', 'recover']);
      assert.deepEqual([job['RunAtLoad'], job['KeepAlive']], [true, null]);
      const other =
        '{ pkgs, ... }: { services.nixfleet-agent = { logLevel = "debug"; package = pkgs.writeTextDir "bin/x" "2"; }; }';
      assert.deepEqual(await recover(other), job);
    });

    it('starts its runs by launchd, and makes no units', async () => {
      assert.equal((await settings('{ }', 'mac'))['launcher'], 'launchd');
      assert.deepEqual(await valueOf(host, '(mac { }).config.systemd.user.services'), {});
    });
  });

  describe('that is told something wrong', () => {
    const refused = (module: string): Promise<string> => refusal(host, `(home (${module})).activationPackage.drvPath`);
    const agent = (option: string): string => `{ services.nixfleet-agent.${option}; }`;

    it('says that the host’s name is missing', async () => {
      assert.match(
        await refused('{ lib, ... }: { services.nixfleet-agent.host = lib.mkForce null; }'),
        /services\.nixfleet-agent\.host has no value: say the name under which this host was enrolled/,
      );
    });

    it('says where the agent belongs when the home is part of a NixOS configuration', async () => {
      assert.match(
        await refused('{ submoduleSupport.enable = true; }'),
        /in the home of ana, which is part of .* configuration .*nixfleet\.nixosModules\.agent/,
      );
    });

    it('refuses a token in the store', async () => {
      assert.match(
        await refused(`{ lib, ... }: { services.nixfleet-agent.tokenFile = lib.mkForce /etc/hostname; }`),
        /services\.nixfleet-agent\.tokenFile is .* Nix store, where everybody on the host can read it/s,
      );
    });

    it('refuses a relay that would get the token in clear text', async () => {
      assert.match(
        await refused('{ lib, ... }: { services.nixfleet-agent.relayUrl = lib.mkForce "ws://relay.example.org"; }'),
        /token would travel in clear text/,
      );
    });

    it('refuses options that are not there, those of other platforms too', async () => {
      assert.match(
        await refused(agent('relayURL = "x"')),
        /option `services\.nixfleet-agent\.relayURL' does not exist/,
      );
      assert.match(await refused(agent('owner = "ana"')), /option `services\.nixfleet-agent\.owner' does not exist/);
      assert.match(
        await refused(agent('method = "nixos-rebuild"')),
        /option `services\.nixfleet-agent\.method' does not exist/,
      );
    });

    it('refuses values of another type', async () => {
      assert.match(
        await refused(agent('deadlines.building = "1h"')),
        /services\.nixfleet-agent\.deadlines\.building' is not of type/,
      );
      assert.match(
        await refused(agent('lock.publish = "force"')),
        /services\.nixfleet-agent\.lock\.publish' is not of type/,
      );
      assert.match(
        await refused(agent('enable = "yes"')),
        /services\.nixfleet-agent\.enable' (?:is not of type|has conflicting)/,
      );
    });
  });

  describe('’s surroundings', () => {
    it('reject what Home Manager does not have, and what it has of another type', async () => {
      const units = 'systemd.user.services.x.Service';
      const outcome = async (module: string): Promise<string> =>
        refusal(host, `(home (${module})).activationPackage.drvPath`);
      assert.match(await outcome(`{ ${units}.RestartSecs = 1; }`), /RestartSecs' does not exist/);
      assert.match(await outcome(`{ ${units}.RestartSec = "soon"; }`), /RestartSec' is not of type/);
      assert.match(await outcome('{ systemd.user.service = { }; }'), /systemd\.user\.service' does not exist/);
      const job = async (key: string): Promise<string> =>
        refusal(host, `(mac { launchd.agents.nixfleet-agent.config.${key}; }).activationPackage.drvPath`);
      assert.match(await job('KeepAlives = true'), /KeepAlives' does not exist/);
      assert.match(await job('StartInterval = "300"'), /StartInterval' is not of type/);
      assert.match(
        await outcome('{ launchd.agents.x = { enable = true; config.ProgramArguments = [ "/bin/true" ]; }; }'),
        /Must use Darwin for modules that require Launchd/,
      );
    });
  });
});
