import assert from 'node:assert/strict';
import { cpSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'mocha';
import { narHash } from '../../scripts/bundles/nar.ts';
import { useSharedHost } from '../hosts/lab/for-tests.ts';
import { OWNER, OWNER_HOME, type TestHost } from '../hosts/lab/host.ts';
import type { Lab } from '../hosts/lab/lab.ts';
import type { Manifest } from '../hosts/lab/provision.ts';

interface Locks {
  readonly nodes: Readonly<Record<string, unknown>>;
}

const CHECKOUT = `${OWNER_HOME}/nixfleet`;
const NIXCFG = `${OWNER_HOME}/nixcfg`;

describe('The project’s flake', function () {
  this.timeout(60_000);
  const shared = useSharedHost();
  let host: TestHost;
  let lab: Lab;
  before(async () => {
    ({ host, lab } = shared());
    await host.run(['git', 'clone', '--quiet', lab.nixfleet.url, CHECKOUT], { user: OWNER });
  });

  /** Has nix do something with the flake of somebody who has the project's as an input. */
  function inNixcfg(input: string, command: readonly string[]): Promise<string> {
    const flake = `{
      inputs.nixpkgs.url = "${lab.nixpkgs.input}";
      inputs.nixfleet.url = "${input}";
      inputs.nixfleet.inputs.nixpkgs.follows = "nixpkgs";
      outputs = { nixfleet, ... }: {
        inherit (nixfleet) packages;
        names = builtins.mapAttrs (_: builtins.attrNames) {
          inherit (nixfleet) inputs packages nixosModules homeModules darwinModules overlays;
          linux = nixfleet.packages.x86_64-linux;
          mac = nixfleet.packages.aarch64-darwin;
          shells = nixfleet.devShells.x86_64-linux;
          overlaid = nixfleet.overlays.default { } { };
        };
      };
    }`;
    host.writeFile(`${NIXCFG}/flake.nix`, flake, { owner: OWNER });
    return host.run(['nix', ...command, '--no-write-lock-file'], { user: OWNER });
  }

  /** The manifest of the agent that a nixcfg gets from this input. */
  async function agentOf(input: string): Promise<Manifest> {
    const path = await inNixcfg(input, ['build', `path:${NIXCFG}#agent`, '--no-link', '--print-out-paths']);
    const manifest = JSON.parse(host.readFile(`${path}/share/nixfleet/agent.json`)) as Manifest;
    assert.equal(manifest.storePath, path);
    return manifest;
  }

  it('has packages for every system, modules, and an overlay', async () => {
    const names = await inNixcfg(`git+file://${CHECKOUT}`, ['eval', `path:${NIXCFG}#names`, '--json']);
    const packages = ['agent', 'extension', 'relay'];
    assert.deepEqual(JSON.parse(names), {
      inputs: ['nixpkgs'],
      packages: ['aarch64-darwin', 'aarch64-linux', 'x86_64-darwin', 'x86_64-linux'],
      linux: packages,
      mac: packages,
      nixosModules: ['agent', 'relay'],
      homeModules: ['agent'],
      darwinModules: ['agent'],
      overlays: ['default'],
      shells: ['default'],
      overlaid: ['nixfleet-agent', 'nixfleet-extension', 'nixfleet-relay'],
    });
  });

  it('has one input, nixpkgs', async () => {
    const metadata = await host.run(
      ['nix', 'flake', 'metadata', CHECKOUT, '--json', '--no-write-lock-file'].concat([
        '--override-input',
        'nixpkgs',
        lab.nixpkgs.input,
      ]),
      { user: OWNER },
    );
    const { locks } = JSON.parse(metadata) as { locks: Locks };
    assert.deepEqual(Object.keys(locks.nodes).sort(), ['nixpkgs', 'root']);
  });

  it('builds an agent that knows who it is, whatever it is built from', async () => {
    const rev = lab.nixfleet.revOf('1.0.0');
    assert.equal((await agentOf(`git+file://${CHECKOUT}`)).rev, rev);

    await host.run(['sh', '-c', 'echo >> flake.nix'], { user: OWNER, cwd: CHECKOUT });
    assert.equal((await agentOf(`git+file://${CHECKOUT}`)).rev, `${rev ?? ''}-dirty`);

    await host.run(['sh', '-c', `cp -r ${CHECKOUT} plain && rm -rf plain/.git`], { user: OWNER });
    assert.match((await agentOf(`path:${OWNER_HOME}/plain`)).rev, /^sha256-[A-Za-z0-9+/]{43}=$/);
  });

  it('is given a hash of its bundles that nix computes too', async () => {
    const folder = host.pathOf('/root/tree');
    mkdirSync(join(folder, 'empty'), { recursive: true });
    mkdirSync(join(folder, 'Folder'));
    cpSync(realpathSync('/bin/sh'), join(folder, 'program'));
    writeFileSync(join(folder, 'Folder', 'ä b'), '12345678');
    writeFileSync(join(folder, 'zero'), '');
    symlinkSync('../zero', join(folder, 'Folder', 'link'));
    assert.equal(await host.run(['nix', 'hash', 'path', '/root/tree']), narHash(folder));
  });
});
