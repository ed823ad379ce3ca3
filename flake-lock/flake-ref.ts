/** Flake references as URLs: to show, and to hand to Nix. */

import { plainText } from './plain-text.ts';
import type { FlakeRef } from './types.ts';

export type PinnedUrl = { readonly ok: true; readonly url: string } | { readonly ok: false; readonly reason: string };

/**
 * The URL form of a reference, as Nix prints it, but without `narHash`, `lastModified` and `revCount`, which say
 * nothing about where the source is. Attributes that only a newer Nix knows are not in it. For showing: a
 * reference that a hostile lock made up gives some text, always of printable ASCII.
 */
export function flakeUrl(ref: FlakeRef): string {
  switch (ref.type) {
    case 'github':
    case 'gitlab':
    case 'sourcehut':
      return forgeUrl(ref, ref.type, ref.rev ?? ref.ref);
    case 'git':
      return vcsUrl(ref, 'git', { ...gitParameters(ref), ref: ref.ref, rev: ref.rev });
    case 'hg':
      return vcsUrl(ref, 'hg', { ref: ref.ref, rev: ref.rev });
    case 'indirect':
      return indirectUrl(ref, [ref.ref, ref.rev]);
    case 'path':
      return `path:${segments(ref.path ?? '')}${query({ dir: ref.dir, rev: ref.rev })}`;
    default: {
      const { base, parameters } = splitUrl(ref.url ?? '');
      const known = ref.type === 'tarball' || ref.type === 'file';
      return `${known ? '' : `${segment(ref.type)}:`}${base}${query({ dir: ref.dir, ...parameters })}`;
    }
  }
}

/**
 * The URL that makes `nix flake update INPUT --override-input INPUT URL` lock exactly `rev`, for the input whose
 * `original` is given. Where to fetch from, subdirectory and fetch options stay as they are; for forges `rev` takes the
 * place of the branch (Nix refuses both), for git and Mercurial it is added to it, as the branch is where Nix looks.
 * The reason is a sentence for a person.
 */
export function pinnedUrl(original: FlakeRef, rev: string): PinnedUrl {
  if (!isRev(rev)) {
    return { ok: false, reason: `'${plainText(rev, 70)}' is not a full commit hash (40 or 64 hexadecimal digits).` };
  }
  const hash = rev.toLowerCase();
  switch (original.type) {
    case 'github':
    case 'gitlab':
    case 'sourcehut':
      if (!original.owner || !original.repo) return sourceMissing;
      return hash.length === 40 ? pinned(forgeUrl(original, original.type, hash)) : sha256Refused;
    case 'indirect':
      if (!original.id) return sourceMissing;
      // Without the branch: the registry may resolve it to a forge, where branch and revision exclude each other.
      return hash.length === 40 ? pinned(indirectUrl(original, [hash])) : sha256Refused;
    case 'git': {
      if (!original.url) return sourceMissing;
      const { allRefs, ref } = original;
      return pinned(vcsUrl(original, 'git', { ...gitParameters(original), allRefs, ref, rev: hash }));
    }
    case 'hg':
      if (!original.url) return sourceMissing;
      return hash.length === 40 ? pinned(vcsUrl(original, 'hg', { ref: original.ref, rev: hash })) : sha256Refused;
    case 'tarball':
    case 'file':
      return { ok: false, reason: 'its source is a download, which has no revisions to choose from.' };
    case 'path':
      return { ok: false, reason: 'its source is a path, which has no revisions to choose from.' };
    default:
      return { ok: false, reason: `its source is of the type '${plainText(original.type, 40)}', which is not known.` };
  }
}

/** A full git or Mercurial commit hash: 40 (SHA-1) or 64 (SHA-256) hexadecimal digits. */
export function isRev(text: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i.test(text);
}

const pinned = (url: string): PinnedUrl => ({ ok: true, url });
const sourceMissing: PinnedUrl = { ok: false, reason: 'its reference does not say where its source is.' };
/** In the URLs of these types Nix takes only 40 digits for a revision; 64 would be a branch of that name. */
const sha256Refused: PinnedUrl = { ok: false, reason: 'Nix takes no SHA-256 commit hashes for a source of this type.' };

