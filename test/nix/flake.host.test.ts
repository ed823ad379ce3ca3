import assert from 'node:assert/strict';
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'mocha';
import { narHash } from '../../scripts/bundles/nar.ts';
import { PLACEHOLDER_AGENT, useLab } from '../hosts/lab/for-tests.ts';
import { OWNER, OWNER_HOME, type TestHost } from '../hosts/lab/host.ts';
import type { Manifest } from '../hosts/lab/provision.ts';

interface Locks {
  readonly nodes: Readonly<Record<string, unknown>>;
}

const CHECKOUT = `${OWNER_HOME}/nixfleet`;

describe('The project’s flake', function () {
  this.timeout(60_000);
  const lab = useLab({ agent: PLACEHOLDER_AGENT });
  let host: TestHost;
  before(async () => {
    host = await lab().boot('h1');
    await host.run(['git', 'clone', '--quiet', lab().nixfleet.url, CHECKOUT], { user: OWNER });
  });

  const nix = (...command: string[]): Promise<string> => {
    const input = ['--override-input', 'nixpkgs', lab().nixpkgs.input, '--no-write-lock-file'];
    return host.run(['nix', ...command, ...input], { user: OWNER });
  };
  const names = async (output: string): Promise<string[]> =>
    JSON.parse(await nix('eval', `${CHECKOUT}#${output}`, '--json', '--apply', 'builtins.attrNames')) as string[];

  /** The manifest of the agent that a nixcfg gets from this input. */
  async function agentOf(input: string): Promise<Manifest> {
    const nixcfg = `${OWNER_HOME}/nixcfg`;
    const flake = `{
      inputs.nixpkgs.url = "${lab().nixpkgs.input}";
      inputs.nixfleet.url = "${input}";
      inputs.nixfleet.inputs.nixpkgs.follows = "nixpkgs";
      outputs = { nixfleet, ... }: { inherit (nixfleet) packages; };
    }`;
    host.writeFile(`${nixcfg}/flake.nix`, flake, { owner: OWNER });
    const build = ['nix', 'build', `path:${nixcfg}#agent`, '--no-link', '--print-out-paths', '--no-write-lock-file'];
    const path = await host.run(build, { user: OWNER });
    const manifest = JSON.parse(host.readFile(`${path}/share/nixfleet/agent.json`)) as Manifest;
    assert.equal(manifest.storePath, path);
    return manifest;
  }

  it('has packages for every system, modules, and an overlay', async () => {
    assert.deepEqual(await names('packages'), ['aarch64-darwin', 'aarch64-linux', 'x86_64-darwin', 'x86_64-linux']);
    for (const system of ['x86_64-linux', 'aarch64-darwin'])
      assert.deepEqual(await names(`packages.${system}`), ['agent', 'extension', 'relay']);
    assert.deepEqual(await names('nixosModules'), ['agent', 'relay']);
    assert.deepEqual(await names('homeModules'), ['agent']);
    assert.deepEqual(await names('darwinModules'), ['agent']);
    assert.deepEqual(await names('overlays'), ['default']);
    assert.deepEqual(await names('devShells.x86_64-linux'), ['default']);
    const overlaid = await nix(
      'eval',
      `${CHECKOUT}#overlays.default`,
      '--json',
      '--apply',
      'o: builtins.attrNames (o { } { })',
    );
    assert.deepEqual(JSON.parse(overlaid), ['nixfleet-agent', 'nixfleet-extension', 'nixfleet-relay']);
  });

  it('has one input, nixpkgs', async () => {
    const { locks } = JSON.parse(await nix('flake', 'metadata', CHECKOUT, '--json')) as { locks: Locks };
    assert.deepEqual(Object.keys(locks.nodes).sort(), ['nixpkgs', 'root']);
  });

  it('builds an agent that knows who it is, whatever it is built from', async () => {
    const rev = lab().nixfleet.revOf('1.0.0');
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
    cpSync(process.execPath, join(folder, 'program'));
    writeFileSync(join(folder, 'Folder', 'ä b'), '12345678');
    writeFileSync(join(folder, 'zero'), '');
    symlinkSync('../zero', join(folder, 'Folder', 'link'));
    assert.equal(await host.run(['nix', 'hash', 'path', '/root/tree']), narHash(folder));
  });
});
