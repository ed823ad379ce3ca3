// The workspace of nixcfg in VS Code's real extension host: language server, configured hosts, locks, tasks, and another
// language server beside ours. The program nix is a script here; hosts are agents whose runs are written here. Its name puts
// it behind the suites that expect a window that was never connected: all share one.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, afterEach, before, describe, it } from 'mocha';
import * as vscode from 'vscode';
import { LanguageClient, TransportKind } from 'vscode-languageclient/node';
import type { NixFleetApi } from '../../../extension/api.ts';
import { FakeAgent } from '../../support/fake-agent.ts';
import { RelayBeside } from './relay-in-host.ts';

const OLD = 'a'.repeat(40);
const HERE = 'b'.repeat(40);

const FLAKE = `{
  inputs.nixpkgs.url = "github:NixOS/nixpkgs";
  inputs.nixfleet.url = "github:nixfleet/nixfleet";
  outputs = { self, nixpkgs, nixfleet }: {
    nixosConfigurations.ada = nixpkgs.lib.nixosSystem { modules = [ ./hosts/ada.nix ]; };
    nixosConfigurations.bob = nixpkgs.lib.nixosSystem { modules = [ ./hosts/bob.nix ]; };
  };
}
`;
const ADA = `{ lib, ... }:
{
  networking.hostName = "ada";
  services.foo = lib.undefinedThing;
}
`;

function lockText(rev: string, lastModified = 1_700_000_000): string {
  const original = { type: 'github', owner: 'nixfleet', repo: 'nixfleet' };
  const nodes = {
    nixfleet: { locked: { ...original, rev, lastModified, narHash: 'sha256-AAAA' }, original },
    root: { inputs: { nixfleet: 'nixfleet' } },
  };
  return `${JSON.stringify({ nodes, root: 'root', version: 7 }, null, 2)}\n`;
}

/** What nix prints for a host whose configuration names what is not there. */
const SOURCE = '/nix/store/vaqzzdlhirb3izv67a8pczn4fcxpvn3a-source';
const NIX_ERROR = [
  'error:',
  "       … while evaluating the attribute 'services'",
  `         at ${SOURCE}/flake.nix:70:9:`,
  '           70|         this is the flake.nix of nixpkgs',
  '',
  "       error: attribute 'undefinedThing' missing",
  `       at ${SOURCE}/hosts/ada.nix:4:18:`,
  '            3|   networking.hostName = "ada";',
  '            4|   services.foo = lib.undefinedThing;',
  '             |                  ^',
];

