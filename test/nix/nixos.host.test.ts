import assert from 'node:assert/strict';
import { before, describe, it } from 'mocha';
import { agentConfigSchema, DEFAULT_CONFIG_PATH } from '../../agent/config.ts';
import { useSharedHost } from '../hosts/lab/for-tests.ts';
import type { TestHost } from '../hosts/lab/host.ts';
import { bringFiles, refusal, valueOf } from './evaluate.ts';

describe('The NixOS module of the agent', function () {
  this.timeout(120_000);
  const shared = useSharedHost();
  let host: TestHost;
  before(() => {
    ({ host } = shared());
    bringFiles(host);
  });

  /** The file of a unit, without what is not ours: PATH. */
  const unit = async (name: string, module = '{ }'): Promise<string[]> =>
    (await valueOf<string>(host, `(nixos (${module})).config.systemd.units."${name}".text`))
      .split('\n')
      .filter(line => line !== '' && !line.startsWith('Environment="PATH='));
  const configuration = async (module = '{ }'): Promise<Record<string, unknown>> =>
    JSON.parse(
      await valueOf(host, `builtins.readFile (nixos (${module})).config.environment.etc."nixfleet/config.json".source`),
    ) as Record<string, unknown>;

  describe('makes of its options', () => {
    it('a configuration that the agent takes, with the agent’s own defaults', async () => {
      const written = await configuration();
      assert.deepEqual(
        agentConfigSchema.parse(written),
        agentConfigSchema.parse({
          host: 'web1',
          relayUrl: 'wss://relay.example.org:7780',
          tokenFile: '/run/credentials/nixfleet-agent.service/token',
          platform: 'nixos',
          launcher: 'systemd-unit',
          statusBy: 'unit',
        }),
      );
    });

    it('a configuration that says all of them', async () => {
      const module = `{
        services.nixfleet-agent = {
          host = "other";
          relayUrl = "wss://relay";
          allowPlaintext = true;
          fingerprint = "${'aB'.repeat(32)}";
          nixcfgPath = "/home/ana/nixcfg";
          owner = "ana";
          inputName = "fleet";
          attribute = "web";
          method = "nixos-rebuild";
          git.sshKeyFile = "/run/secrets/key";
          git.knownHosts = "/etc/ssh/ssh_known_hosts";
          nix.accessTokensFile = "/run/secrets/tokens";
          lock.publish = "push";
          rollback = "always";
          logLevel = "debug";
          deadlines = { accepted = 1; pulling = 2; locking = 3; building = 4; buildSilence = 5; activating = 6; confirming = 7; settling = 1.5; committing = 8; publishing = 9; };
        };
      }`;
      assert.deepEqual(await configuration(module), {
        host: 'other',
        relayUrl: 'wss://relay',
        allowPlaintext: true,
        tokenFile: '/run/credentials/nixfleet-agent.service/token',
        fingerprint: 'aB'.repeat(32),
        nixcfgPath: '/home/ana/nixcfg',
        owner: 'ana',
        inputName: 'fleet',
        attribute: 'web',
        method: 'nixos-rebuild',
        git: { sshKeyFile: '/run/secrets/key', knownHosts: '/etc/ssh/ssh_known_hosts' },
        nix: { accessTokensFile: '/run/secrets/tokens' },
        lock: { publish: 'push' },
        rollback: 'always',
        logLevel: 'debug',
        deadlines: {
          ...{ accepted: 1000, pulling: 2000, locking: 3000, building: 4000, buildSilence: 5000 },
          ...{ activating: 6000, confirming: 7000, settling: 1500, committing: 8000, publishing: 9000 },
        },
        ...{ platform: 'nixos', launcher: 'systemd-unit', statusBy: 'unit', stateDir: '/var/lib/nixfleet-agent' },
      });
    });

    it('a copy of the certificates that lie in nixcfg, which are no secret', async () => {
      const { caFile } = await configuration('{ services.nixfleet-agent.caFile = /etc/hostname; }');
      assert.match(String(caFile), /^\/nix\/store\/\S+-hostname$/);
    });
  });

  describe('makes units:', () => {
    it('the agent, which an activation restarts once and never merely stops', async () => {
      const text = await unit('nixfleet-agent.service');
      for (const line of [
        'X-StopIfChanged=false',
        'StartLimitIntervalSec=0',
        'Restart=always',
        'User=nixfleet-agent',
        'LoadCredential=token:/run/secrets/nixfleet-token',
        'SetCredential=token:\\n',
      ])
        assert.ok(text.includes(line), `${line} in\n${text.join('\n')}`);
      assert.match(
        text.join('\n'),
        new RegExp(`^ExecStart=/nix/store/\\S+/bin/nixfleet-agent --config ${DEFAULT_CONFIG_PATH} serve$`, 'm'),
      );
      const [trigger] = text.filter(line => line.startsWith('X-Restart-Triggers='));
      const other = await unit('nixfleet-agent.service', '{ services.nixfleet-agent.rollback = "never"; }');
      assert.ok(trigger !== undefined && !other.includes(trigger), 'another configuration is another unit');
    });

    it('the runner, a template that survives the activation which it performs', async () => {
      const text = await unit('nixfleet-run@.service');
      assert.match(text.find(line => line.startsWith('ExecStart=')) ?? '', /nixfleet-agent --config \S+ run %i$/);
      assert.deepEqual(
        text.filter(line => !line.startsWith('ExecStart=')),
        [
          '[Unit]',
          'CollectMode=inactive-or-failed',
          'Description=NixFleet run %i',
          'StartLimitBurst=10',
          'StartLimitIntervalSec=300',
          'X-StopOnRemoval=false',
          '[Service]',
          'X-RestartIfChanged=false',
          'KillMode=control-group',
          'OOMPolicy=continue',
          'Restart=on-failure',
          'RestartSec=1',
          'TasksMax=infinity',
          'Type=exec',
          'WorkingDirectory=/',
        ],
      );
    });

    it('recovery at boot, and the status with the rights of the checkout’s owner', async () => {
      const recover = await unit('nixfleet-recover.service');
      assert.ok(recover.includes('WantedBy=multi-user.target'));
      assert.ok(recover.includes('X-RestartIfChanged=false'));
      assert.ok(!recover.some(line => line.includes('network')), 'it needs no network');
      const name = 'nixfleet-status.service';
      assert.ok(!(await unit(name)).some(line => line.startsWith('User=')));
      assert.ok((await unit(name, '{ services.nixfleet-agent.owner = "ana"; }')).includes('User=ana'));
    });

    it('none of them, nor anything else, where it is not enabled', async () => {
      const off = '(nixos { services.nixfleet-agent.enable = lib.mkForce false; }).config';
      assert.deepEqual(await valueOf(host, `builtins.attrNames ${off}.systemd.units`), []);
      assert.deepEqual(await valueOf(host, `builtins.attrNames ${off}.users.users`), []);
      assert.deepEqual(await valueOf(host, `builtins.attrNames ${off}.environment.etc`), []);
    });
  });

  describe('refuses, in a sentence that says what to do:', () => {
    const refused = (module: string): Promise<string> =>
      refusal(host, `(nixos (${module})).config.system.build.toplevel.drvPath`);
    const said: readonly (readonly [title: string, options: string, says: RegExp])[] = [
      [
        'a token that is a path of nixcfg',
        'tokenFile = lib.mkForce /etc/hostname',
        /tokenFile is .* copied into the Nix store/,
      ],
      [
        'a token in the store',
        'tokenFile = lib.mkForce (builtins.toFile "token" "x")',
        /tokenFile is \/nix\/store\/.*Keep the file out of nixcfg, and name it by a string such as/,
      ],
      ['a key in the store', 'git.sshKeyFile = /etc/hostname', /git\.sshKeyFile is .* Nix store/],
      ['access tokens in the store', 'nix.accessTokensFile = /etc/hostname', /nix\.accessTokensFile is .* Nix store/],
      ['a checkout in the store', 'nixcfgPath = ./.', /nixcfgPath is .*which cannot be updated: write the path/],
      [
        'a token in clear text',
        'relayUrl = lib.mkForce "ws://10.0.0.1:7780"',
        /clear text\. Give the relay a certificate/,
      ],
      [
        'something that is no URL',
        'relayUrl = lib.mkForce "relay.example.org"',
        /no URL of a relay: write wss:\/\/HOST:PORT/,
      ],
      [
        'a fingerprint of what is not there',
        `fingerprint = "${'a'.repeat(64)}"; relayUrl = "ws://127.0.0.1:7780"`,
        /without TLS a relay shows no certificate: write wss/,
      ],
      [
        'deadlines that no timer knows',
        'deadlines.building = 1000000; deadlines.settling = 0.0001',
        /deadlines\.building, services\.nixfleet-agent\.deadlines\.settling: .* in seconds, such as 3600/,
      ],
      ['a URL with a password', 'relayUrl = lib.mkForce "wss://ana:x@relay"', /no URL of a relay/],
      [
        'two ways to trust',
        `caFile = "/etc/ca.pem"; fingerprint = "${'a'.repeat(64)}"`,
        /caFile and services\.nixfleet-agent\.fingerprint are both set.*keep caFile if/,
      ],
      [
        'a fingerprint that is none',
        'fingerprint = "abc"',
        /a SHA-256 fingerprint has 64 hexadecimal digits: take what/,
      ],
      ['certificates that the agent cannot see', 'caFile = "/home/ana/ca.pem"', /put the certificates below \/etc/],
      ['an owner that is no user name', 'owner = "Ana Beta"', /owner is "Ana Beta", which is no user name/],
      ['an empty attribute', 'attribute = ""', /attribute has 1 to 128 characters/],
    ];
    for (const [title, options, says] of said)
      it(title, async () => {
        const error = await refused(`{ services.nixfleet-agent = { ${options}; }; }`);
        assert.match(error, /Failed assertions:\s+- services\.nixfleet-agent\./);
        assert.match(error, says);
      });

    it('an agent without a name, where the host gets its own from the network', async () => {
      assert.match(
        await refused('{ networking.hostName = lib.mkForce ""; }'),
        /services\.nixfleet-agent\.host has no value: say the name/,
      );
    });

    it('every URL that the agent would refuse', async () => {
      const urls = [
        ...[
          'wss://relay',
          'ws://relay:7780',
          'wss://relay.example.org:443/fleet/',
          'wss://büro.example:1',
          'wss://a_b.c',
        ],
        ...[
          'wss://10.0.0.1:7780',
          'wss://[::1]:7780',
          'wss://[2001:db8::7]',
          'wss://[1:2:3:4:5:6:7:8]/x',
          'wss://r2d2',
        ],
        ...[
          'wss://relay:',
          'wss://:7780',
          'wss://relay:port',
          'wss://relay:65536',
          'wss://relay:99999',
          'wss://relay:1:2',
        ],
        ...['wss://10.0.0.256', 'wss://10.0.0.1.2', 'wss://relay.1', 'wss://[::1', 'wss://[:::]', 'wss://[1::2::3]'],
        ...[
          'wss://[12345::]',
          'wss://[1:2]',
          'wss://[::g]',
          'wss://re lay',
          'wss://re|ay',
          'wss://',
          'https://relay',
          'wss:relay',
        ],
      ];
      const taken = await valueOf<boolean[]>(
        host,
        `map (import /root/nixfleet/nix/modules/values.nix { inherit lib; }).isRelayUrl (builtins.fromJSON ${JSON.stringify(JSON.stringify(urls))})`,
      );
      const config = { host: 'web1', tokenFile: '/token' };
      const byAgent = urls.map(relayUrl => agentConfigSchema.safeParse({ ...config, relayUrl }).success);
      for (const [index, url] of urls.entries())
        if (taken[index]) assert.ok(byAgent[index], `the module takes ${url}, and the agent does not`);
      assert.deepEqual(
        urls.filter((_, index) => taken[index]),
        urls.slice(0, 10),
      );
    });

    it('an option that is not there, and where it was set', async () => {
      assert.match(
        await refused('{ _file = "hosts/web1.nix"; services.nixfleet-agent.nixcfgpath = "/x"; }'),
        /The option `services\.nixfleet-agent\.nixcfgpath' does not exist\. Definition values:\s+- In `hosts\/web1\.nix': "\/x"/,
      );
    });

    for (const [option, value] of [
      ['enable', '"yes"'],
      ['host', '"not a name"'],
      ['relayUrl', '7780'],
      ['tokenFile', '"token"'],
      ['owner', '1000'],
      ['method', '"switch"'],
      ['rollback', 'true'],
      ['lock.publish', '"force"'],
      ['logLevel', '"verbose"'],
      ['inputName', '"two words"'],
      ['deadlines.building', '"1h"'],
      ['deadlines.building', '0'],
      ['deadlines.queued', '1'],
      ['git', '"/run/key"'],
      ['package', '"nixfleet-agent"'],
    ] as const)
      it(`${option} = ${value}`, async () => {
        const error = await refused(`{ services.nixfleet-agent.${option} = lib.mkForce (${value}); }`);
        const name = `services\\.nixfleet-agent\\.${option.replace('.', '\\.')}`;
        assert.match(error, new RegExp(`option \`${name}' (is not of type|does not exist|is a set of options)`));
      });

    it('but only warns of an owner whom the configuration does not know', async () => {
      const warnings = await valueOf<string[]>(
        host,
        '(nixos { services.nixfleet-agent.owner = "ana"; }).config.warnings',
      );
      assert.match(warnings.join(), /owner is "ana", which is no user of this configuration/);
      const known = '{ services.nixfleet-agent.owner = "ana"; users.users.ana.isNormalUser = true; }';
      assert.deepEqual(await valueOf(host, `(nixos (${known})).config.warnings`), []);
    });
  });

  it('lets polkit allow the agent to start a run, and nothing else', async () => {
    const rule = await valueOf<string>(
      host,
      '(nixos { }).config.environment.etc."polkit-1/rules.d/50-nixfleet-agent.rules".text',
    );
    assert.ok(await valueOf(host, '(nixos { }).config.security.polkit.enable'));
    // the rule as polkitd would run it
    const allows = (
      user: string,
      verb: string,
      name: string,
      id = 'org.freedesktop.systemd1.manage-units',
    ): unknown => {
      let result: unknown;
      const polkit = {
        Result: { YES: 'yes' },
        addRule: (decide: (action: object, subject: object) => unknown) => {
          result = decide({ id, lookup: (key: string) => ({ verb, unit: name })[key] }, { user });
        },
      };
      // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call
      new Function('polkit', rule)(polkit);
      return result;
    };
    const run = 'nixfleet-run@01ARZ3NDEKTSV4RRFFQ69G5FAV.service';
    assert.equal(allows('nixfleet-agent', 'start', run), 'yes');
    for (const [user, verb, name, id] of [
      ['ana', 'start', run],
      ['nixfleet-agent', 'stop', run],
      ['nixfleet-agent', 'restart', run],
      ['nixfleet-agent', 'start', 'nixfleet-agent.service'],
      ['nixfleet-agent', 'start', `${run}\nx`],
      ['nixfleet-agent', 'start', `x${run}`],
      ['nixfleet-agent', 'start', 'nixfleet-run@.service'],
      ['nixfleet-agent', 'start', 'nixfleet-run@01ARZ3NDEKTSV4RRFFQ69G5FAI.service'],
      ['nixfleet-agent', 'start', run, 'org.freedesktop.systemd1.manage-unit-files'],
    ] as const)
      assert.equal(allows(user, verb, name, id), undefined, `${user} ${verb} ${name}`);
  });

  describe('’s surroundings', () => {
    const refused = (module: string): Promise<string> =>
      refusal(host, `(nixos (${module})).config.system.build.toplevel.drvPath`);

    for (const [title, module, says] of [
      ['an option that NixOS does not have', 'systemd.service.x = { }', /systemd\.service' does not exist/],
      [
        'a misspelt one of a unit',
        'systemd.services.x.wantedby = [ ]',
        /systemd\.services\.x\.wantedby' does not exist/,
      ],
      ['no name of a unit', 'systemd.services.x.wantedBy = [ "multi-user" ]', /wantedBy.* is not of type/],
      [
        'a Restart= that systemd does not know',
        'systemd.services.x.serviceConfig.Restart = "often"',
        /serviceConfig' is not of type/,
      ],
      [
        'a set as a setting of a unit',
        'systemd.services.x.wantedBy = "multi-user.target"',
        /wantedBy' is not of type `list of/,
      ],
      [
        'a port that is none',
        'networking.firewall.allowedTCPPorts = [ 70000 ]',
        /is not of type `16 bit unsigned integer/,
      ],
      ['a user without a kind', 'users.users.x.group = "users"', /Exactly one of users\.users\.x\.isSystemUser/],
      ['a mode that is a number', 'systemd.tmpfiles.settings.a."/x".d.mode = 755', /mode' is not of type `string'/],
      [
        'two definitions that contradict',
        'networking.hostName = "other"',
        /hostName' has conflicting definition values/,
      ],
    ] as const)
      it(`reject ${title}`, async () => assert.match(await refused(`{ ${module}; }`), says));
  });
});
