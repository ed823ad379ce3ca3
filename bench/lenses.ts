/**
 * The language server on a flake.nix of 3,000 lines with 200 hosts, in a process of its own as in the editor: from a
 * keystroke to the lenses that belong to it, while a fleet of 200 hosts is known.
 */
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  CodeLensRequest,
  createProtocolConnection,
  DidChangeTextDocumentNotification,
  DidOpenTextDocumentNotification,
  DocumentSymbolRequest,
  InitializedNotification,
  IPCMessageReader,
  IPCMessageWriter,
  ShutdownRequest,
} from 'vscode-languageserver/node';
import type { FleetHostView, ServerOptions } from '../extension/language-server/protocol.ts';
import { FlakeReader } from '../flake-nix/index.ts';
import { median, printTable } from './table.ts';

const HOSTS = 200;
const INPUTS = 60;
const KEYSTROKES = 200;

export async function benchLenses(): Promise<void> {
  await using opened = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'nixfleet-bench-'));
  opened.defer(() => rmSync(folder, { recursive: true, force: true }));
  const text = bigFlake();
  const uri = pathToFileURL(join(folder, 'flake.nix')).href;
  writeFileSync(join(folder, 'flake.nix'), text);

  const child = fork(join(import.meta.dirname, '../dist/language-server.cjs'), ['--node-ipc'], { stdio: 'inherit' });
  opened.defer(() => void child.kill());
  const connection = createProtocolConnection(new IPCMessageReader(child), new IPCMessageWriter(child));
  connection.onRequest('workspace/codeLens/refresh', () => null);
  connection.listen();
  const initializationOptions: ServerOptions = {
    language: 'en',
    nixcfg: { folder: pathToFileURL(folder).href },
    fleet: { known: true, trusted: true, hosts: Array.from({ length: HOSTS }, (_, i) => aHost(i)), gone: [] },
  };
  await connection.sendRequest('initialize', {
    processId: process.pid,
    workspaceFolders: null,
    capabilities: {},
    initializationOptions,
  });
  await connection.sendNotification(InitializedNotification.type, {});
  const textDocument = { uri, languageId: 'nix', version: 1, text };
  await connection.sendNotification(DidOpenTextDocumentNotification.type, { textDocument });
  const first = await timed(() => connection.sendRequest(CodeLensRequest.type, { textDocument: { uri } }));

  const lenses: number[] = [];
  const symbols: number[] = [];
  const lines = text.split('\n');
  for (let version = 2; version < 2 + KEYSTROKES; version++) {
    // a name that grows, in one host after the other
    const line = lines.findIndex(candidate => candidate.includes(`host-${version % HOSTS} =`));
    const position = { line, character: lines[line]?.indexOf('host-') ?? 0 };
    lenses.push(
      await timed(async () => {
        await connection.sendNotification(DidChangeTextDocumentNotification.type, {
          textDocument: { uri, version },
          contentChanges: [{ range: { start: position, end: position }, text: 'x' }],
        });
        return connection.sendRequest(CodeLensRequest.type, { textDocument: { uri } });
      }),
    );
    if (version % 10 === 0)
      symbols.push(await timed(() => connection.sendRequest(DocumentSymbolRequest.type, { textDocument: { uri } })));
  }
  await connection.sendRequest(ShutdownRequest.type);

  console.log(`flake.nix: ${lines.length} lines, ${HOSTS} hosts, ${INPUTS + 2} inputs\n`);
  printTable(
    ['what', 'median', 'p95', 'slowest'],
    [
      ['keystroke → lenses, over the wire', ...figures(lenses)],
      ['symbols after a keystroke', ...figures(symbols)],
      ['reading alone, typed', ...figures(readTimes(text))],
      ['opened → first lenses', ...figures([first])],
    ],
  );
}

/** What reading takes in this process, without the protocol. */
function readTimes(text: string): number[] {
  const reader = new FlakeReader();
  reader.read(text);
  const times: number[] = [];
  let now = text;
  for (let i = 0; i < KEYSTROKES; i++) {
    now = now.replace(`host-${i} =`, `host-${i}x =`);
    const begin = performance.now();
    reader.read(now);
    times.push(performance.now() - begin);
  }
  return times;
}

async function timed(deed: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await deed();
  return performance.now() - begin;
}

function figures(times: readonly number[]): string[] {
  const sorted = [...times].sort((a, b) => a - b);
  const p95 = sorted[Math.ceil(sorted.length * 0.95) - 1];
  return [median(times), p95 ?? Number.NaN, Math.max(...times)].map(ms => `${ms.toFixed(1)} ms`);
}

function aHost(i: number): FleetHostView {
  const name = `host-${i}`;
  const built = { kind: 'nixosConfigurations', name } as const;
  return { name, built, version: '1.0.0', agentRev: 'a'.repeat(40), icon: 'pass', words: '1.0.0', idle: true };
}

/** As people write them: helpers, modules in the file, strings with shell and nginx in them. */
function bigFlake(): string {
  const inputs = Array.from({ length: INPUTS }, (_, i) => [
    `    input-${i} = {`,
    `      url = "github:owner/repo-${i}";`,
    '      inputs.nixpkgs.follows = "nixpkgs";',
    '    };',
  ]);
  const hosts = Array.from({ length: HOSTS }, (_, i) => [
    `        host-${i} = mkHost "host-${i}" [`,
    '          ./profiles/server.nix',
    '          {',
    `            networking.hostName = "host-${i}";`,
    `            services.nginx.virtualHosts."host-${i}.example.org" = {`,
    '              enableACME = true;',
    '              locations."/".extraConfig = \'\'',
    `                proxy_pass http://127.0.0.1:\${toString (8000 + ${i})};`,
    "                add_header X-Host ''${host};",
    "              '';",
    '            };',
    '          }',
    '        ];',
    '',
  ]);
  return [
    '{',
    '  inputs = {',
    '    nixpkgs.url = "github:NixOS/nixpkgs";',
    '    nixfleet.url = "github:nixfleet/nixfleet";',
    ...inputs.flat(),
    '  };',
    '  outputs = { self, nixpkgs, ... }@inputs:',
    '    let',
    '      mkHost = name: modules: nixpkgs.lib.nixosSystem {',
    '        specialArgs = { inherit inputs; };',
    '        modules = [ ./hosts/${name} ] ++ modules;',
    '      };',
    '    in {',
    '      nixosConfigurations = {',
    ...hosts.flat(),
    '      };',
    '    };',
    '}',
    '',
  ].join('\n');
}
