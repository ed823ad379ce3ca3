/**
 * What lies between the extension and its features for the first run, which are a bundle of their own and loaded when somebody
 * asks for one of them. Types only: the main bundle imports this file.
 */
import type { Uri } from 'vscode';
import type { IDisposable } from '../base/disposable.ts';
import type { Locale } from '../base/locale.ts';
import type { Log } from '../base/log.ts';
import type { RelayTarget } from '../connection/relay-socket.ts';
import type { Relays } from '../connection/relays.ts';
import type { TryResult } from '../connection/try-relay.ts';
import type { FleetStore } from '../fleet/fleet-store.ts';
import type { NixcfgState } from '../nixcfg/configurations.ts';
import type { LinkTargets } from '../uri/link-targets.ts';

/** What the features are given. */
export interface FirstRunServices {
  /** Folder of the bundles, the relay's among them. */
  readonly dist: string;
  /** Folder that all windows of this machine share. */
  readonly storage: string;
  readonly locale: Locale;
  readonly log: Log;
  readonly relays: Relays;
  readonly fleet: Pick<FleetStore, 'fleet'>;
  readonly nixcfg: { readonly state: NixcfgState };
  readonly tryRelay: (target: RelayTarget) => Promise<TryResult>;
  readonly showLog: () => void;
}

export interface FirstRunFeatures extends IDisposable {
  /** Asks where the relay of this machine is to listen, unless it runs, and connects every window to it. */
  startLocalRelay(): Promise<void>;
  stopLocalRelay(): Promise<void>;
  /** Starts the local relay again where it has ended without being told to. False when there is nothing to do. */
  reviveLocalRelay(id: string): Promise<boolean>;
  /** Asks for the host, and ends in text to paste. */
  enrollHost(name?: string): Promise<void>;
  /** The text of an enrolment's document. */
  enrollmentText(query: string): string | undefined;
  /** Does what a link from outside asks for, or asks whether to. */
  openLink(uri: Uri, targets: LinkTargets): Promise<void>;
}
