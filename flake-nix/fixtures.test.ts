// Flakes as people write them, each style with what its text shows: every input and host, and none that is not one.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { readFlake, type Flake } from './index.ts';

interface Expected {
  /** `name  where it comes from  inputs that follow` */
  readonly inputs: readonly string[];
  /** `kind name  file` */
  readonly hosts: readonly string[];
  /** Of what there may be more. */
  readonly open?: readonly string[];
}

const FIXTURES = join(import.meta.dirname, 'fixtures');
const SHORT = { nixosConfigurations: 'nixos', homeConfigurations: 'home', darwinConfigurations: 'darwin' } as const;

const EXPECTED: Readonly<Record<string, Expected>> = {
  'plain.nix': {
    inputs: [
      'nixpkgs  github:NixOS/nixpkgs/nixos-25.11',
      'home-manager  github:nix-community/home-manager/release-25.11  nixpkgs=nixpkgs',
      'nixfleet  github:nixfleet/nixfleet  nixpkgs=nixpkgs',
      'dotfiles  git+ssh://git@example.org/dotfiles.git?ref=main',
    ],
    hosts: ['nixos ada  hosts/ada/configuration.nix', 'nixos web-1  hosts/web-1.nix', 'nixos grace  hosts/grace'],
  },
  'nixfmt.nix': {
    inputs: [
      'nixpkgs  https://channels.nixos.org/nixos-unstable/nixexprs.tar.xz',
      'nixfleet  type=github owner=nixfleet repo=nixfleet ref=main',
      'home-manager  github:nix-community/home-manager  nixpkgs=nixpkgs nixpkgs-stable=',
      'pkgs-for-tests  follows nixfleet/nixpkgs',
    ],
    hosts: [
      'nixos ada  hosts/ada/configuration.nix',
      'nixos grace  hosts/grace/configuration.nix',
      'nixos hedy  hosts/hedy/configuration.nix',
    ],
  },
  'flake-utils.nix': {
    inputs: ['nixpkgs  nixpkgs/nixos-unstable', 'flake-utils  github:numtide/flake-utils'],
    hosts: ['nixos web  web.nix', 'nixos db.example.org  db.nix'],
  },
  'flake-parts.nix': {
    inputs: [
      'nixpkgs  github:NixOS/nixpkgs',
      'flake-parts  github:hercules-ci/flake-parts  nixpkgs-lib=nixpkgs',
      'nix-darwin  github:nix-darwin/nix-darwin  nixpkgs=nixpkgs',
      'home-manager  github:nix-community/home-manager',
    ],
    hosts: ['nixos ada  hosts/ada', 'nixos bell  hosts/bell', 'home ana@ada  home/ana.nix'],
    open: ['nixos', 'home', 'darwin'],
  },
  'flake-utils-plus.nix': {
    inputs: ['nixpkgs  github:NixOS/nixpkgs/release-24.05', 'utils  github:gytis-ivaskevicius/flake-utils-plus'],
    hosts: ['nixos ada  hosts/ada.nix', 'nixos grace  hosts/grace.nix', 'darwin macbook  hosts/macbook.nix'],
    open: ['home'],
  },
  'snowfall.nix': {
    inputs: ['nixpkgs  github:nixos/nixpkgs/nixos-25.05', 'snowfall-lib  github:snowfallorg/lib  nixpkgs=nixpkgs'],
    hosts: [],
    open: ['nixos', 'home', 'darwin'],
  },
  'deploy-rs.nix': {
    inputs: [
      'nixpkgs  github:nixos/nixpkgs/nixos-24.11',
      'deploy-rs  github:serokell/deploy-rs  nixpkgs=nixpkgs utils utils/systems=systems',
      'systems  path:./systems.nix',
    ],
    hosts: ['nixos mail  hosts/mail.nix', 'nixos web  hosts/web.nix'],
  },
  'colmena.nix': {
    inputs: ['nixpkgs  github:NixOS/nixpkgs/nixos-25.05', 'colmena  github:zhaofengli/colmena/v0.4.0'],
    hosts: ['nixos gateway  hosts/gateway.nix', 'nixos store  hosts/store.nix'],
  },
  'haumea.nix': {
    inputs: [
      'nixpkgs  github:NixOS/nixpkgs/nixos-unstable',
      'haumea  github:nix-community/haumea/v0.2.2  nixpkgs=nixpkgs',
    ],
    hosts: ['nixos rescue  rescue.nix'],
    open: ['nixos'],
  },
  'home-manager.nix': {
    inputs: [
      'nixpkgs  github:nixos/nixpkgs/nixpkgs-unstable',
      'home-manager  github:nix-community/home-manager  nixpkgs=nixpkgs',
    ],
    hosts: ['home root@laptop  home.nix', 'home ana  home.nix', 'home ana@laptop  home.nix'],
  },
  'nix-darwin.nix': {
    inputs: [
      'nixpkgs  github:NixOS/nixpkgs/nixpkgs-unstable',
      'darwin  github:LnL7/nix-darwin/master  nixpkgs=nixpkgs',
      'nix-homebrew  github:zhaofengli-wip/nix-homebrew',
      'homebrew-core  github:homebrew/homebrew-core',
    ],
    hosts: ['darwin mini  darwin.nix', 'darwin Anas-MacBook-Pro  darwin.nix'],
  },
  'generated.nix': {
    inputs: ['nixpkgs  github:NixOS/nixpkgs/nixos-unstable'],
    hosts: [
      ...['alpha', 'beta', 'gamma', 'delta'].map(name => `nixos ${name}  hosts/${name}`),
      'nixos pi-one  hosts/one',
      'nixos pi-two  hosts/two',
      ...['epsilon', 'oven', 'fridge', 'door', 'zeta', 'eta'].map(name => `nixos ${name}  hosts/${name}`),
      'home ana@kitchen  hosts/kitchen',
      'home ana@hall  hosts/hall',
    ],
  },
  'helpers.nix': {
    inputs: ['nixpkgs  github:NixOS/nixpkgs/nixos-25.05', 'darwin  github:nix-darwin/nix-darwin'],
    hosts: ['nixos ada  machines/ada.nix', 'nixos cy  machines/cy.nix', 'home ana', 'darwin bob  machines/bob.nix'],
    open: ['nixos', 'home', 'darwin'],
  },
  'registry.nix': {
    inputs: ['nixpkgs  (registry)', 'flake-utils  (registry)'],
    hosts: ['nixos one  one.nix', 'nixos two  one.nix'],
  },
  'flakelight.nix': {
    inputs: ['flakelight  github:nix-community/flakelight'],
    hosts: ['nixos ada  hosts/ada.nix', 'home ana  ana.nix'],
    open: ['darwin'],
  },
  'tricky.nix': {
    inputs: ['nixpkgs  github:NixOS/nixpkgs'],
    hosts: ['nixos if-then', 'nixos constructor', 'nixos with space and "quotes"'],
    open: ['nixos', 'home', 'darwin'],
  },
  'imports/flake.nix': {
    inputs: ['nixpkgs  github:NixOS/nixpkgs'],
    hosts: [
      ...['robin', 'wren', 'owl'].map(name => `nixos ${name}  hosts/${name}/configuration.nix`),
      'home ana@robin  home/ana.nix',
    ],
  },
};

