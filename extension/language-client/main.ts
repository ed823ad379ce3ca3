/**
 * The editor's end of the language server: a bundle of its own, loaded when there is a nixcfg. Comes in: what the fleet is
 * and which folder is nixcfg. Leaves: both, to the server's process, and what the server reads in flake.nix.
 */
import * as vscode from 'vscode';
import {
  LanguageClient,
  RevealOutputChannelOn,
  TransportKind,
  type LanguageClientOptions,
} from 'vscode-languageclient/node';
import {
  FLAKE_READ,
  FLEET_CHANGED,
  NIXCFG_CHANGED,
  WHERE_IS,
  type ConfigurationName,
  type FlakeRead,
  type FleetChanged,
  type NixcfgChanged,
  type Place,
  type ServerOptions,
} from '../language-server/protocol.ts';

export interface LanguageClientParts {
  /** Path of the server's bundle. */
  readonly module: string;
  readonly log: vscode.LogOutputChannel;
  readonly start: ServerOptions;
  readonly onFlakeRead: (read: FlakeRead) => void;
}

/** A server that runs. */
export interface RunningServer {
  fleetChanged(change: FleetChanged): void;
  nixcfgChanged(change: NixcfgChanged): void;
  whereIs(configuration: ConfigurationName): Promise<Place | null>;
  /** Resolves when the process has ended. */
  stop(): Promise<void>;
}

/** Starts the server. Rejects when it does not start. */
export async function startServer({ module, log, start, onFlakeRead }: LanguageClientParts): Promise<RunningServer> {
  const watchers = ['**/flake.lock', '**/*.nix'].map(pattern => vscode.workspace.createFileSystemWatcher(pattern));
  const options: LanguageClientOptions = {
    // by name and not by language: nix-ide's `nix` and a plain text file are the same to us
    documentSelector: [{ scheme: 'file', pattern: '**/flake.{nix,lock}' }],
    initializationOptions: start,
    outputChannel: log,
    revealOutputChannelOn: RevealOutputChannelOn.Never,
    diagnosticCollectionName: 'nixfleet',
    synchronize: { fileEvents: watchers },
  };
  const client = new LanguageClient(
    'nixfleet',
    'NixFleet',
    { module, transport: TransportKind.ipc, options: { execArgv: [] } },
    options,
  );
  client.onNotification(FLAKE_READ, onFlakeRead);
  const dispose = (): void => {
    for (const watcher of watchers) watcher.dispose();
  };
  try {
    await client.start();
  } catch (error) {
    dispose();
    throw error;
  }
  const notify = (method: string, change: object): void =>
    void client
      .sendNotification(method, change)
      .catch((error: unknown) => log.warn(`language server: ${String(error)}`));
  return {
    fleetChanged: change => notify(FLEET_CHANGED, change),
    nixcfgChanged: change => notify(NIXCFG_CHANGED, change),
    whereIs: configuration => client.sendRequest<Place | null>(WHERE_IS, configuration),
    stop: async () => {
      dispose();
      await client.dispose();
    },
  };
}
