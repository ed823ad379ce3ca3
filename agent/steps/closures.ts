/** What differs between two closures, by nix's own word where it has one, and else from the lists of their store paths. */
import { MAX_PACKAGE_CHANGES, type PackageChange } from '../../protocol/index.ts';

/** Versions of one package that are listed at the most. */
const MAX_VERSIONS = 16;

/** Units of nix's sizes. */
const UNITS: Readonly<Record<string, number>> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };

/**
 * Reads what `nix store diff-closures` prints: `NAME: OLD → NEW, +1.5 KiB`, where `∅` is no version and `ε` one without a
 * name, and versions or the size may be absent (src/nix/diff-closures.cc). Lines that are otherwise are left out.
 */
export function parseClosureDiff(text: string): PackageChange[] {
  return text
    .replace(/\x1b\[[0-9;]*m/g, '')
    .split('\n')
    .flatMap(line => {
      const [, name, rest] = /^\s*(\S+): (.+?)\s*$/.exec(line) ?? [];
      return name === undefined || rest === undefined ? [] : (changeOf(name, rest) ?? []);
    });
}

function changeOf(name: string, text: string): PackageChange | undefined {
  const [, versions = '', sign = '', size = '', unit = ''] =
    /^(.*?)(?:(?:^|, )([+-])([\d.]+) ([KMGT]iB|B))?$/.exec(text) ?? [];
  const [before, after] = versions === '' ? ['∅', '∅'] : versions.split(' → ');
  if (before === undefined || after === undefined) return undefined;
  if (versions === '' && size === '') return undefined;
  const bytes = size === '' ? undefined : Math.round(Number(`${sign}${size}`) * (UNITS[unit] ?? 1));
  return {
    name: name.slice(0, 256),
    before: versionsOf(before),
    after: versionsOf(after),
    ...(bytes !== undefined && Number.isSafeInteger(bytes) && { bytes }),
  };
}

function versionsOf(text: string): string[] {
  const versions = text === '∅' ? [] : text.split(', ').map(version => (version === 'ε' ? '' : version.slice(0, 128)));
  return versions.slice(0, MAX_VERSIONS);
}

/** What differs between two lists of store paths, as far as their names tell. */
export function compareClosures(before: readonly string[], after: readonly string[]): PackageChange[] {
  const [old, now] = [versionsByName(before), versionsByName(after)];
  return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap(name => {
    const lacks = (other: ReadonlySet<string> | undefined) => (version: string) => other?.has(version) !== true;
    const gone = [...(old.get(name) ?? [])].filter(lacks(now.get(name)));
    const come = [...(now.get(name) ?? [])].filter(lacks(old.get(name)));
    if (gone.length + come.length === 0) return [];
    return { name: name.slice(0, 256), before: gone.slice(0, MAX_VERSIONS), after: come.slice(0, MAX_VERSIONS) };
  });
}

function versionsByName(paths: readonly string[]): Map<string, Set<string>> {
  const versions = new Map<string, Set<string>>();
  for (const path of paths) {
    // as nix tells a name from its version and its output: the version begins with a digit
    const base = path.replace(/^.*\/[0-9a-z]{32}-/, '');
    const [, name = base, version = ''] =
      /^(.+?)(?:-(\d.*?))?(?:-(?:bin|dev|out|lib|man|doc|info|data|devdoc|debug))?$/.exec(base) ?? [];
    versions.set(name, (versions.get(name) ?? new Set<string>()).add(version.slice(0, 128)));
  }
  return versions;
}

/** As many as an event may hold: what came, went or has another version before what only changed its size. */
export function bounded(changes: readonly PackageChange[]): { changes: PackageChange[]; more: number } {
  const isSize = ({ before, after }: PackageChange): boolean => before.length + after.length === 0;
  const ordered = [...changes.filter(change => !isSize(change)), ...changes.filter(isSize)];
  const kept = ordered.slice(0, MAX_PACKAGE_CHANGES);
  return { changes: kept, more: ordered.length - kept.length };
}
