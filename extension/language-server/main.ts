/**
 * The language server: a process of its own beside nil and nixd. Comes in: flake.nix and flake.lock of nixcfg as they are
 * typed, and what the extension knows of the fleet. Leaves: lenses, hovers, links, symbols, diagnostics and quick fixes; no
 * completion, no formatting, nothing about syntax. Reads files of nixcfg, runs nothing.
 */
import {
  CodeActionKind,
  createConnection,
  ProposedFeatures,
  TextDocuments,
  TextDocumentSyncKind,
  type InitializeParams,
  type InitializeResult,
} from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { Server } from './server.ts';
import {
  FLAKE_READ,
  FLEET_CHANGED,
  NIXCFG_CHANGED,
  WHERE_IS,
  type ConfigurationName,
  type FleetChanged,
  type NixcfgChanged,
  type ServerOptions,
} from './protocol.ts';

const connection = createConnection(ProposedFeatures.all);
const documents = new TextDocuments(TextDocument);

const server = new Server({
  documents,
  publish: (uri, diagnostics) => void connection.sendDiagnostics({ uri, diagnostics }),
  refreshLenses: () => void connection.sendRequest('workspace/codeLens/refresh').catch(() => undefined),
  tellFlake: read => void connection.sendNotification(FLAKE_READ, read),
});

connection.onInitialize(({ initializationOptions }: InitializeParams): InitializeResult => {
  server.start(initializationOptions as ServerOptions);
  return {
    capabilities: {
      textDocumentSync: TextDocumentSyncKind.Incremental,
      codeLensProvider: { resolveProvider: false },
      hoverProvider: true,
      documentLinkProvider: { resolveProvider: false },
      documentSymbolProvider: { label: 'NixFleet' },
      codeActionProvider: { codeActionKinds: [CodeActionKind.QuickFix] },
    },
  };
});
connection.onInitialized(() => server.filesChanged());
connection.onNotification(FLEET_CHANGED, (change: FleetChanged) => server.fleetChanged(change));
connection.onNotification(NIXCFG_CHANGED, (change: NixcfgChanged) => server.nixcfgChanged(change));
connection.onRequest(WHERE_IS, (configuration: ConfigurationName) => server.whereIs(configuration));
connection.onDidChangeWatchedFiles(() => server.filesChanged());

connection.onCodeLens(({ textDocument }) => server.lenses(textDocument.uri));
connection.onHover(({ textDocument, position }) => server.hover(textDocument.uri, position));
connection.onDocumentLinks(({ textDocument }) => server.links(textDocument.uri));
connection.onDocumentSymbol(({ textDocument }) => server.symbols(textDocument.uri));
connection.onCodeAction(({ textDocument, context }) => server.fixes(textDocument.uri, context.diagnostics));

documents.onDidOpen(() => server.filesChanged());
documents.onDidClose(({ document }) => server.closed(document.uri));
documents.onDidChangeContent(() => server.textChanged());
documents.listen(connection);
connection.listen();
