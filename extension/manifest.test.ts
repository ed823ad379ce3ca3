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

interface Manifest {
  readonly main: string;
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
    readonly walkthroughs: readonly {
      readonly id: string;
      readonly icon: string;
      readonly steps: readonly {
        readonly media: { readonly svg: string };
        readonly completionEvents: readonly string[];
      }[];
    }[];
    readonly configuration: { readonly properties: Readonly<Record<string, { scope: string }>> };
    readonly problemMatchers: readonly { readonly name: string; readonly pattern: Pattern | readonly Pattern[] }[];
  };
}

const root = join(import.meta.dirname, '..');
const text = readFileSync(join(root, 'package.json'), 'utf8');
const manifest = JSON.parse(text) as Manifest;
const nls = JSON.parse(readFileSync(join(root, 'package.nls.json'), 'utf8')) as Record<string, string>;
const { contributes } = manifest;
const sources = globSync('extension/**/*.ts', { cwd: root })
  .filter(file => !file.endsWith('.test.ts'))
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

  it('asks only for context keys that the code sets', () => {
    const clauses = [
      ...Object.values(contributes.menus)
        .flat()
        .map(({ when }) => when),
      ...contributes.commands.map(({ enablement }) => enablement),
      ...contributes.walkthroughs.flatMap(({ steps }) => steps.flatMap(({ completionEvents }) => completionEvents)),
    ];
    const keys = new Set(
      clauses.flatMap(clause => [...(clause ?? '').matchAll(/\b(nixfleet\.(?!hosts\b)\w+)/g)].map(match => match[1])),
    );
    for (const key of keys)
      assert.ok(
        sources.some(source => source.includes(`'${key ?? ''}'`)),
        key,
      );
  });

  it('has the settings that the code reads, out of reach of a workspace', () => {
    const read = sources.flatMap(source =>
      [...source.matchAll(/getConfiguration\('nixfleet'\)\s*\.get(?:<\w+>)?\(\s*'([^']+)'/g)].map(
        match => `nixfleet.${match[1] ?? ''}`,
      ),
    );
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
    const shipped = readFileSync(join(root, '.vscodeignore'), 'utf8');
    for (const file of walkthroughs) assert.ok(shipped.includes(`!${dirname(file)}/**`), `${file} ships`);
    for (const icon of [...icons, ...walkthroughs]) assert.ok(existsSync(join(root, icon)), icon);
    assert.equal(manifest.main, './dist/extension.cjs');
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

  it('wakes the extension for each view and panel that it restores', () => {
    for (const { id } of Object.values(contributes.views).flat())
      assert.ok(manifest.activationEvents.includes(`onView:${id}`));
    for (const event of ['onWebviewPanel:nixfleet.run', 'onUri']) assert.ok(manifest.activationEvents.includes(event));
  });
});

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

  it('says everything to people through the locale', () => {
    for (const source of sources) {
      assert.doesNotMatch(source, /show(?:Information|Warning|Error)Message\(\s*['"`](?!NixFleet: \$)/);
    }
  });
});
