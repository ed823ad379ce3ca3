import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'mocha';
import { COMMANDS } from './commands/ids.ts';
import { ENGLISH } from './base/locale.ts';
import { presentRollout } from './rollouts/rollout-words.ts';
import { aHost, anEndedRun, anOutdatedHost, aRollout, aRun, NOW, runId } from './fleet/samples.ts';
import { presentHost } from './tree/host-row.ts';
import { VIEW_KEYS } from './tree/view-state.ts';

interface Entry {
  readonly command: string;
  readonly when?: string;
  readonly group?: string;
}

/** A line of a problem matcher: a regular expression, and which group of it is what. */
interface Pattern {
  readonly regexp: string;
  readonly file?: number;
  readonly line?: number;
  readonly column?: number;
  readonly message?: number;
}

/** A step of a walkthrough. */
interface Step {
  readonly id: string;
  readonly media: { readonly svg: string };
  readonly completionEvents?: readonly string[];
}

interface Manifest {
  readonly main: string;
  readonly engines: { readonly vscode: string };
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly icon: string;
  readonly l10n: string;
  readonly scripts: { readonly package: string };
  readonly categories: readonly string[];
  readonly galleryBanner: { readonly color: string; readonly theme: string };
  readonly activationEvents: readonly string[];
  readonly extensionKind: readonly string[];
  readonly capabilities: {
    readonly untrustedWorkspaces: { readonly supported: string; readonly restrictedConfigurations: readonly string[] };
  };
  readonly contributes: {
    readonly commands: readonly {
      command: string;
      title: string;
      category?: string;
      icon?: string;
      enablement?: string;
    }[];
    readonly menus: Readonly<Record<string, readonly Entry[]>>;
    readonly views: Readonly<Record<string, readonly { id: string; icon: string }[]>>;
    readonly viewsContainers: { readonly activitybar: readonly { id: string; icon: string }[] };
    readonly viewsWelcome: readonly { view: string; when: string; contents: string }[];
    readonly walkthroughs: readonly { readonly id: string; readonly icon: string; readonly steps: readonly Step[] }[];
    readonly configuration: { readonly properties: Readonly<Record<string, { scope: string }>> };
    readonly keybindings?: readonly { readonly command: string; readonly when?: string }[];
    readonly problemMatchers: readonly { readonly name: string; readonly pattern: Pattern | readonly Pattern[] }[];
  };
}

const root = join(import.meta.dirname, '..');
const text = readFileSync(join(root, 'package.json'), 'utf8');
const manifest = JSON.parse(text) as Manifest;
const nls = JSON.parse(readFileSync(join(root, 'package.nls.json'), 'utf8')) as Record<string, string>;
const { contributes } = manifest;
/** Of VS Code's own context keys, those that are asked for. */
const EDITOR_KEYS = new Set(
  (
    'view viewItem listMultiSelection isWorkspaceTrusted workspaceFolderCount resourceFilename resourceScheme ' +
    'focusedView listFocus inputFocus'
  ).split(' '),
);
/** The button that VS Code puts into the title of every tree that can be collapsed. */
const COLLAPSE_ALL = 1;
/** Of the Marketplace's categories, those that could be ours. */
const CATEGORIES = new Set(['Programming Languages', 'Linters', 'Visualization', 'Other']);
const sources = globSync('extension/**/*.ts', { cwd: root })
  .filter(file => !file.endsWith('.test.ts') && !file.includes('/testing/'))
  .map(file => readFileSync(join(root, file), 'utf8'));

