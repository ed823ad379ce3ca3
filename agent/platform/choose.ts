import type { AgentConfig } from '../config.ts';
import { statePaths } from '../run-directory/layout.ts';
import { LocalProcesses } from './local.ts';
import { NixosRebuild } from './nixos-rebuild.ts';
import { NixosStaged } from './nixos-staged.ts';
import type { Rebuilder } from './rebuilder.ts';
import type { ServiceManager } from './service-manager.ts';
import { Systemd } from './systemd.ts';

/** The flake output that holds a host's configuration, such as `nixosConfigurations."web"`. */
export function configurationName(attribute: string): string {
  return `nixosConfigurations."${attribute}"`;
}

/** What builds, activates and commits generations on this host. */
export function chooseRebuilder(config: Pick<AgentConfig, 'method' | 'system'>, attribute: string): Rebuilder {
  const configuration = configurationName(attribute);
  return config.method === 'staged'
    ? new NixosStaged(config.system, configuration)
    : new NixosRebuild(config.system, configuration, attribute);
}

/** What knows the agent's process and the services beside it. */
export function chooseServices(config: Pick<AgentConfig, 'platform' | 'system' | 'stateDir'>): ServiceManager {
  return config.platform === 'local'
    ? new LocalProcesses(statePaths(config.stateDir).agent)
    : new Systemd(config.system.unit);
}
