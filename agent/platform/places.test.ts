import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { agentConfigSchema } from '../config.ts';
import { attributeOf, configurationName } from './choose.ts';
import { placesOf, stateDirOf, type Surroundings } from './places.ts';

const HOME = { platform: 'home-manager', launcher: 'auto' } as const;
const mac: Surroundings = {
  os: 'darwin',
  env: {},
  home: '/Users/ana',
  user: 'ana',
  exists: path => path === '/Users/ana/.local/state/nix/profiles',
};

describe('where a platform keeps its generations', () => {
  it("is where Home Manager's activation keeps them", () => {
    assert.deepEqual(placesOf(HOME, mac), {
      current: '/Users/ana/.local/state/home-manager/gcroots/current-home',
      profile: '/Users/ana/.local/state/nix/profiles/home-manager',
      unit: 'org.nix-community.home.nixfleet-agent',
      plists: '/Users/ana/Library/LaunchAgents',
    });
    assert.equal(stateDirOf('home-manager', mac), '/Users/ana/.local/state/nixfleet-agent');
  });

  it('is elsewhere with another state folder, or where nix keeps the profiles of all users', () => {
    const moved = { ...mac, env: { XDG_STATE_HOME: '/s' }, exists: () => true };
    assert.equal(placesOf(HOME, moved).profile, '/s/nix/profiles/home-manager');
    assert.equal(stateDirOf('home-manager', moved), '/s/nixfleet-agent');
    const old = { ...mac, exists: (path: string) => path.endsWith('per-user/ana/current-home') };
    const { profile, current } = placesOf(HOME, old);
    assert.equal(profile, '/nix/var/nix/profiles/per-user/ana/home-manager');
    assert.equal(current, '/nix/var/nix/gcroots/per-user/ana/current-home');
  });

  it('is the same for NixOS and nix-darwin, but for the name of the service', () => {
    const { unit, ...darwin } = placesOf({ platform: 'nix-darwin', launcher: 'inbox' }, mac);
    const { unit: nixos, ...rest } = placesOf({ platform: 'nixos', launcher: 'auto' }, mac);
    assert.deepEqual(darwin, rest);
    assert.deepEqual([unit, nixos], ['org.nixfleet.agent', 'nixfleet-agent.service']);
    assert.equal(placesOf(HOME, { ...mac, os: 'linux' }).unit, 'nixfleet-agent.service');
    assert.equal(placesOf({ ...HOME, launcher: 'launchd' }, { ...mac, os: 'linux' }).unit, placesOf(HOME, mac).unit);
  });

  it('is what the configuration says where it says something', () => {
    const config = agentConfigSchema.parse({
      host: 'mac',
      relayUrl: 'wss://relay',
      tokenFile: '/t',
      platform: 'nix-darwin',
      system: { unit: 'org.example.agent' },
    });
    assert.equal(config.system.unit, 'org.example.agent');
    assert.equal(config.system.profile, '/nix/var/nix/profiles/system');
    assert.equal(config.stateDir, '/var/lib/nixfleet-agent');
  });
});

describe("the name of a host's configuration", () => {
  it("is the platform's set and the attribute", () => {
    assert.equal(configurationName('home-manager', 'ana@mac'), 'homeConfigurations."ana@mac"');
    assert.equal(configurationName('nix-darwin', 'mini'), 'darwinConfigurations."mini"');
    assert.equal(attributeOf({ platform: 'home-manager', attribute: 'ana' }), 'ana');
    assert.doesNotMatch(attributeOf({ platform: 'nix-darwin' }), /\./);
  });
});
