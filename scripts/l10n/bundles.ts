import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../test/files.ts';

/** Texts of one language by their English text (`bundle.l10n.*.json`) or by a key (`package.nls.*.json`). */
export type Texts = Readonly<Record<string, string>>;

/** English as it stands in the sources: VS Code's format, for translators and their tools. */
export const ENGLISH_BUNDLE = 'l10n/bundle.l10n.json';
export const ENGLISH_NLS = 'package.nls.json';

/** The languages that are translated, such as `de`. */
export function languages(): string[] {
  const files = globSync('l10n/bundle.l10n.*.json', { cwd: root });
  return files.map(file => file.slice('l10n/bundle.l10n.'.length, -'.json'.length)).sort();
}

export function bundleOf(language: string): string {
  return `l10n/bundle.l10n.${language}.json`;
}

export function nlsOf(language: string): string {
  return `package.nls.${language}.json`;
}

export function readTexts(file: string): Texts {
  const path = join(root, file);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Texts) : {};
}

export function writeTexts(file: string, texts: Texts): void {
  writeFileSync(join(root, file), `${JSON.stringify(texts, null, 2)}\n`);
}

/** In the order of the sources' texts, so that a difference shows what was added and nothing else. */
export function sorted(texts: Texts): Texts {
  return Object.fromEntries(Object.entries(texts).sort(([a], [b]) => (a < b ? -1 : 1)));
}

export interface Difference {
  /** English texts without a translation. */
  readonly missing: readonly string[];
  /** Translations of what nobody says any more. */
  readonly unused: readonly string[];
  /** Translations that leave out a `{0}`, have one too many, or are empty. */
  readonly broken: readonly string[];
}

/**
 * How far a language is from the English it translates.
 * @param english by key; the keys of a bundle are the texts themselves
 */
export function compare(english: Texts, translated: Texts): Difference {
  const keys = Object.keys(english);
  return {
    missing: keys.filter(key => !Object.hasOwn(translated, key)),
    unused: Object.keys(translated).filter(key => !Object.hasOwn(english, key)),
    broken: keys.filter(key => {
      const text = translated[key];
      return text !== undefined && (text.trim() === '' || marks(text) !== marks(english[key] ?? ''));
    }),
  };
}

/** What a translation has to keep: placeholders, in any order, and the commands that its links run. */
function marks(text: string): string {
  const found = [...text.matchAll(/\{\d+\}|\(command:[^)]*\)/g)].map(([mark]) => mark);
  return [...new Set(found)].sort().join(' ');
}
