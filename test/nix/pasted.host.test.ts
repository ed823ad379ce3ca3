import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'mocha';
import { ENROLL_PLATFORMS, nixcfgOptions } from '../../protocol/index.ts';
import { useSharedHost } from '../hosts/lab/for-tests.ts';
import type { TestHost } from '../hosts/lab/host.ts';
import { bringFiles, valueOf } from './evaluate.ts';
import { snippet, snippetsOf } from './snippets.ts';

const PROJECT = join(import.meta.dirname, '../..');
const README = join(PROJECT, 'README.md');
const SETUP = join(PROJECT, 'docs/setup.md');

/** Options of others that snippets set, as far as they do. */
const OTHERS = `{
  options.age.secrets = lib.mkOption {
    type = lib.types.attrsOf (lib.types.submodule ({ name, ... }: {
      options.file = lib.mkOption { type = lib.types.path; };
      options.path = lib.mkOption { type = lib.types.str; default = "/run/agenix/\${name}"; };
    }));
  };
  options.sops.secrets = lib.mkOption {
    type = lib.types.attrsOf (lib.types.submodule ({ name, ... }: {
      options.path = lib.mkOption { type = lib.types.str; default = "/run/secrets/\${name}"; };
    }));
  };
  options.security.acme = {
    acceptTerms = lib.mkOption { type = lib.types.bool; };
    defaults.email = lib.mkOption { type = lib.types.str; };
    certs = lib.mkOption {
      type = lib.types.attrsOf (lib.types.submodule {
        options.listenHTTP = lib.mkOption { type = lib.types.str; };
        options.group = lib.mkOption { type = lib.types.str; };
      });
    };
  };
}`;

describe('What people paste into nixcfg', function () {
  this.timeout(60_000);
  const shared = useSharedHost();
  let host: TestHost;
  before(() => {
    ({ host } = shared());
    bringFiles(host);
  });

  /** The agent's configuration on each platform, or that of the relay's host; nothing is refused. */
  const evaluated = {
    nixos: (module: string) => settings('nixos', module, 'config.system.build.toplevel'),
    'home-manager': (module: string) => settings('home', module, 'activationPackage'),
    'nix-darwin': (module: string) => settings('darwin', module, 'system'),
  };
  function settings(of: string, module: string, generation: string): Promise<Record<string, unknown>> {
    const made = `(${of} { imports = [ (${module}) ]; })`;
    return valueOf(host, `builtins.seq ${made}.${generation}.drvPath ${made}.config.services.nixfleet-agent.settings`);
  }

  for (const platform of ENROLL_PLATFORMS)
    it(`is what the relay prints for ${platform}, as it is`, async () => {
      const options = nixcfgOptions(platform, {
        host: 'web7',
        url: 'wss://relay.home:7780',
        certificate: { fingerprint: Array<string>(32).fill('AB').join(':'), selfSigned: true },
        owner: 'bea',
      });
      const got = await evaluated[platform](`{ config, ... }: { ${options}\n }`);
      assert.equal(got['host'], 'web7');
      assert.equal(got['relayUrl'], 'wss://relay.home:7780');
      assert.equal(got['owner'], platform === 'home-manager' ? undefined : 'bea');
    });

  it('is what the relay prints when it has no certificate', async () => {
    const enrolled = { host: 'web7', url: 'ws://10.0.0.1:7780', certificate: undefined };
    const got = await evaluated.nixos(`{ ${nixcfgOptions('nixos', enrolled)}\n }`);
    assert.equal(got['allowPlaintext'], true);
  });

  it('is what README shows, on NixOS and nix-darwin', async () => {
    const [relay = '', agent = ''] = [...readFileSync(README, 'utf8').matchAll(/^```nix\n([\s\S]*?)^```$/gm)].map(
      ([, text]) => text ?? '',
    );
    const toplevel = await valueOf<string>(host, `(relay { ${relay} }).config.system.build.toplevel.drvPath`);
    assert.match(toplevel, /\.drv$/);
    const [input, ...module] = agent.split('\n');
    assert.match(input ?? '', /^inputs\.nixfleet\.url = "github:nixfleet\/nixfleet";$/);
    for (const platform of ['nixos', 'nix-darwin'] as const)
      assert.equal((await evaluated[platform](`{ ${module.join('\n')} }`))['owner'], 'ana');
  });

  it('is what docs/setup.md shows for secrets', async () => {
    const snippets = snippetsOf(SETUP);
    for (const [name, path] of [
      ['agenix', '/run/agenix/nixfleet-token'],
      ['sops-nix', '/run/secrets/nixfleet-token'],
    ] as const) {
      const module = `{ imports = [ ${OTHERS} (${snippet(snippets, `module=${name}`)}) ]; }`;
      for (const platform of ['home-manager', 'nix-darwin'] as const)
        assert.equal((await evaluated[platform](module))['tokenFile'], path);
      const unit = await valueOf<string>(
        host,
        `(nixos (${module})).config.systemd.units."nixfleet-agent.service".text`,
      );
      assert.ok(unit.includes(`LoadCredential=token:${path}\n`), unit);
    }
  });

  it('is what docs/setup.md shows for a certificate', async () => {
    const acme = snippet(snippetsOf(SETUP), 'module=acme');
    const group = `(relay { imports = [ ${OTHERS} (${acme}) ]; }).config.security.acme.certs."relay.example.org".group`;
    assert.equal(await valueOf(host, group), 'nixfleet-relay');
  });
});
