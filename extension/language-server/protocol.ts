/**
 * The words between the extension and its language server, besides those of the language server protocol. Types and
 * names only: both sides import this file.
 */
import type { HostKind } from '../../flake-nix/types.ts';

/** From the extension: the fleet changed. */
export const FLEET_CHANGED = 'nixfleet/fleetChanged';
/** From the extension: another folder is nixcfg, or none is. */
export const NIXCFG_CHANGED = 'nixfleet/nixcfgChanged';
/** From the server: what the flake.nix of nixcfg shows is other than before. */
export const FLAKE_READ = 'nixfleet/flakeRead';

/** Asked by the extension: where a configuration is. Takes a {@link ConfigurationName}, gives a {@link Place} or null. */
export const WHERE_IS = 'nixfleet/whereIs';

/** A place in a file. Line and character count from 0. */
export interface Place {
  readonly uri: string;
  readonly line: number;
  readonly character: number;
}

/** What the server is started with. */
export interface ServerOptions {
  /** BCP 47. */
  readonly language: string;
  /** The texts of the reader's language by the English ones; undefined for English. */
  readonly words?: Readonly<Record<string, string>> | undefined;
  readonly nixcfg: NixcfgChanged;
  readonly fleet: FleetChanged;
}

export interface NixcfgChanged {
  /** URI of the folder with the flake.nix; null when there is none. */
  readonly folder: string | null;
}

/** What differs from what was said before. */
export interface FleetChanged {
  /** Whether a relay tells of hosts: without one nothing is said of them. */
  readonly known: boolean;
  /** Whether commands that run nix in the workspace may be offered. */
  readonly trusted: boolean;
  readonly hosts: readonly FleetHostView[];
  /** Names of hosts that are there no more. */
  readonly gone: readonly string[];
}

/** A host as far as the editor shows it. */
export interface FleetHostView {
  readonly name: string;
  /** The flake attribute that it says it is built from; absent when it never connected. */
  readonly built?: ConfigurationName;
  /** Of the agent that runs. */
  readonly version?: string;
  readonly agentRev?: string;
  /** Of the input in the lock of its own checkout. */
  readonly lockedRev?: string;
  /** Seconds since the epoch. */
  readonly lockedAt?: number;
  /** A codicon. */
  readonly icon: string;
  /** What its row in the view says. */
  readonly words: string;
  /** Whether an update can be asked for. */
  readonly idle: boolean;
}

/** A configuration among a flake's outputs. */
export interface ConfigurationName {
  readonly kind: HostKind;
  readonly name: string;
}

/** What the text of flake.nix shows. */
export interface FlakeRead {
  /** URI of the folder. */
  readonly folder: string;
  readonly hosts: readonly ConfigurationName[];
  /** Kinds of which there may be more. */
  readonly open: readonly HostKind[];
}
