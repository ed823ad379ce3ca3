import * as vscode from 'vscode';
import { Disposable } from './base/disposable.ts';
import type { Link } from './connection/link.ts';
import { troubleIn, type ConnectionState } from './connection/state.ts';
import type { Relays } from './connection/relays.ts';
import type { FleetStore } from './fleet/fleet-store.ts';
import type { Nixcfg } from './nixcfg/nixcfg.ts';

/** What package.json asks in its `when` and `enablement` clauses, besides the key of the view's welcome. */
export class ContextKeys extends Disposable {
  readonly #values = new Map<string, unknown>();

  constructor(link: Link, relays: Relays, fleet: FleetStore, nixcfg: Pick<Nixcfg, 'state' | 'onDidChange'>) {
    super();
    const update = (): void => {
      this.#set('nixfleet.online', link.isOnline);
      this.#set('nixfleet.tokenRefused', isTokenRefused(link.state));
      this.#set('nixfleet.configured', relays.configured);
      this.#set('nixfleet.nixcfg', nixcfg.state.folder !== undefined);
      this.#set('nixfleet.localRelay', relays.target?.local !== undefined);
    };
    // the steps of the walkthrough are over once they were so
    const updateFleet = (): void => {
      const hosts = [...fleet.fleet.hosts.values()];
      this.#set('nixfleet.hasHost', hosts.length > 0);
      this.#set(
        'nixfleet.hasAgent',
        hosts.some(({ agent }) => agent !== undefined),
      );
      this.#set(
        'nixfleet.hasRun',
        hosts.some(({ runs }) => runs.length > 0),
      );
    };
    this.own(fleet.onDidChange(updateFleet));
    this.own(link.onDidChangeState(update));
    this.own(relays.onDidChange(update));
    this.own(nixcfg.onDidChange(update));
    update();
  }

  #set(key: string, value: unknown): void {
    if (this.#values.get(key) === value) return;
    this.#values.set(key, value);
    void vscode.commands.executeCommand('setContext', key, value);
  }
}

/** Another token is what helps. */
function isTokenRefused(state: ConnectionState): boolean {
  const trouble = troubleIn(state);
  return state.kind === 'refused' && (trouble?.kind === 'token-revoked' || trouble?.kind === 'token-rejected');
}
