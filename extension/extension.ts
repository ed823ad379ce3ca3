/**
 * The VS Code side: entry point. What is in this room: `connection/` the link to the relay, `fleet/` what is known of the
 * hosts, `runs/` and `output/` copies of runs, `tree/`, `status-bar/`, `run-panel/`, `channel/` and `lock/` what a person
 * sees, `updates/` and `commands/` what they do.
 */
import type * as vscode from 'vscode';
import { apiOf, type NixFleetApi } from './api.ts';
import { NixFleet } from './nixfleet.ts';

let nixfleet: NixFleet | undefined;

/** Builds the services, registers, and returns: no network is waited for. */
export function activate(context: vscode.ExtensionContext): NixFleetApi {
  nixfleet = new NixFleet(context);
  context.subscriptions.push(nixfleet);
  return apiOf(nixfleet);
}

export async function deactivate(): Promise<void> {
  nixfleet?.dispose();
  await nixfleet?.closed;
}
