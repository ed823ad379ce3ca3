import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { Diagnostic } from 'vscode-languageserver';
import { TextDocument } from 'vscode-languageserver-textdocument';
import type { FlakeRead, FleetChanged, FleetHostView } from './protocol.ts';
import { Server } from './server.ts';

const OLD = 'a'.repeat(40);
const HERE = 'b'.repeat(40);
const NOW = Date.UTC(2026, 0, 10);
const DAY = 86_400;

const FLAKE = `{
  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs";
    nixfleet.url = "github:nixfleet/nixfleet";
  };
  outputs = { self, nixpkgs, nixfleet }: {
    nixosConfigurations.ada = nixpkgs.lib.nixosSystem { modules = [ ./hosts/ada.nix ]; };
    nixosConfigurations.bob = nixpkgs.lib.nixosSystem { modules = [ ./hosts/bob ]; };
    homeConfigurations.ana = { };
  };
}
`;

const lockOf = (rev: string): string =>
  JSON.stringify(
    {
      nodes: {
        nixfleet: {
          locked: { type: 'github', owner: 'nixfleet', repo: 'nixfleet', rev, lastModified: NOW / 1000 - 3 * DAY },
          original: { type: 'github', owner: 'nixfleet', repo: 'nixfleet' },
        },
        root: { inputs: { nixfleet: 'nixfleet' } },
      },
      root: 'root',
      version: 7,
    },
    null,
    2,
  );

function aHost(name: string, part: Partial<FleetHostView> = {}): FleetHostView {
  const built = { kind: 'nixosConfigurations', name } as const;
  return {
    name,
    built,
    version: '1.0.0',
    agentRev: HERE,
    lockedRev: HERE,
    icon: 'pass',
    words: '1.0.0',
    idle: true,
    ...part,
  };
}

function fleet(hosts: readonly FleetHostView[], part: Partial<FleetChanged> = {}): FleetChanged {
  return { known: true, trusted: true, hosts, gone: [], ...part };
}