type Parameters = Readonly<Record<string, string | boolean | undefined>>;

function gitParameters(ref: FlakeRef): Parameters {
  const { exportIgnore, lfs, shallow, submodules, verifyCommit, keytype, publicKey, publicKeys } = ref;
  return { exportIgnore, lfs, shallow, submodules, verifyCommit, keytype, publicKey, publicKeys };
}

function forgeUrl(ref: FlakeRef, scheme: string, at: string | undefined): string {
  const { owner = '', repo = '', host, dir } = ref;
  // Slashes of a branch stay: every Nix joins them again. Those of an owner (GitLab subgroups) must not be seen.
  const path = [segment(owner), segment(repo), ...(at === undefined ? [] : [segments(at)])];
  return `${scheme}:${path.join('/')}${query({ dir, host })}`;
}

function indirectUrl(ref: FlakeRef, at: readonly (string | undefined)[]): string {
  const path = [segment(ref.id ?? ''), ...at.filter(part => part !== undefined).map(segments)];
  return `flake:${path.join('/')}${query({ dir: ref.dir })}`;
}

function vcsUrl(ref: FlakeRef, prefix: string, own: Parameters): string {
  const { base, parameters } = splitUrl(withScheme(ref.url ?? ''));
  const scheme = base.startsWith(`${prefix}:`) || base.startsWith(`${prefix}+`) ? base : `${prefix}+${base}`;
  const given = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined && value !== false));
  return `${scheme}${query({ dir: ref.dir, ...parameters, ...given })}`;
}

/** As Nix mends it: `git@host:path` is SSH, and what has no scheme is a file. */
function withScheme(url: string): string {
  const scp = /^([^/@]*)@([^/:@]*):(.*)$/.exec(url);
  if (scp) return `ssh://${scp[1] ?? ''}@${scp[2] ?? ''}/${scp[3] ?? ''}`;
  if (url.includes('://') || url.startsWith('file:')) return url;
  return url.startsWith('/') ? `file://${url}` : `file:${url}`;
}

function splitUrl(url: string): { base: string; parameters: Record<string, string> } {
  const [beforeFragment = ''] = url.split('#', 1);
  const mark = beforeFragment.indexOf('?');
  const base = mark === -1 ? beforeFragment : beforeFragment.slice(0, mark);
  const parameters = Object.create(null) as Record<string, string>;
  for (const pair of mark === -1 ? [] : beforeFragment.slice(mark + 1).split('&')) {
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(pair) ?? [];
    if (name !== undefined && value !== undefined) parameters[decoded(name)] = decoded(value);
  }
  return { base: legal(base), parameters };
}

/** Sorted by name, as Nix's are. Only true flags are there. */
function query(parameters: Parameters): string {
  const pairs = Object.entries(parameters)
    .filter(([, value]) => value !== undefined && value !== false)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${parameter(name)}=${parameter(value === true ? '1' : String(value))}`);
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

const segment = (text: string): string => encode(text, /%(?:3A|40)/g);
const segments = (text: string): string => encode(text, /%(?:3A|40|2F)/g);
const parameter = (text: string): string => encode(text, /%(?:3A|40|2F|3F)/g);

/** Percent-encodes all but unreserved characters and those whose encodings `keep` matches (Nix: src/libutil/url.cc). */
function encode(text: string, keep: RegExp): string {
  return encodeURIComponent(wellFormed(text))
    .replace(/[!'()*]/g, character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(keep, decodeURIComponent);
}

/** Leaves a URL as it is but for characters that no URL may have. */
function legal(url: string): string {
  return wellFormed(url).replace(/[^\w\-.~:/?#[\]@!$&'()*+,;=%]/gu, encodeURIComponent);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function wellFormed(text: string): string {
  return text.replace(/\p{Cs}/gu, '\uFFFD');
}