describe('the workspace of nixcfg', function () {
  this.timeout(120_000); // a machine may be busy with builds
  let api: NixFleetApi;
  let relay: RelayBeside;
  let folder: string;
  let programs: string;
  const agents = new Map<string, FakeAgent>();
  const path = process.env['PATH'];

  const uri = (name: string): vscode.Uri => vscode.Uri.file(join(folder, name));
  const write = (name: string, text: string): void => {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), text);
  };

  before(async () => {
    const extension = vscode.extensions.getExtension<NixFleetApi>('nixfleet.nixfleet');
    assert.ok(extension, 'the extension is not installed');
    api = await extension.activate();
    folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? '';
    programs = mkdtempSync(join(tmpdir(), 'nixfleet-programs-'));
    writeFileSync(
      join(programs, 'nix'),
      `#!/bin/sh
       echo "$@" >> "${programs}/calls"
       case "$*" in
         *nixosConfigurations*) echo '["ada","bob","generated"]';;
         *) echo "error: flake 'x' does not provide attribute '\${4#.#.}'" >&2; exit 1;;
       esac`,
    );
    chmodSync(join(programs, 'nix'), 0o755);
    process.env['PATH'] = `${programs}${delimiter}${path ?? ''}`;
    relay = await RelayBeside.start(extension.extensionPath);
  });

  afterEach(() => vscode.commands.executeCommand('workbench.action.closeAllEditors'));

  after(async () => {
    process.env['PATH'] = path;
    for (const agent of agents.values()) await agent[Symbol.asyncDispose]();
    await vscode.commands.executeCommand('nixfleet.disconnect');
    await relay[Symbol.asyncDispose]();
    for (const name of ['flake.nix', 'flake.lock', 'hosts'])
      rmSync(join(folder, name), { recursive: true, force: true });
    rmSync(programs, { recursive: true, force: true });
  });

  async function until<T>(
    what: string,
    condition: () => T | undefined | false | null | PromiseLike<T | undefined | false | null>,
  ): Promise<T> {
    const deadline = Date.now() + 60_000;
    for (;;) {
      const value = await condition();
      if (value !== undefined && value !== false && value !== null) return value;
      if (Date.now() > deadline) throw new Error(`waited for ${what}; nixcfg: ${JSON.stringify(api.nixcfg)}`);
      await new Promise(resolve => setTimeout(resolve, 50));
    }
  }

  async function agent(host: string, status: Parameters<FakeAgent['sayStatus']>[0] = {}): Promise<FakeAgent> {
    const token = await relay.run('enroll', host, '--token-only');
    const connected = await FakeAgent.connect({ url: relay.url, host, token, agent: { rev: HERE }, status });
    agents.set(host, connected);
    await until(host, () => api.fleet.hosts.get(host)?.online);
    return connected;
  }

  const open = (name: string): Promise<vscode.TextDocument> =>
    Promise.resolve(
      vscode.workspace.openTextDocument(uri(name)).then(async document => {
        await vscode.window.showTextDocument(document);
        return document;
      }),
    );
  const lenses = async (name = 'flake.nix'): Promise<string[]> => {
    const found = await vscode.commands.executeCommand<vscode.CodeLens[]>(
      'vscode.executeCodeLensProvider',
      uri(name),
      100,
    );
    return found.map(({ command }) => command?.title ?? '');
  };
  const rows = async (): Promise<string[]> => {
    const items: string[] = [];
    for (const node of (await api.tree.getChildren()) ?? []) {
      const { label, description } = await api.tree.getTreeItem(node);
      items.push(`${typeof label === 'string' ? label : ''} ${typeof description === 'string' ? description : ''}`);
    }
    return items;
  };

  it('runs no language server while there is no flake', async () => {
    const features = await api.nixcfgFeatures();
    assert.equal(await features.serverRuns, false);
    assert.equal(api.nixcfg.folder, undefined);
  });

  it('runs one as soon as there is a flake, and knows its hosts and its lock', async () => {
    write('flake.lock', lockText(HERE));
    write('hosts/ada.nix', ADA);
    write('flake.nix', FLAKE);
    await until('the folder', () => api.nixcfg.folder);
    const features = await api.nixcfgFeatures();
    assert.equal(await features.serverRuns, true);
    await until('the hosts of the text', () => api.nixcfg.configurations?.hosts.length === 2);
    assert.equal(api.nixcfg.configurations?.source, 'text', 'nobody is connected: nothing is evaluated');
    assert.deepEqual(api.nixcfg.lock, { input: 'nixfleet', rev: HERE, lastModified: 1_700_000_000 });
  });

  it('says above the input what is locked, and nothing of hosts while no relay tells of them', async () => {
    await open('flake.nix');
    const found = await until('the lenses', async () => {
      const titles = await lenses();
      return titles.length > 0 && titles;
    });
    assert.equal(found.length, 2);
    assert.match(found[0] ?? '', /^\$\(lock\) bbbbbbb · \d+ d old$/);
    assert.equal(found[1], 'Update nixfleet Input Here');
  });

  it('asks nix which hosts there are once a relay tells of the fleet, and shows those that are not enrolled', async () => {
    await api.connect({ url: relay.url, token: await relay.run('operator', 'ana', '--token-only') });
    await vscode.commands.executeCommand('nixfleet.hosts.focus');
    await agent('ada');
    await until('the evaluation', () => api.nixcfg.configurations?.source === 'evaluation');
    assert.deepEqual(
      api.nixcfg.configurations?.hosts.map(({ name }) => name),
      ['ada', 'bob', 'generated'],
    );
    await until('the rows', async () => {
      const shown = await rows();
      return shown.includes('bob not enrolled') && shown.includes('generated not enrolled');
    });
    const calls = readFileSync(join(programs, 'calls'), 'utf8');
    assert.ok(calls.split('\n').every(call => call === '' || call.startsWith('eval --json --no-update-lock-file .#.')));
  });

  it('says of an agent that nothing configures its host any longer', async () => {
    await agent('retired');
    await until('the row', async () => (await rows()).some(row => /^retired .*no longer configured$/.test(row)));
    assert.ok((await rows()).some(row => row.startsWith('ada 1.0.0') && !row.includes('configured')));
  });

  it('keeps lenses in step with the fleet', async () => {
    await open('flake.nix');
    await until('not enrolled', async () => (await lenses()).includes('$(circle-slash) not enrolled'));
    const before = await lenses();
    assert.ok(
      before.some(title => title.startsWith('$(pass) 1.0.0')),
      before.join(),
    );
    assert.ok(before.includes('Update Agent'));
    const bob = await agent('bob');
    await until('the lens of bob', async () => !(await lenses()).includes('$(circle-slash) not enrolled'));
    await bob.disconnect();
    await until('offline', async () => (await lenses()).some(title => title.includes('offline')));
    await bob.connect();
  });

  it('marks hosts whose lock is older than that of the workspace, in the view and in the files', async () => {
    agents.get('bob')?.sayStatus({ input: { rev: OLD, lastModified: 1_600_000_000 } });
    await until('the row', async () => (await rows()).some(row => /^bob .*behind this workspace$/.test(row)));
    await open('flake.nix');
    const found = await until('the diagnostic', () => {
      const [first] = vscode.languages.getDiagnostics(uri('flake.nix'));
      return first;
    });
    assert.equal(found.message, 'bob has an older revision locked than this workspace.');
    const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>(
      'vscode.executeCodeActionProvider',
      uri('flake.nix'),
      found.range,
    );
    assert.ok(actions.some(({ title }) => title === 'Update Agent on bob'));
  });

  it('tells of inputs in both files, links them, and lists symbols', async () => {
    const flake = await open('flake.nix');
    const lock = await open('flake.lock');
    for (const [document, word] of [
      [flake, 'github:nixfleet'],
      [lock, HERE],
    ] as const) {
      const position = document.positionAt(document.getText().indexOf(word) + 1);
      const hovers = await vscode.commands.executeCommand<vscode.Hover[]>(
        'vscode.executeHoverProvider',
        document.uri,
        position,
      );
      const text = hovers
        .flatMap(({ contents }) => contents.map(content => (content as vscode.MarkdownString).value))
        .join();
      assert.match(text, new RegExp(`\\[${HERE}\\]\\(https://github.com/nixfleet/nixfleet/commit/${HERE}\\)`));
      assert.match(text, /Hosts run/);
      const links = await vscode.commands.executeCommand<vscode.DocumentLink[]>(
        'vscode.executeLinkProvider',
        document.uri,
      );
      assert.ok(links.some(({ target }) => target?.toString().includes(`commit/${HERE}`)));
    }
    const symbols = await vscode.commands.executeCommand<vscode.DocumentSymbol[]>(
      'vscode.executeDocumentSymbolProvider',
      flake.uri,
    );
    assert.ok(symbols.some(({ name, children }) => name === 'nixosConfigurations' && children.length === 2));
  });

  it('opens the configuration of a host, and brings its row into sight', async () => {
    await vscode.commands.executeCommand('nixfleet.showConfiguration', { kind: 'host', host: 'ada' });
    await until(
      'the file',
      () => vscode.window.activeTextEditor?.document.uri.fsPath === join(folder, 'hosts/ada.nix'),
    );
    await vscode.commands.executeCommand('nixfleet.showConfiguration', {
      kind: 'configured',
      host: 'bob',
      output: 'nixosConfigurations',
    });
    const editor = await until('flake.nix', () => {
      const active = vscode.window.activeTextEditor;
      return active?.document.uri.fsPath === join(folder, 'flake.nix') && active;
    });
    assert.equal(editor.selection.active.line, 5);
    await vscode.commands.executeCommand('nixfleet.revealHost', { kind: 'host', host: 'ada' });
  });

  it('has a task for each host, whose errors are at their line in the workspace', async () => {
    const tasks = await vscode.tasks.fetchTasks({ type: 'nixfleet' });
    assert.deepEqual(
      tasks.map(({ name }) => name),
      ['update ada', 'update bob', 'update retired'],
    );
    const asked = agents.get('ada')!.nextRun();
    const ended = new Promise<number | undefined>(resolve => {
      const listening = vscode.tasks.onDidEndTaskProcess(({ execution, exitCode }) => {
        if (execution.task.name !== 'update ada') return;
        listening.dispose();
        resolve(exitCode);
      });
    });
    await vscode.tasks.executeTask(tasks[0]!);
    const run = await asked;
    run
      .phase('accepted')
      .phase('pulling')
      .phase('building')
      .output(`${NIX_ERROR.join('\n')}\n`);
    const reason = { kind: 'evaluation', message: 'ada does not evaluate' };
    run.end({ outcome: 'failed', changed: false, reason, lastLines: NIX_ERROR });
    assert.equal(await ended, 1);
    const [problem] = await until('the problem', () => {
      const found = vscode.languages.getDiagnostics(uri('hosts/ada.nix'));
      return found.length > 0 && found;
    });
    assert.equal(problem?.message, "attribute 'undefinedThing' missing");
    assert.deepEqual([problem.range.start.line, problem.range.start.character], [3, 17]);
    assert.deepEqual(
      vscode.languages.getDiagnostics(uri('flake.nix')).filter(({ source }) => source === 'nix'),
      [],
      'that flake.nix was another one',
    );
  });

  it('makes links of errors in the channel of a host', async () => {
    await vscode.commands.executeCommand('nixfleet.showOutput', { kind: 'host', host: 'ada' });
    const channel = await until('the channel', () =>
      vscode.workspace.textDocuments.find(
        document => document.uri.scheme === 'output' && document.getText().includes('undefinedThing'),
      ),
    );
    const links = await until('the link', async () => {
      const found = await vscode.commands.executeCommand<vscode.DocumentLink[]>(
        'vscode.executeLinkProvider',
        channel.uri,
      );
      const ours = found.filter(({ target }) => target?.path.endsWith('hosts/ada.nix'));
      return ours.length > 0 && ours;
    });
    assert.equal(links[0]?.target?.fragment, 'L4,18');
    assert.equal(channel.getText(links[0].range), `${SOURCE}/hosts/ada.nix:4:18`);
  });

  it('leaves another language server on the same file alone', async () => {
    const document = await open('flake.nix');
    assert.equal(document.languageId, 'nix', 'as nix-ide has it');
    const root = vscode.extensions.getExtension('nixfleet.nixfleet')!.extensionPath;
    const other = new LanguageClient(
      'other',
      'Other',
      { module: join(root, 'test/vscode/suite/other-server.cjs'), transport: TransportKind.ipc },
      {
        documentSelector: [{ language: 'nix' }],
        outputChannel: vscode.window.createOutputChannel('Other', { log: true }),
      },
    );
    await other.start();
    try {
      const ofOther = 'of the other server';
      await until('both diagnostics', () => {
        const messages = vscode.languages.getDiagnostics(document.uri).map(({ message }) => message);
        return messages.includes(ofOther) && messages.some(message => message.startsWith('bob has'));
      });
      const titles = await lenses();
      assert.ok(titles.includes(ofOther) && titles.includes('Update nixfleet Input Here'), titles.join());
      const position = document.positionAt(document.getText().indexOf('nixfleet.url') + 1);
      const hovers = await vscode.commands.executeCommand<vscode.Hover[]>(
        'vscode.executeHoverProvider',
        document.uri,
        position,
      );
      assert.equal(hovers.length, 2);
      const completions = await vscode.commands.executeCommand<vscode.CompletionList>(
        'vscode.executeCompletionItemProvider',
        document.uri,
        position,
      );
      assert.ok(
        completions.items.some(({ label }) => label === ofOther),
        'completion is the other one’s',
      );
      const symbols = await vscode.commands.executeCommand<vscode.DocumentSymbol[]>(
        'vscode.executeDocumentSymbolProvider',
        document.uri,
      );
      const names = symbols.map(({ name }) => name);
      assert.ok(names.includes(ofOther) && names.includes('inputs'), names.join());

      const edit = new vscode.WorkspaceEdit();
      edit.insert(document.uri, document.positionAt(document.getText().indexOf('bob =')), 'x');
      await vscode.workspace.applyEdit(edit);
      await until('both after typing', async () => {
        const now = await lenses();
        return now.includes(ofOther) && now.includes('$(circle-slash) not enrolled');
      });
      await vscode.commands.executeCommand('workbench.action.files.revert');
    } finally {
      await other.dispose();
    }
    assert.ok((await lenses()).includes('Update nixfleet Input Here'), 'ours goes on');
  });

  it('follows the lock of the workspace', async () => {
    write('flake.lock', lockText(OLD, 1_600_000_000));
    await until('the lock', () => api.nixcfg.lock?.rev === OLD);
    await until('the row', async () => !(await rows()).some(row => row.includes('behind this workspace')));
  });

  it('says when nothing is locked, and when there is no input nixfleet, with what mends it', async () => {
    const diagnosed = (code: string) =>
      until(`the diagnostic ${code}`, () =>
        vscode.languages.getDiagnostics(uri('flake.nix')).find(found => found.code === code),
      );
    await open('flake.nix');
    write('flake.lock', '{ "nodes": { "root": {} }, "root": "root", "version": 7 }\n');
    await diagnosed('not-locked');
    write('flake.nix', FLAKE.replace('  inputs.nixfleet.url = "github:nixfleet/nixfleet";\n', ''));
    const { range } = await diagnosed('no-nixfleet-input');
    const fixes = await vscode.commands.executeCommand<vscode.CodeAction[]>(
      'vscode.executeCodeActionProvider',
      uri('flake.nix'),
      range,
    );
    assert.ok(
      fixes.some(({ title }) => /nixfleet/.test(title)),
      fixes.map(({ title }) => title).join(),
    );
  });
});