describe('the language server', () => {
  let folder: string;
  let documents: Map<string, TextDocument>;
  let published: Map<string, Diagnostic[]>;
  let told: FlakeRead[];
  let refreshes: number;
  let pending: (() => void)[];
  let server: Server;

  const uri = (name: string): string => pathToFileURL(join(folder, name)).href;
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  const settle = (): void => pending.splice(0).forEach(run => run());
  const titles = (): string[] => server.lenses(uri('flake.nix')).map(({ command }) => command?.title ?? '');

  /** Opens a file of the folder in the editor. */
  function open(name: string, text: string): TextDocument {
    const document = TextDocument.create(uri(name), name.endsWith('.nix') ? 'nix' : 'json', 1, text);
    documents.set(document.uri, document);
    server.filesChanged();
    return document;
  }

  function start(change: FleetChanged, language = 'en', words?: Record<string, string>): void {
    server.start({ language, words, nixcfg: { folder: pathToFileURL(folder).href }, fleet: change });
  }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'nixfleet-server-'));
    documents = new Map();
    published = new Map();
    told = [];
    refreshes = 0;
    pending = [];
    server = new Server({
      documents,
      publish: (where, diagnostics) => published.set(where, diagnostics),
      refreshLenses: () => (refreshes += 1),
      tellFlake: read => told.push(read),
      now: () => NOW,
      soon: run => pending.push(run),
    });
    write('flake.nix', FLAKE);
    write('flake.lock', lockOf(HERE));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('says above each host what it is, and offers what makes sense', () => {
    start(
      fleet([
        aHost('ada', { words: '1.0.0 → bbbbbbb available', icon: 'arrow-circle-up' }),
        aHost('bob-laptop', {
          built: { kind: 'nixosConfigurations', name: 'bob' },
          words: 'updating · building',
          icon: 'sync~spin',
          idle: false,
        }),
      ]),
    );
    open('flake.nix', FLAKE);
    assert.deepEqual(titles(), [
      '$(lock) bbbbbbb · 3 d old · 2 of 2 hosts run it',
      'Update nixfleet Input Here',
      '$(arrow-circle-up) 1.0.0 → bbbbbbb available',
      'Update Agent',
      '$(sync~spin) bob-laptop: updating · building',
      '$(circle-slash) not enrolled',
    ]);
    const [, , state, update] = server.lenses(uri('flake.nix'));
    assert.deepEqual(state?.command?.arguments, [{ kind: 'host', host: 'ada' }]);
    assert.deepEqual(update?.command?.arguments, [{ kind: 'host', host: 'ada' }, [{ kind: 'host', host: 'ada' }]]);
    assert.equal(update.range.start.line, 6);
  });

  it('says of several hosts that share a configuration', () => {
    const built = { kind: 'homeConfigurations', name: 'ana' } as const;
    start(fleet(['m1', 'm2', 'm3', 'm4'].map(name => aHost(name, { built, idle: name !== 'm4' }))));
    open('flake.nix', FLAKE);
    assert.ok(titles().includes('$(server) 4 hosts'));
    assert.ok(titles().includes('Update Agent on 3 Hosts'));
  });

  it('says nothing of hosts while no relay tells of them, nor offers to run nix where that is not trusted', () => {
    start(fleet([], { known: false, trusted: false }));
    open('flake.nix', FLAKE);
    assert.deepEqual(titles(), ['$(lock) bbbbbbb · 3 d old']);
  });

  it('asks for lenses anew when the fleet makes them read otherwise, and only then', () => {
    start(fleet([aHost('ada')]));
    open('flake.nix', FLAKE);
    titles();
    settle();
    assert.equal(refreshes, 0);
    server.fleetChanged(
      fleet([aHost('elsewhere', { built: { kind: 'darwinConfigurations', name: 'x' }, agentRev: OLD })]),
    );
    settle();
    assert.equal(refreshes, 1, 'one more host does not run it');
    titles();
    server.fleetChanged(fleet([aHost('ada')]));
    settle();
    assert.equal(refreshes, 1);
    server.fleetChanged(fleet([], { gone: ['ada'] }));
    server.fleetChanged(fleet([]));
    settle();
    assert.equal(refreshes, 2);
    assert.ok(titles().filter(title => title.includes('not enrolled')).length === 3);
  });

  it('keeps up with what is typed', () => {
    start(fleet([aHost('ada'), aHost('zoe')]));
    const document = open('flake.nix', FLAKE);
    assert.equal(titles().filter(title => title.includes('1.0.0')).length, 1);
    const at = FLAKE.indexOf('ada =');
    TextDocument.update(
      document,
      [{ range: { start: document.positionAt(at), end: document.positionAt(at + 3) }, text: 'zoe' }],
      2,
    );
    server.textChanged();
    const lens = server.lenses(uri('flake.nix')).find(({ command }) => command?.title.includes('1.0.0'));
    assert.deepEqual(lens?.command?.arguments, [{ kind: 'host', host: 'zoe' }]);
    settle();
    assert.equal(refreshes, 0, 'the editor asks by itself after typing');
  });

  it('marks hosts whose lock is older than this one, in both files, and updates them', () => {
    const old = { lockedRev: OLD, agentRev: OLD, lockedAt: NOW / 1000 - 9 * DAY };
    const newer = { lockedRev: OLD, lockedAt: NOW / 1000 };
    start(fleet([aHost('ada', old), aHost('bob', { ...old, idle: false }), aHost('cy', newer), aHost('dan')]));
    open('flake.nix', FLAKE);
    open('flake.lock', lockOf(HERE));
    settle();
    for (const name of ['flake.nix', 'flake.lock']) {
      const [found, ...more] = published.get(uri(name)) ?? [];
      assert.equal(found?.message, '2 hosts have an older revision locked than this workspace: ada, bob.');
      assert.deepEqual(more, []);
      const [fix] = server.fixes(uri(name), [found]);
      assert.equal(fix?.title, 'Update Agent on ada');
      assert.equal(fix.command?.command, 'nixfleet.updateAgent');
    }
    assert.equal(published.get(uri('flake.lock'))?.[0]?.range.start.line, 7, 'at the revision');
    assert.ok(titles().includes('1 host behind: Update Agent'));
  });

  it('says that the input is not in the lock, until it is', () => {
    rmSync(join(folder, 'flake.lock'));
    start(fleet([]));
    open('flake.nix', FLAKE);
    settle();
    const [found] = published.get(uri('flake.nix')) ?? [];
    assert.equal(found?.code, 'not-locked');
    assert.equal(server.fixes(uri('flake.nix'), [found])[0]?.command?.command, 'nixfleet.updateInput');
    write('flake.lock', lockOf(HERE));
    server.filesChanged();
    settle();
    assert.deepEqual(published.get(uri('flake.nix')), []);
  });

  it('is silent while the lock is broken: others say that', () => {
    write('flake.lock', '<<<<<<< HEAD\n');
    start(fleet([]));
    open('flake.nix', FLAKE);
    settle();
    assert.deepEqual(published.get(uri('flake.nix')), []);
  });

  const withoutInput: Readonly<Record<string, readonly [string, string]>> = {
    'in a set': [
      '{\n  inputs = {\n    nixpkgs.url = "x";\n  };',
      '    nixfleet.url = "github:nixfleet/nixfleet";\n    nixpkgs',
    ],
    'with dots': [
      '{\n  inputs.nixpkgs.url = "x";',
      '  inputs.nixfleet.url = "github:nixfleet/nixfleet";\n  inputs.nixpkgs',
    ],
    'on one line': ['{\n  inputs = { nixpkgs.url = "x"; };', '{ nixfleet.url = "github:nixfleet/nixfleet"; nixpkgs'],
    'all on one line': [
      '{ inputs.nixpkgs.url = "x";',
      '{ inputs.nixfleet.url = "github:nixfleet/nixfleet"; inputs.nixpkgs',
    ],
  };
  for (const [way, [inputs, expected]] of Object.entries(withoutInput)) {
    it(`adds a missing input as the others are written: ${way}`, () => {
      const text = `${inputs} outputs = { self, nixpkgs }: { nixosConfigurations.ada = 1; }; }`;
      start(fleet([]));
      const document = open('flake.nix', text);
      settle();
      const [found] = published.get(uri('flake.nix')) ?? [];
      assert.equal(found?.code, 'no-nixfleet-input');
      const [fix] = server.fixes(uri('flake.nix'), [found]);
      const mended = TextDocument.applyEdits(document, fix?.edit?.changes?.[document.uri] ?? []);
      assert.ok(mended.includes(expected), mended);
    });
  }

  it('does not miss the input where there is no fleet, or no host', () => {
    start(fleet([], { known: false }));
    open('flake.nix', '{ inputs.a.url = "b"; outputs = { self, a }: { nixosConfigurations.ada = 1; }; }');
    settle();
    assert.deepEqual(published.get(uri('flake.nix')), []);
    server.fleetChanged(fleet([]));
    open('flake.nix', '{ inputs.a.url = "b"; outputs = { self, a }: { packages = 1; }; }');
    settle();
    assert.deepEqual(published.get(uri('flake.nix')), []);
  });

  it('tells of inputs where they stand: revision, date, source, and who runs what', () => {
    start(fleet([aHost('ada'), aHost('bob', { agentRev: OLD }), aHost('<b>[x](command:evil)', { agentRev: OLD })]));
    open('flake.nix', FLAKE);
    const lock = open('flake.lock', lockOf(HERE));
    const document = documents.get(uri('flake.nix'))!;
    const inFlake = server.hover(uri('flake.nix'), document.positionAt(FLAKE.indexOf('github:nixfleet') + 2));
    const inLock = server.hover(uri('flake.lock'), lock.positionAt(lock.getText().indexOf(HERE) + 2));
    const inRoot = server.hover(uri('flake.lock'), lock.positionAt(lock.getText().lastIndexOf('"nixfleet":') + 2));
    for (const hover of [inFlake, inLock, inRoot]) {
      const { value } = hover?.contents as { value: string };
      assert.match(value, new RegExp(`\\[${HERE}\\]\\(https://github.com/nixfleet/nixfleet/commit/${HERE}\\)`));
      assert.match(value, /2026\\-01\\-07 \\\(3 d ago\\\)/);
      assert.match(value, /`github:nixfleet\/nixfleet`/);
      assert.match(value, /- bbbbbbb \\\(this one\\\): ada\n- aaaaaaa: bob, \\<b\\>\\\[x\\\]\\\(command\\:evil\\\)/);
    }
    assert.equal(server.hover(uri('flake.nix'), { line: 0, character: 0 }), null);
  });

  it('tells of a host where it is configured', () => {
    start(fleet([aHost('ada', { words: '1.0.0 · offline 3 h' })]));
    const document = open('flake.nix', FLAKE);
    const at = (word: string): string => {
      const hover = server.hover(uri('flake.nix'), document.positionAt(FLAKE.indexOf(word) + 1));
      return (hover?.contents as { value: string }).value;
    };
    assert.match(at('ada ='), /\*\*ada\*\*: 1\\.0\\.0 · offline 3 h \(bbbbbbb\)/);
    assert.match(at('ada ='), /Configured in: `hosts\/ada.nix`/);
    assert.match(at('ana ='), /has connected/);
  });

  it('links inputs to what they are locked to, and hosts to their files', () => {
    mkdirSync(join(folder, 'hosts/bob'), { recursive: true });
    write('hosts/bob/default.nix', '{ }');
    start(fleet([]));
    open('flake.nix', FLAKE);
    open('flake.lock', lockOf(HERE));
    const page = `https://github.com/nixfleet/nixfleet/commit/${HERE}`;
    assert.deepEqual(
      server.links(uri('flake.nix')).map(({ target }) => target),
      [page, uri('hosts/bob/default.nix')],
    );
    assert.deepEqual(
      server.links(uri('flake.lock')).map(({ target }) => target),
      [page],
    );
  });

  it('lists inputs and hosts as symbols', () => {
    start(fleet([]));
    open('flake.nix', FLAKE);
    open('flake.lock', lockOf(HERE));
    const symbols = server
      .symbols(uri('flake.nix'))
      .map(({ name, children }) => [name, children?.map(child => child.name)]);
    assert.deepEqual(symbols, [
      ['inputs', ['nixpkgs', 'nixfleet']],
      ['nixosConfigurations', ['ada', 'bob']],
      ['homeConfigurations', ['ana']],
    ]);
    assert.deepEqual(
      server.symbols(uri('flake.lock')).map(({ name, detail }) => [name, detail]),
      [['nixfleet', 'bbbbbbb']],
    );
    for (const symbol of server.symbols(uri('flake.nix'))) {
      const { range, selectionRange } = symbol;
      assert.ok(range.start.line <= selectionRange.start.line && range.end.line >= selectionRange.end.line);
    }
  });

  it('tells the extension what the text shows, when that changes', () => {
    start(fleet([]));
    const document = open('flake.nix', FLAKE);
    settle();
    assert.deepEqual(told.at(-1), {
      folder: pathToFileURL(folder).href,
      hosts: [
        { kind: 'nixosConfigurations', name: 'ada' },
        { kind: 'nixosConfigurations', name: 'bob' },
        { kind: 'homeConfigurations', name: 'ana' },
      ],
      open: [],
    });
    TextDocument.update(document, [{ text: `# only a comment\n${FLAKE}` }], 2);
    server.textChanged();
    settle();
    assert.equal(told.length, 1);
  });

  it('speaks the language of the reader', () => {
    start(fleet([]), 'de', { 'not enrolled': 'nicht aufgenommen' });
    open('flake.nix', FLAKE);
    assert.ok(titles().includes('$(circle-slash) nicht aufgenommen'));
  });

  it('says nothing of files that are not those of nixcfg', () => {
    start(fleet([aHost('ada')]));
    mkdirSync(join(folder, 'templates'));
    open('templates/flake.nix', FLAKE);
    settle();
    const other = uri('templates/flake.nix');
    assert.deepEqual([server.lenses(other), server.links(other), server.symbols(other)], [[], [], []]);
    assert.equal(server.hover(other, { line: 3, character: 6 }), null);
    assert.equal(published.has(other), false);
    server.nixcfgChanged({ folder: null });
    settle();
    assert.deepEqual(server.lenses(uri('flake.nix')), []);
  });
});
