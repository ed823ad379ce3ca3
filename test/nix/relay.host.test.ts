import assert from 'node:assert/strict';
import { before, describe, it } from 'mocha';
import { useLab } from '../hosts/lab/for-tests.ts';
import { OWNER, type TestHost } from '../hosts/lab/host.ts';
import { bringFiles, refusal, valueOf } from './evaluate.ts';
import { assertSound, exposure } from './units.ts';

const UNIT = 'nixfleet-relay.service';

describe('The NixOS module of the relay', function () {
  this.timeout(120_000);
  const lab = useLab();
  let host: TestHost;
  let provisioned: Promise<unknown>;
  before(async () => {
    host = await lab().boot('h1');
    bringFiles(host);
    // while options are looked at
    provisioned = provision();
    provisioned.catch(() => undefined);
  });

  async function provision(): Promise<void> {
    const path = lab().nixcfg.path('hosts/h1.nix');
    const relay =
      'services.nixfleet-relay = { enable = true; dataDir = "/var/lib/fleet relay"; url = "wss://relay.home:7780"; };';
    const module = lab()
      .nixcfg.read(path)
      .replace('  services.nixfleet-agent', `  ${relay}\n  services.nixfleet-agent`);
    await lab().nixcfg.commit({ [path]: module }, 'A relay on h1');
    await host.provision({ version: '1.0.0', options: { relayUrl: 'ws://127.0.0.1:7780' } });
  }

  const serviceConfig = (module: string): Promise<Record<string, unknown>> =>
    valueOf(host, `(relay (${module})).config.systemd.services.nixfleet-relay.serviceConfig`);
  const command = async (module: string): Promise<string> => String((await serviceConfig(module))['ExecStart']);

  describe('makes of its options', () => {
    it('a command that listens on this machine alone, as long as there is no certificate', async () => {
      assert.match(
        await command('{ }'),
        /^"\/nix\/store\/\S+\/bin\/nixfleet-relay" "--data" "\/var\/lib\/nixfleet-relay" "serve" "--listen" "127\.0\.0\.1:7780" "--keep-runs" "50" "--keep-days" "30" "--log-level" "info"$/,
      );
    });

    it('a command that takes wss:// from everybody, when there is one', async () => {
      const text = await command(`{
        services.nixfleet-relay = {
          port = 443;
          listenAddress = "::";
          tls = { certFile = "/var/lib/acme/100% relay/cert.pem"; keyFile = "/var/lib/acme/key.pem"; };
          retention = { runs = 5; days = 7; };
        };
      }`);
      assert.ok(text.includes('"--listen" "[::]:443" "--keep-runs" "5" "--keep-days" "7"'), text);
      assert.ok(text.includes('"--cert" "/var/lib/acme/100%% relay/cert.pem" "--key" "/var/lib/acme/key.pem"'), text);
    });

    it('the one capability that a low port needs, and none otherwise', async () => {
      const { CapabilityBoundingSet } = await serviceConfig('{ services.nixfleet-relay.port = 443; }');
      assert.equal(CapabilityBoundingSet, 'CAP_NET_BIND_SERVICE');
      assert.equal((await serviceConfig('{ }'))['CapabilityBoundingSet'], '');
    });

    it('a hole in the firewall, only when it is told to', async () => {
      const ports = (module: string) =>
        valueOf<number[]>(host, `(relay (${module})).config.networking.firewall.allowedTCPPorts`);
      assert.deepEqual(await ports('{ }'), []);
      assert.deepEqual(await ports('{ services.nixfleet-relay = { openFirewall = true; port = 7000; }; }'), [7000]);
    });
  });

  describe('refuses', () => {
    for (const [title, options, says] of [
      ['tokens in clear text', 'listenAddress = "0.0.0.0"', /tokens in clear text from the network\. Set services/],
      ['half a certificate', 'tls.certFile = "/etc/cert.pem"', /are given together: one of them is missing/],
      [
        'a key in the store',
        'tls = { certFile = "/etc/cert.pem"; keyFile = /etc/hostname; }',
        /tls\.keyFile is .* Nix store.*Name it by a string/,
      ],
      ['a URL that is none', 'url = "relay.home"', /url is "relay\.home", which is no URL of a relay: write wss/],
      ['data in the store', 'dataDir = /etc', /dataDir is .*which cannot be written to/],
      ['a port that is none', 'port = 70000', /services\.nixfleet-relay\.port' is not of type/],
      ['to keep nothing', 'retention.runs = 0', /retention\.runs' is not of type `positive integer/],
      ['an option that is not there', 'tls.cert = "/x"', /services\.nixfleet-relay\.tls\.cert' does not exist/],
    ] as const)
      it(title, async () =>
        assert.match(
          await refusal(
            host,
            `(relay { services.nixfleet-relay = { ${options}; }; }).config.system.build.toplevel.drvPath`,
          ),
          says,
        ),
      );
  });

  describe('on a host', () => {
    const enrolled = (name: string) => host.exec(['nixfleet-relay', 'enroll', name, '--token-only']);

    before(() => provisioned);

    it('runs as a user of its own, in a tight sandbox, and systemd finds nothing wrong with its unit', async () => {
      assert.ok((await exposure(host, UNIT)) <= 2.0, 'systemd-analyze security');
      await assertSound(host, /^nixfleet-relay/);
      assert.equal(await host.run(['stat', '-c', '%U %a', '/var/lib/fleet relay']), 'nixfleet-relay 700');
      const health = await host.run(['curl', '--fail', '--silent', 'http://127.0.0.1:7780/healthz']);
      assert.match(health, /"status":"ok"/);
    });

    it('is administered by its own command, as root', async () => {
      const byAna = await host.exec(['nixfleet-relay', 'hosts'], { user: OWNER });
      assert.equal(byAna.exitCode, 1);
      assert.match(byAna.stderr, /say sudo nixfleet-relay hosts/);
      assert.match(
        await host.run(['nixfleet-relay', 'enroll', 'web2', '--for', 'nixos']),
        /relayUrl = "wss:\/\/relay\.home:7780";/,
      );
      const { stdout, exitCode, stderr } = await enrolled('h1');
      assert.equal(exitCode, 0, stderr);
      assert.match(stdout, /^nixfleet_host_\S{43}$/);
      assert.equal(await host.run(['find', '/var/lib/fleet relay', '!', '-user', 'nixfleet-relay']), '');
      host.writeFile('/etc/nixfleet/token', `${stdout}\n`, { mode: 0o600 });
      await host.waitFor(async () => /^h1 +1\.0\.0 /m.test(await host.run(['nixfleet-relay', 'hosts'])), {
        what: 'the agent to have met the relay',
      });
    });
  });
});
