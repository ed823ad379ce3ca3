import type { Event } from './base/event.ts';
import type { Configured } from './connection/relays.ts';
import type { NixcfgFeatures } from './nixcfg/features-api.ts';
import type { NixcfgState } from './nixcfg/configurations.ts';
import type { RelayTarget } from './connection/relay-socket.ts';
import type { ConnectionState } from './connection/state.ts';
import type { Fleet } from './fleet/fleet.ts';
import type { NixFleet } from './nixfleet.ts';
import type { RunSessionSource } from './runs/run-session.ts';
import type { ViewState } from './tree/view-state.ts';
import type { TreeNode } from './tree/nodes.ts';
import type * as vscode from 'vscode';

/** What the tests in the extension host can see and do. Values are snapshots. */
export interface NixFleetApi {
  readonly connection: ConnectionState;
  readonly configured: Configured;
  readonly fleet: Fleet;
  readonly viewState: ViewState | undefined;
  readonly statusBarText: string;
  /** Any of the above changed. */
  readonly onDidChange: Event<void>;
  readonly sessions: RunSessionSource;
  readonly nixcfg: NixcfgState;
  /** Whether what is for nixcfg was loaded. */
  readonly isNixcfgLoaded: boolean;
  nixcfgFeatures(): Promise<NixcfgFeatures>;
  /** The rows of the Hosts view. */
  readonly tree: vscode.TreeDataProvider<TreeNode>;
  /** Uses a relay as *Connect to a Relay…* does, without asking. */
  connect(target: RelayTarget): Promise<void>;
}

export function apiOf({ link, relays, fleet, view, statusBar, sessions, nixcfg }: NixFleet): NixFleetApi {
  return {
    get connection() {
      return link.state;
    },
    get configured() {
      return relays.configured;
    },
    get fleet() {
      return fleet.fleet;
    },
    get viewState() {
      return view.state;
    },
    get statusBarText() {
      return statusBar.text;
    },
    onDidChange: listener => {
      const parts = [link.onDidChangeState, fleet.onDidChange, relays.onDidChange, nixcfg.onDidChange].map(event =>
        (event as Event<unknown>)(() => listener()),
      );
      return { dispose: () => parts.forEach(part => part.dispose()) };
    },
    sessions,
    get nixcfg() {
      return nixcfg.state;
    },
    get isNixcfgLoaded() {
      return nixcfg.isLoaded;
    },
    nixcfgFeatures: () => nixcfg.features(),
    tree: view,
    connect: target => relays.signIn(target),
  };
}
