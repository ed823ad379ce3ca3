import { hostname, userInfo } from 'node:os';
import type { AgentConfig } from '../config.ts';
import { statePaths } from '../run-directory/layout.ts';
import { HomeManager } from './home-manager.ts';
import { Launchd } from './launchd.ts';
import { LocalProcesses } from './local.ts';
import { NixDarwin } from './nix-darwin.ts';
import { NixosRebuild } from './nixos-rebuild.ts';
import { NixosStaged } from './nixos-staged.ts';
import { isBelowLaunchd } from './places.ts';
import type { Rebuilder } from './rebuilder.ts';
import type { ServiceManager } from './service-manager.ts';
import { systemdScope } from './systemctl.ts';
import { Systemd } from './systemd.ts';

/** The name of the host's configuration in the flake; where the host's own does not say, as the platform's tools have it. */
export function attributeOf({ platform, attribute }: Pick<AgentConfig, 'platform' | 'attribute'>): string {
  if (attribute !== undefined) return attribute;
  if (platform === 'home-manager') return userInfo().username;
  return platform === 'nix-darwin' ? (hostname().split('.')[0] ?? '') : hostname();
}

/** The flake output that holds a host's configuration, such as `nixosConfigurations."web"`. */
export function configurationName(platform: AgentConfig['platform'], attribute: string): string {
  const set = { nixos: 'nixos', local: 'nixos', 'home-manager': 'home', 'nix-darwin': 'darwin' }[platform];
  return `${set}Configurations."${attribute}"`;
}

/** What builds, activates and commits generations on this host. */
export function chooseRebuilder(
  config: Pick<AgentConfig, 'platform' | 'method' | 'system'>,
  attribute: string,
): Rebuilder {
  const configuration = configurationName(config.platform, attribute);
  switch (config.platform) {
    case 'home-manager':
      return new HomeManager(config.system, configuration);
    case 'nix-darwin':
      return new NixDarwin(config.system, configuration);
    case 'nixos':
    case 'local':
      return config.method === 'staged'
        ? new NixosStaged(config.system, configuration)
        : new NixosRebuild(config.system, configuration, attribute);
  }
}

/** What knows the agent's process and the services beside it. */
export function chooseServices(
  config: Pick<AgentConfig, 'platform' | 'system' | 'stateDir' | 'launcher'>,
): ServiceManager {
  const { platform, system, stateDir } = config;
  if (platform === 'local') return new LocalProcesses(statePaths(stateDir).agent);
  if (isBelowLaunchd(config))
    return new Launchd({
      label: system.unit,
      plists: system.plists,
      plistsInGeneration: platform === 'nix-darwin' ? 'Library/LaunchDaemons' : 'LaunchAgents',
      stateDir,
      ...(platform === 'nix-darwin' && { domains: ['system'] }),
    });
  return new Systemd(system.unit, systemdScope(platform));
}
