import type { TextDocument } from 'vscode-languageserver-textdocument';
import {
  findInput,
  lockPlaces,
  parseFlakeLock,
  type FlakeLock,
  type LockNode,
  type NodePlace,
} from '../../flake-lock/index.ts';
import { findNixfleetInput, type Flake, type FlakeInput } from '../../flake-nix/index.ts';
import type { Locale } from '../base/locale.ts';
import type { ConfigurationName, FleetHostView } from './protocol.ts';

/** Everything that the editor's features look at, at one moment. */
export interface Snapshot {
  readonly flake: FlakeFile | undefined;
  readonly lock: LockFile | undefined;
  readonly fleet: FleetState;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly locale: Locale;
}

export interface FlakeFile {
  readonly document: TextDocument;
  /** Of the document when it was read: the editor's documents change in place. */
  readonly version: number;
  readonly flake: Flake;
}

export interface LockFile {
  readonly document: TextDocument;
  readonly version: number;
  /** Undefined while it cannot be read. */
  readonly lock: FlakeLock | undefined;
  readonly places: ReadonlyMap<string, NodePlace>;
}

export interface FleetState {
  readonly known: boolean;
  readonly trusted: boolean;
  readonly hosts: ReadonlyMap<string, FleetHostView>;
  /** Hosts by what they are built from, and those that never said it by their name. */
  readonly byConfiguration: ReadonlyMap<string, readonly FleetHostView[]>;
}

export function fleetState(
  { known, trusted }: Pick<FleetState, 'known' | 'trusted'>,
  hosts: FleetState['hosts'],
): FleetState {
  const byConfiguration = new Map<string, FleetHostView[]>();
  for (const host of hosts.values()) {
    const key = host.built ? configurationKey(host.built) : host.name;
    byConfiguration.set(key, [...(byConfiguration.get(key) ?? []), host]);
  }
  return { known, trusted, hosts, byConfiguration };
}

export const NO_FLEET = fleetState({ known: false, trusted: false }, new Map());

/** No name of a host is like it. */
function configurationKey({ kind, name }: ConfigurationName): string {
  return `${kind}/${name}`;
}

export function readLockFile(document: TextDocument): LockFile {
  const text = document.getText();
  const parsed = parseFlakeLock(text);
  return { document, version: document.version, lock: parsed.ok ? parsed.lock : undefined, places: lockPlaces(text) };
}

/** An input of the flake as the lock has it. */
export interface LockedInput {
  readonly name: string;
  /** Of its node in the lock. */
  readonly key: string;
  readonly node: LockNode;
}

export function lockedInput({ lock }: Pick<Snapshot, 'lock'>, name: string): LockedInput | undefined {
  const edge = lock?.lock && lock.lock.nodes.get(lock.lock.root)?.inputs.get(name);
  const node = lock?.lock && findInput(lock.lock, [name]);
  return edge && node && { name, key: edge.node, node };
}

/** The input that carries the agent, as flake.nix has it. */
export function nixfleetInput({ flake }: Pick<Snapshot, 'flake'>): FlakeInput | undefined {
  return flake && findNixfleetInput(flake.flake.inputs.filter(({ implicit }) => !implicit));
}

/**
 * Hosts that are built from a configuration, by what they say. One that never connected says nothing: it is taken to be
 * the one of its name.
 */
export function hostsBuiltFrom(
  { byConfiguration }: FleetState,
  configuration: ConfigurationName,
): readonly FleetHostView[] {
  const built = byConfiguration.get(configurationKey(configuration)) ?? [];
  return [...built, ...(byConfiguration.get(configuration.name) ?? [])];
}

/** Hosts whose checkout has an older revision of the input than this lock. */
export function hostsBehind(fleet: FleetState, { node }: LockedInput): FleetHostView[] {
  const { rev, lastModified } = node.locked ?? {};
  if (rev === undefined) return [];
  return [...fleet.hosts.values()].filter(
    ({ lockedRev, lockedAt }) =>
      lockedRev !== undefined &&
      lockedRev !== rev &&
      (lockedAt === undefined || lastModified === undefined || lockedAt < lastModified),
  );
}
