// A language server as nil and nixd are: it has lenses, hovers, symbols, completion and diagnostics for every nix file, and
// says of each that it is the other one's.
const {
  createConnection,
  ProposedFeatures,
  TextDocuments,
  TextDocumentSyncKind,
} = require('vscode-languageserver/node');
const { TextDocument } = require('vscode-languageserver-textdocument');

const connection = createConnection(ProposedFeatures.all);
const documents = new TextDocuments(TextDocument);
const start = { start: { line: 0, character: 0 }, end: { line: 0, character: 1 } };

connection.onInitialize(() => ({
  capabilities: {
    textDocumentSync: TextDocumentSyncKind.Incremental,
    codeLensProvider: {},
    hoverProvider: true,
    documentSymbolProvider: true,
    completionProvider: {},
    documentFormattingProvider: true,
  },
}));
connection.onCodeLens(() => [{ range: start, command: { title: 'of the other server', command: '' } }]);
connection.onHover(() => ({ contents: 'of the other server' }));
connection.onDocumentSymbol(() => [{ name: 'of the other server', kind: 13, range: start, selectionRange: start }]);
connection.onCompletion(() => [{ label: 'of the other server' }]);
connection.onDocumentFormatting(() => []);
documents.onDidChangeContent(({ document }) =>
  connection.sendDiagnostics({ uri: document.uri, diagnostics: [{ range: start, message: 'of the other server' }] }),
);
documents.listen(connection);
connection.listen();
