import assert from 'node:assert/strict';
import { before, describe, it } from 'mocha';
import { bundleOf, compare, ENGLISH_BUNDLE, ENGLISH_NLS, languages, nlsOf, readTexts, type Texts } from './bundles.ts';
import { extract, sourceFiles, type Extracted } from './extract.ts';
import { strays } from './strays.ts';

const COMPLETE = { missing: [], unused: [], broken: [] };

describe('what NixFleet says to people', function () {
  this.timeout(60_000);
  let extracted: Extracted;
  let english: Texts;

  before(() => {
    extracted = extract(sourceFiles());
    english = Object.fromEntries([...extracted.texts.keys()].map(text => [text, text]));
  });

  it('is known before it is said', () => {
    assert.deepEqual(extracted.unknown, []);
    assert.ok(extracted.texts.size > 300);
  });

  it('is in l10n/bundle.l10n.json, and nothing else is (npm run l10n)', () => {
    assert.deepEqual(readTexts(ENGLISH_BUNDLE), english);
  });

  it('goes through the locale wherever people would read it', () => {
    assert.deepEqual(
      sourceFiles().flatMap(file => strays(file)),
      [],
    );
  });

  it('is German, all of it, with the same placeholders (npm run l10n)', () => {
    assert.deepEqual(languages(), ['de']);
    for (const language of languages()) {
      assert.deepEqual(compare(english, readTexts(bundleOf(language))), COMPLETE, bundleOf(language));
      assert.deepEqual(compare(readTexts(ENGLISH_NLS), readTexts(nlsOf(language))), COMPLETE, nlsOf(language));
    }
  });

  it('does not speak to Germans in English', () => {
    const names = /\{\d+\}|NixFleet|nixcfg|flake\.(?:lock|nix)|\b(?:min|offline|online)\b/g;
    const inBoth = new Set(
      'Agent Branch Build Generation Input Lock Offline Problem Pull Revision Start System Token Update'.split(' '),
    );
    const untranslated = Object.entries(readTexts(bundleOf('de')))
      .filter(([text, german]) => text === german && /\p{L}{2}/u.test(text.replace(names, '')))
      .map(([text]) => text)
      .filter(text => !inBoth.has(text.replace(' {0}', '')) && text !== 'Host {0}');
    assert.deepEqual(untranslated, []);
  });
});

describe('the search for texts', () => {
  const found = (text: string): string[] => strays('extension/x.ts', text).map(stray => stray.text);

  it('sees what reaches people without the locale', () => {
    assert.deepEqual(found(`vscode.window.showErrorMessage('It failed')`), ['It failed']);
    assert.deepEqual(found('item.tooltip = `run ${id} of ${host}`'), ['run   of  ']);
    assert.deepEqual(found(`const item = { label: on ? 'online now' : t('offline') }`), ['online now']);
    assert.deepEqual(found(`box.placeholder = value ?? 'a name'`), ['a name']);
    assert.deepEqual(found(`f({ description: ['for', count].join(' ') })`), ['for']);
  });

  it('leaves alone what is no text, is translated, or is a name', () => {
    assert.deepEqual(found(`x({ title: t('Show Run'), label: host.name, description: \`\${a} · \${b}\` })`), []);
    assert.deepEqual(found('item.title = `NixFleet: ${words}`; item.label = "$(sync~spin) flake.lock"'), []);
    assert.deepEqual(found(`box.placeholder = 'web1'`), []);
    assert.deepEqual(found(`log.info('connected'); x({ tooltip: kind === 'failed' ? why : undefined })`), []);
  });

  it('sees words that a page writes into itself', () => {
    const page = (text: string): string[] =>
      strays('webview/x.ts', text)
        .map(stray => stray.text)
        .sort();
    assert.deepEqual(page(`el('p', { title: 'a hint' }, 'words', label('done'))`), ['a hint', 'words']);
    assert.deepEqual(page(`const button = { label: 'openDiff', icon: 'diff' }`), []);
  });

  it('tells a translation that lacks something from one that is complete', () => {
    const texts = { 'a {0}': 'a {0}', 'b {0} {1}': 'b {0} {1}', c: 'c' };
    assert.deepEqual(compare(texts, { 'a {0}': 'A', 'b {0} {1}': '{1} B {0}', d: 'D' }), {
      missing: ['c'],
      unused: ['d'],
      broken: ['a {0}'],
    });
    assert.deepEqual(compare({ k: '[x](command:a)' }, { k: '[X](command:b)' }).broken, ['k']);
  });
});
