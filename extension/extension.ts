/**
 * The VS Code side: entry point. What is in this room: `connection/` the link to the relay, `fleet/` what is known of the
 * hosts, `runs/` and `output/` copies of runs, `tree/`, `status-bar/`, `run-panel/`, `channel/` and `lock/` what a person
 * sees, `updates/`, `commands/` and `uri/` what they do. `first-run/` with `local-relay/`, `nixcfg/`,
 * `language-client/` and `language-server/` are bundles of their own, loaded when they are needed.
 */
import * as vscode from 'vscode';
import { apiOf, type NixFleetApi } from './api.ts';
import { NixFleet } from './nixfleet.ts';

let nixfleet: NixFleet | undefined;

/** Builds the services, registers, and returns: no network is waited for. Tests get something to hold on to. */
export function activate(context: vscode.ExtensionContext): NixFleetApi | undefined {
  nixfleet = new NixFleet(context);
  context.subscriptions.push(nixfleet);
  return context.extensionMode === vscode.ExtensionMode.Test ? apiOf(nixfleet) : undefined;
}

export async function deactivate(): Promise<void> {
  nixfleet?.dispose();
  await nixfleet?.closed;
}
