/** What nixcfg and the fleet have in common, and what only one of them has. Values and decisions; no VS Code, no nix. */
import type { FleetHost } from '../../protocol/index.ts';
import type { HostKind } from '../../flake-nix/types.ts';
import type { ConfigurationName } from '../language-server/protocol.ts';

/** The hosts that nixcfg configures. */
export interface Configurations {
  /** Whether nix said so, or the text alone. */
  readonly source: 'evaluation' | 'text';
  readonly hosts: readonly ConfigurationName[];
  /** Kinds of which there may be more. */
  readonly open: ReadonlySet<HostKind>;
}

/** The input that carries the agent, as the workspace's flake.lock has it. */
export interface WorkspaceLock {
  readonly input: string;
  readonly rev?: string;
  /** Seconds since the epoch. */
  readonly lastModified?: number;
}

/** What is known of the nixcfg in this window. */
export interface NixcfgState {
  /** URI of its folder. */
  readonly folder: string | undefined;
  readonly configurations: Configurations | undefined;
  readonly lock: WorkspaceLock | undefined;
}

export const NO_NIXCFG: NixcfgState = { folder: undefined, configurations: undefined, lock: undefined };

/** What the workspace says of a host: that nothing configures it, or that its lock is older than this one. */
export type Mark = 'unconfigured' | 'behind';

/** The configuration in `nixosConfigurations."web"`; undefined for anything else. */
export function parseAttribute(attribute: string): ConfigurationName | undefined {
  const [, kind, quoted, bare] =
    /^(nixosConfigurations|homeConfigurations|darwinConfigurations)\.(?:"((?:[^"\\]|\\.)+)"|([^".]+))$/.exec(
      attribute,
    ) ?? [];
  const name = quoted?.replace(/\\(.)/g, '$1') ?? bare;
  return kind !== undefined && name !== undefined ? { kind: kind as HostKind, name } : undefined;
}

/** The configuration that a host says it is built from. */
export function builtFrom({ agent }: Pick<FleetHost, 'agent'>): ConfigurationName | undefined {
  return agent && parseAttribute(agent.attribute);
}

/** Configurations that no host of the fleet is built from. A host that never connected counts for its name. */
export function notEnrolled(
  { configurations }: NixcfgState,
  hosts: ReadonlyMap<string, FleetHost>,
): readonly ConfigurationName[] {
  if (!configurations) return [];
  const built = new Set<string>();
  for (const host of hosts.values()) {
    const configuration = builtFrom(host);
    built.add(configuration ? keyOf(configuration) : host.host);
  }
  return configurations.hosts.filter(host => !built.has(keyOf(host)) && !built.has(host.name));
}

/** Marks of the hosts that have one. */
export function marks(state: NixcfgState, hosts: ReadonlyMap<string, FleetHost>): ReadonlyMap<string, Mark> {
  const found = new Map<string, Mark>();
  const unconfigured = findUnconfigured(state, hosts);
  for (const [name, host] of hosts) {
    if (unconfigured.has(name)) found.set(name, 'unconfigured');
    else if (isBehind(state, host)) found.set(name, 'behind');
  }
  return found;
}

/**
 * Hosts whose configuration is gone. Only where that is certain: all of its kind are known, and this is the fleet's nixcfg,
 * of which at least one host is built.
 */
function findUnconfigured({ configurations }: NixcfgState, hosts: ReadonlyMap<string, FleetHost>): ReadonlySet<string> {
  const none = new Set<string>();
  if (!configurations) return none;
  const known = new Set(configurations.hosts.map(keyOf));
  const gone = new Set<string>();
  let isOurs = false;
  for (const [name, host] of hosts) {
    const configuration = builtFrom(host);
    if (!configuration) continue;
    if (known.has(keyOf(configuration))) isOurs = true;
    else if (!configurations.open.has(configuration.kind)) gone.add(name);
  }
  return isOurs ? gone : none;
}

function isBehind({ lock }: NixcfgState, { status }: FleetHost): boolean {
  const { rev, lastModified } = status?.input ?? {};
  if (lock?.rev === undefined || rev === undefined || rev === lock.rev) return false;
  return lastModified === undefined || lock.lastModified === undefined || lastModified < lock.lastModified;
}

export function keyOf({ kind, name }: ConfigurationName): string {
  return `${kind}/${name}`;
}