describe('the manifest', () => {
  it('has the commands that the code has, each in the category NixFleet', () => {
    assert.deepEqual(contributes.commands.map(({ command }) => command).sort(), [...COMMANDS].sort());
    for (const { command, category } of contributes.commands) assert.equal(category, 'NixFleet', command);
  });

  it('has every text in package.nls.json, and no text there that it does not use', () => {
    const used = [...text.matchAll(/"%([^%"]+)%"/g)].map(match => match[1]);
    assert.deepEqual([...new Set(used)].sort(), Object.keys(nls).sort());
    for (const { title } of contributes.commands) assert.match(title, /^%.*%$/);
  });

  it('puts only commands into menus that there are, and Update Agent first', () => {
    for (const entry of Object.values(contributes.menus).flat()) {
      assert.ok((COMMANDS as readonly string[]).includes(entry.command), entry.command);
    }
    const groups = (contributes.menus['view/item/context'] ?? []).filter(({ group }) => !group?.startsWith('inline'));
    const first = [...groups].sort((a, b) => (a.group ?? '').localeCompare(b.group ?? ''))[0];
    assert.equal(first?.command, 'nixfleet.updateAgent');
  });

  it('shows three buttons in the title of the view at the most, VS Code’s own included', () => {
    const buttons = (contributes.menus['view/title'] ?? []).filter(({ group }) => group?.startsWith('navigation'));
    const known = ['relay-and-token', 'relay', 'nothing', 'unknown'];
    for (const configured of known)
      for (const key of VIEW_KEYS)
        for (const filtered of [true, false])
          for (const [online, tokenRefused] of [
            [true, false],
            [false, true],
            [false, false],
          ]) {
            if (online && configured !== 'relay-and-token') continue;
            const context = new Map<string, unknown>([
              ['view', 'nixfleet.hosts'],
              ['nixfleet.configured', configured],
              ['nixfleet.view', key],
              ['nixfleet.filtered', filtered],
              ['nixfleet.online', online],
              ['nixfleet.tokenRefused', tokenRefused],
            ]);
            const shown = buttons.filter(({ when }) => holds(when ?? '', context)).map(({ command }) => command);
            assert.ok(shown.length + COLLAPSE_ALL <= 3, `${JSON.stringify([...context])}: ${shown.join(', ')}`);
          }
  });

  it('matches only words that rows have', () => {
    const rows = [
      aHost(),
      anOutdatedHost(),
      aHost('x', { online: false, runs: [aRun(1)] }),
      aHost('y', { runs: [anEndedRun(1)] }),
    ];
    const marks = new Map([['x', 'behind'] as const]);
    const words = new Set(
      rows.flatMap(host => presentHost(host, { now: NOW, stale: false, marks }, ENGLISH).contextValue.split(';')),
    );
    const gone = presentRollout(aRollout({ failed: [{ host: 'web', runId: runId(1) }] }), false, ENGLISH).contextValue;
    for (const word of gone.split(';')) words.add(word);
    for (const word of ['run', 'over', 'detail', 'lock', 'agent', 'nixcfg', 'system', 'configured']) words.add(word);
    const asked = [...JSON.stringify(contributes.menus).matchAll(/viewItem =~ \/;\(?([a-z|]+)\)?;\//g)];
    assert.ok(asked.length > 5);
    for (const match of asked) for (const word of (match[1] ?? '').split('|')) assert.ok(words.has(word), word);
    const all = [...JSON.stringify(contributes.menus).matchAll(/viewItem =~/g)];
    assert.equal(all.length, asked.length, 'a clause that this test does not understand');
  });

  it('has a welcome for each state of the view in which there is something to say', () => {
    const keys = contributes.viewsWelcome.map(({ when }) => /^nixfleet\.view == (\S+)$/.exec(when)?.[1]);
    assert.deepEqual([...keys].sort(), VIEW_KEYS.filter(key => key !== 'starting' && key !== 'hosts').sort());
    for (const match of JSON.stringify(nls).matchAll(/\(command:(nixfleet\.\w+)\)/g)) {
      assert.ok((COMMANDS as readonly string[]).includes(match[1] ?? ''), match[1]);
    }
  });

  it('asks only for context keys that the code sets, and sets none in vain', () => {
    const clauses = clausesIn(contributes);
    assert.ok(clauses.length > 20);
    const asked = clauses.flatMap(keysIn);
    const own = new Set(asked.filter(key => key.startsWith('nixfleet.')));
    const set = sources.flatMap(source =>
      [...source.matchAll(/(?:'setContext',|#set\()\s*'(nixfleet\.\w+)'/g)].map(match => match[1] ?? ''),
    );
    assert.deepEqual([...own].sort(), [...new Set(set)].sort());
    for (const key of asked) assert.ok(own.has(key) || EDITOR_KEYS.has(key), `${key} is nobody's context key`);
  });

  it('hides a command from the palette or lets it be called there: all menus name commands that there are', () => {
    const { commandPalette = [], ...menus } = contributes.menus;
    for (const { command, when } of commandPalette) assert.ok(when !== undefined, command);
    const named = [...Object.values(menus).flat(), ...commandPalette, ...(contributes.keybindings ?? [])];
    for (const { command } of named) assert.ok((COMMANDS as readonly string[]).includes(command), command);
  });

  it('has its views in containers that there are, and walks through what there is', () => {
    const containers = contributes.viewsContainers.activitybar.map(({ id }) => id);
    for (const container of Object.keys(contributes.views)) assert.ok(containers.includes(container), container);
    const views = Object.values(contributes.views)
      .flat()
      .map(({ id }) => id);
    for (const { view } of contributes.viewsWelcome) assert.ok(views.includes(view), view);
    const steps = contributes.walkthroughs.flatMap(walkthrough => walkthrough.steps);
    assert.equal(new Set(steps.map(({ id }) => id)).size, steps.length);
    for (const { id, media, completionEvents = [] } of steps) {
      assert.ok(existsSync(join(root, media.svg)), `${id}: ${media.svg}`);
      for (const event of completionEvents) {
        const [, kind, name = ''] = /^(on\w+):(.+)$/.exec(event) ?? [];
        if (kind === 'onCommand' && name.startsWith('nixfleet.'))
          assert.ok((COMMANDS as readonly string[]).includes(name), event);
        if (kind === 'onView') assert.ok(views.includes(name), event);
        if (kind === 'onContext') for (const key of keysIn(name)) assert.ok(isSet(key), event);
      }
    }
  });

  it('has the settings that the code reads, out of reach of a workspace', () => {
    const reads = sources.flatMap(source => [...source.matchAll(/getConfiguration\(/g)]);
    const read = sources.flatMap(source =>
      [...source.matchAll(/getConfiguration\('nixfleet'\)\s*\.(?:get|inspect|update)(?:<\w+>)?\(\s*'([^']+)'/g)].map(
        match => `nixfleet.${match[1] ?? ''}`,
      ),
    );
    assert.equal(read.length, reads.length, 'a setting is read in a way that this test does not understand');
    const settings = Object.keys(contributes.configuration.properties);
    assert.deepEqual([...new Set(read)].sort(), settings.sort());
    for (const [name, { scope }] of Object.entries(contributes.configuration.properties)) {
      assert.equal(scope, 'application', name);
      assert.ok(manifest.capabilities.untrustedWorkspaces.restrictedConfigurations.includes(name), name);
    }
  });

  it('names files that there are', () => {
    const icons = [...contributes.viewsContainers.activitybar, ...Object.values(contributes.views).flat()].map(
      ({ icon }) => icon,
    );
    const walkthroughs = contributes.walkthroughs.flatMap(({ icon, steps }) => [
      icon,
      ...steps.map(({ media }) => media.svg),
    ]);
    const shipped = readFileSync(join(root, '.vscodeignore'), 'utf8').split('\n');
    for (const file of [...icons, ...walkthroughs])
      assert.ok(shipped.includes(`!${dirname(file)}/**`) || shipped.includes(`!${file}`), `${file} ships`);
    for (const icon of [...icons, ...walkthroughs, manifest.icon]) assert.ok(existsSync(join(root, icon)), icon);
    for (const { command, icon = '$(x)' } of contributes.commands) assert.match(icon, /^\$\([a-z-]+\)$/, command);
    assert.ok(existsSync(join(root, manifest.l10n)));
    assert.equal(manifest.main, './dist/extension.cjs');
  });

  it('shows itself in the Marketplace as that wants it', () => {
    const png = readFileSync(join(root, manifest.icon));
    const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
    assert.equal(png.toString('latin1', 1, 4), 'PNG');
    assert.ok(width >= 128 && width === height, `${width} × ${height}`);
    for (const category of manifest.categories) assert.ok(CATEGORIES.has(category), category);
    assert.match(manifest.galleryBanner.color, /^#[0-9a-f]{6}$/);
    assert.ok(['dark', 'light'].includes(manifest.galleryBanner.theme));
    assert.match(manifest.scripts.package, / --readme-path MARKETPLACE\.md$/);
    const readme = readFileSync(join(root, 'MARKETPLACE.md'), 'utf8');
    for (const [, image = ''] of readme.matchAll(/!\[[^\]]+\]\(([^)]+)\)/g)) {
      assert.ok(existsSync(join(root, image)), image);
    }
  });

  it('reads errors of nix as nix prints them, and as a task writes them', () => {
    const place = '/nix/store/vaqzzdlhirb3izv67a8pczn4fcxpvn3a-source/hosts/ada.nix:4:18:';
    const found = { file: 'hosts/ada.nix', line: '4', column: '18', message: "attribute 'x' missing" };
    assert.deepEqual(matched('nixfleet-nix', ["       error: attribute 'x' missing", `       at ${place}`]), found);
    const lazy = '       at «github:ana/nixcfg/0123456789abcdef»/hosts/ada.nix:4:18:';
    assert.deepEqual(matched('nixfleet-nix', ["error: attribute 'x' missing", lazy]), found);
    const own = '       at /home/ana/nixcfg/hosts/ada.nix:4:18:';
    assert.equal(matched('nixfleet-nix', ['error: x', own])?.['file'], '/home/ana/nixcfg/hosts/ada.nix');
    assert.equal(matched('nixfleet-nix', ['error:', own]), undefined, 'what led to an error is none');
    const file = '/home/ana/my nixcfg/hosts/ada.nix';
    assert.deepEqual(matched('nixfleet-run', [`${file}:4:18: error: attribute 'x' missing`]), { ...found, file });
  });

  it('is compiled against the oldest VS Code that it says it runs in', () => {
    const types = manifest.devDependencies['@types/vscode'] ?? '';
    const installed = readFileSync(join(root, 'node_modules/@types/vscode/package.json'), 'utf8');
    assert.equal(types, `~${manifest.engines.vscode.slice(1)}`);
    const [wanted, got] = [manifest.engines.vscode.slice(1), (JSON.parse(installed) as { version: string }).version];
    assert.equal(got.split('.').slice(0, 2).join('.'), wanted.split('.').slice(0, 2).join('.'));
  });

  it('wakes the extension for each view and panel that it restores', () => {
    for (const { id } of Object.values(contributes.views).flat())
      assert.ok(manifest.activationEvents.includes(`onView:${id}`));
    for (const event of ['onWebviewPanel:nixfleet.run', 'onUri']) assert.ok(manifest.activationEvents.includes(event));
  });
});

/** Every `when` and `enablement`, wherever it stands. */
function clausesIn(part: unknown): string[] {
  if (Array.isArray(part)) return part.flatMap(clausesIn);
  if (typeof part !== 'object' || part === null) return [];
  return Object.entries(part).flatMap(([name, value]) => {
    if ((name === 'when' || name === 'enablement') && typeof value === 'string') return [value];
    if (name !== 'completionEvents') return clausesIn(value);
    return (value as readonly string[]).flatMap(event => event.split('onContext:')[1] ?? []);
  });
}

/** The keys that a clause asks for: words that are not what they are compared with. */
function keysIn(clause: string): string[] {
  const words = clause.replace(/(?:==|!=|=~|[<>]=?|\bin\b)\s*(?:\/(?:[^/\\]|\\.)*\/\w*|'[^']*'|[\w.-]+)/g, '');
  return [...words.matchAll(/[A-Za-z][\w.]*/g)]
    .map(([word]) => word)
    .filter(word => !/^(?:true|false|not)$/.test(word));
}

/** Whether a clause that has no alternatives holds. */
function holds(clause: string, context: ReadonlyMap<string, unknown>): boolean {
  return clause.split(' && ').every(term => {
    const [, not, key = '', operator, value = ''] = /^(!?)([\w.]+)(?: (==|=~) (\S+))?$/.exec(term) ?? [];
    assert.ok(context.has(key), `${term}: a term that this test does not understand`);
    const is = context.get(key);
    if (operator === '==') return is === value;
    if (operator === '=~') return new RegExp(value.slice(1, -1)).test(String(is));
    return Boolean(is) !== (not === '!');
  });
}

function isSet(key: string): boolean {
  return EDITOR_KEYS.has(key) || sources.some(source => source.includes(`'${key}'`));
}

/** What a problem matcher takes from consecutive lines; undefined when one of them is not what it looks for. */
function matched(matcher: string, lines: readonly string[]): Readonly<Record<string, string>> | undefined {
  const patterns = [contributes.problemMatchers.find(({ name }) => name === matcher)?.pattern ?? []].flat();
  const found: Record<string, string> = {};
  for (const [index, pattern] of patterns.entries()) {
    const groups = new RegExp(pattern.regexp).exec(lines[index] ?? '');
    if (!groups) return undefined;
    for (const part of ['file', 'line', 'column', 'message'] as const) {
      const group = pattern[part];
      if (group !== undefined) found[part] = groups[group] ?? '';
    }
  }
  return found;
}

describe('the code', () => {
  it('tells nobody of what its users do: no telemetry, and no connection but to the relay', () => {
    const talks = /createTelemetryLogger|isTelemetryEnabled|\bfetch\(|XMLHttpRequest|https?\.request\(/;
    for (const source of sources) assert.doesNotMatch(source, talks);
    for (const name of Object.keys(manifest.devDependencies)) assert.doesNotMatch(name, /telemetry|insights|sentry/);
  });

  it('registers no command that the manifest does not have, and runs none', () => {
    const named = sources.flatMap(source =>
      [...source.matchAll(/'(nixfleet\.[a-z]\w*)'/g)].map(match => match[1] ?? ''),
    );
    const others = new Set([
      'nixfleet.hosts',
      'nixfleet.view',
      'nixfleet.online',
      'nixfleet.configured',
      'nixfleet.tokenRefused',
      'nixfleet.status',
      'nixfleet.run',
      'nixfleet.relay',
      'nixfleet.watchedRuns',
      'nixfleet.watchedRollouts',
      'nixfleet.filtered',
      'nixfleet.hostFilter',
      'nixfleet.nixcfg',
      'nixfleet.nixcfgFolder',
      'nixfleet.evaluations',
      'nixfleet.localRelay',
      'nixfleet.hasHost',
      'nixfleet.hasAgent',
      'nixfleet.hasRun',
      'nixfleet.nixfleet',
    ]);
    for (const name of named) assert.ok(others.has(name) || (COMMANDS as readonly string[]).includes(name), name);
  });
});
