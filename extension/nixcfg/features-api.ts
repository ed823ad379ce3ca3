/**
 * What lies between the extension and its features for nixcfg, which are a bundle of their own and loaded when the
 * workspace holds a flake. Types only: the main bundle imports this file.
 */
import type * as vscode from 'vscode';
import type { FleetHost, RunId } from '../../protocol/index.ts';
import type { IDisposable } from '../base/disposable.ts';
import type { Event } from '../base/event.ts';
import type { Locale } from '../base/locale.ts';
import type { FleetStore } from '../fleet/fleet-store.ts';
import type { ConfigurationName, FleetHostView } from '../language-server/protocol.ts';
import type { RunSessionSource } from '../runs/run-session.ts';
import type { AskedUpdate } from '../updates/updates.ts';
import type { NixcfgState } from './configurations.ts';

/** What the features are given. */
export interface NixcfgServices {
  /** Folder of the bundles. */
  readonly dist: string;
  readonly memory: vscode.Memento;
  readonly locale: Locale;
  /** The texts of the reader's language; undefined for English. */
  readonly words: Readonly<Record<string, string>> | undefined;
  readonly log: vscode.LogOutputChannel;
  readonly fleet: Pick<FleetStore, 'fleet' | 'host' | 'run' | 'now' | 'onDidChange'>;
  readonly sessions: RunSessionSource;
  /** What a host's row says. */
  readonly describe: (host: FleetHost) => Pick<FleetHostView, 'icon' | 'words' | 'idle'>;
  /** Asks for an update of a host, and remembers that this window did. */
  readonly askForUpdate: (host: string) => Promise<AskedUpdate>;
  readonly cancelUpdate: (runId: RunId) => void;
}

/** A place in a file of the workspace that an error of nix names. */
export interface ErrorPlace {
  readonly uri: vscode.Uri;
  /** Path from the folder of nixcfg. */
  readonly path: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export interface NixcfgFeatures extends IDisposable {
  readonly state: NixcfgState;
  readonly onDidChange: Event<void>;
  /** Lets the person say which folder is nixcfg. */
  chooseFolder(): Promise<void>;
  /** Takes the lock of a run over into the workspace. */
  useLock(runId: RunId): Promise<void>;
  /** Finds the newest revision of the input that carries the agent, and takes that lock over. */
  updateInput(): Promise<void>;
  /** Shows where a host is configured. */
  showConfiguration(configuration: ConfigurationName): Promise<void>;
  /** Where the errors of a run's output are in the workspace, the first one first. */
  placesOf(lines: readonly string[], checkout: string | undefined): Promise<readonly ErrorPlace[]>;
  readonly tasks: vscode.TaskProvider;
  /** Whether the language server runs; for tests. */
  readonly serverRuns: Promise<boolean>;
}