describe('flakes as people write them', () => {
  it('are all looked at', () => {
    const files = readdirSync(FIXTURES, { recursive: true, encoding: 'utf8' }).filter(file =>
      /^[^/]+\.nix$|flake\.nix$/.test(file),
    );
    assert.deepEqual(files.sort(), Object.keys(EXPECTED).sort());
  });

  for (const [file, { inputs, hosts, open = [] }] of Object.entries(EXPECTED)) {
    const { text, flake } = read(file);
    it(`${file}: each input is found, and no other`, () => assert.deepEqual(flake.inputs.map(inputLine), inputs));
    it(`${file}: each host is found, and no other`, () => {
      assert.deepEqual(flake.hosts.map(hostLine), hosts);
      assert.deepEqual(
        [...flake.open].map(kind => SHORT[kind]),
        open,
      );
    });
    it(`${file}: they are where their names are written`, () => {
      for (const { name, at } of flake.inputs) assert.equal(text.slice(at.from, at.to), name);
      for (const { name, at, kind } of flake.hosts) {
        const written = text.slice(at.from, at.to).replaceAll(/^"|"$|\\/g, '');
        // a part of a composed name, an expression that gives it, or what brings another file in
        assert.ok(written !== '' && (name.includes(written) || /\$\{\w+\}/.test(written) || written === kind), written);
      }
    });
  }
});

function read(file: string): { text: string; flake: Flake } {
  const path = join(FIXTURES, file);
  const text = readFileSync(path, 'utf8');
  const flake = readFlake(text, other => {
    const beside = join(path, '..', other);
    return existsSync(beside) ? readFileSync(beside, 'utf8') : undefined;
  });
  return { text, flake };
}

function inputLine({ name, url, attributes, follows, overrides, implicit }: Flake['inputs'][number]): string {
  const written = [...attributes].map(([key, value]) => `${key}=${value}`).join(' ');
  const from = implicit ? '(registry)' : follows ? `follows ${follows.text}` : (url?.text ?? written);
  const rest = overrides.map(override =>
    override.follows ? `${override.name}=${override.follows.text}` : override.name,
  );
  return [name, from, rest.join(' ')].filter(Boolean).join('  ');
}

function hostLine({ kind, name, files }: Flake['hosts'][number]): string {
  return [`${SHORT[kind]} ${name}`, files[0]].filter(part => part !== undefined).join('  ');
}
