/**
 * Pages of forges for people to look at: what a revision is, what changed between two. A lock file is written by
 * others: a link is https, leads to the host that the reference names, and carries owner, repository and revision
 * encoded; where a page is not known for sure there is none.
 */

import { isRev } from './flake-ref.ts';
import type { FlakeRef } from './types.ts';

type Forge = 'github' | 'gitlab' | 'forgejo' | 'sourcehut' | 'sourcehut-hg';

interface Repository {
  readonly forge: Forge;
  /** `https://host/owner/repository` */
  readonly page: string;
}

/** Which forge a host runs cannot be told from a URL; of these it is known. Gitea's pages are those of Forgejo. */
const knownHosts: ReadonlyMap<string, Forge> = new Map([
  ['github.com', 'github'],
  ['gitlab.com', 'gitlab'],
  ['gitlab.freedesktop.org', 'gitlab'],
  ['gitlab.gnome.org', 'gitlab'],
  ['gitlab.haskell.org', 'gitlab'],
  ['invent.kde.org', 'gitlab'],
  ['salsa.debian.org', 'gitlab'],
  ['codeberg.org', 'forgejo'],
  ['code.forgejo.org', 'forgejo'],
  ['git.lix.systems', 'forgejo'],
  ['gitea.com', 'forgejo'],
  ['git.sr.ht', 'sourcehut'],
  ['hg.sr.ht', 'sourcehut-hg'],
]);

/**
 * The page that shows what changed from one locked reference to the next. SourceHut has no such page: there it is the
 * log from the new revision down. Undefined if the source moved or no page is known.
 */
export function compareLink(before: FlakeRef, after: FlakeRef): string | undefined {
  const [from, to] = [before.rev?.toLowerCase(), after.rev?.toLowerCase()];
  const [old, repository] = [repositoryOf(before), repositoryOf(after)];
  if (!from || !to || !isRev(from) || !isRev(to) || from === to) return undefined;
  if (!repository || old?.page.toLowerCase() !== repository.page.toLowerCase()) return undefined;
  switch (repository.forge) {
    case 'github':
    case 'forgejo':
      return `${repository.page}/compare/${from}...${to}`;
    case 'gitlab':
      return `${repository.page}/-/compare/${from}...${to}`;
    case 'sourcehut':
      return `${repository.page}/log/${to}`;
    case 'sourcehut-hg':
      return undefined;
  }
}

/** The page of the commit that a locked reference names. Undefined if no page is known. */
export function revisionLink(locked: FlakeRef): string | undefined {
  const rev = locked.rev?.toLowerCase();
  const repository = repositoryOf(locked);
  if (!rev || !isRev(rev) || !repository) return undefined;
  switch (repository.forge) {
    case 'github':
    case 'forgejo':
    case 'sourcehut':
      return `${repository.page}/commit/${rev}`;
    case 'gitlab':
      return `${repository.page}/-/commit/${rev}`;
    case 'sourcehut-hg':
      return `${repository.page}/rev/${rev}`;
  }
}

function repositoryOf(ref: FlakeRef): Repository | undefined {
  const { type, owner = '', repo = '', host } = ref;
  switch (type) {
    case 'github':
      return repositoryAt('github', host ?? 'github.com', [owner, repo]);
    case 'gitlab':
      // Subgroups are written group%2Fsubgroup, as Nix would take a plain slash for the end of the owner.
      return repositoryAt('gitlab', host ?? 'gitlab.com', [...segmentsOf(owner), ...segmentsOf(repo)]);
    case 'sourcehut':
      return repositoryAt(host === 'hg.sr.ht' ? 'sourcehut-hg' : 'sourcehut', host ?? 'git.sr.ht', [owner, repo]);
    case 'git':
    case 'hg':
      return repositoryOfUrl(ref.url ?? '');
    case 'tarball':
      return repositoryOfArchive(ref.url ?? '');
    default:
      return undefined;
  }
}

/** Longer ones are nonsense, and would take the patterns below long to refuse. */
const longestUrl = 1000;

/** A repository's own address: `https://host/owner/repo.git`, `ssh://git@host/owner/repo`, `git@host:owner/repo`. */
function repositoryOfUrl(url: string): Repository | undefined {
  if (url.length > longestUrl) return undefined;
  const [, host, path] =
    /^(?:git\+|hg\+)?(?:https|ssh|git):\/\/(?:[^/?#@\\\s]*@)?([^/?#@:]+)(?::\d+)?\/([^?#]*)/i.exec(url) ??
    /^[^/?#@:\\\s]+@([^/?#@:]+):([^?#]*)$/.exec(url) ??
    [];
  const forge = knownHosts.get(host?.toLowerCase() ?? '');
  if (!forge || host === undefined || path === undefined) return undefined;
  return repositoryAt(forge, host, segmentsOf(path.replace(/\/+$/, '').replace(/\.git$/, '')));
}

/** Forgejo serves archives that Nix locks to a commit: `https://host/owner/repo/archive/main.tar.gz`. */
function repositoryOfArchive(url: string): Repository | undefined {
  if (url.length > longestUrl) return undefined;
  const [, host, owner, repo] = /^https:\/\/([^/?#@:]+)\/([^/?#]+)\/([^/?#]+)\/archive\/[^?#]/i.exec(url) ?? [];
  if (host === undefined || knownHosts.get(host.toLowerCase()) !== 'forgejo') return undefined;
  return repositoryAt('forgejo', host, [...segmentsOf(owner ?? ''), ...segmentsOf(repo ?? '')]);
}

function repositoryAt(forge: Forge, host: string, path: readonly string[]): Repository | undefined {
  const depth = forge === 'gitlab' ? path.length >= 2 : path.length === 2;
  if (!depth || !path.every(isName) || !isHost(host)) return undefined;
  return { forge, page: `https://${host.toLowerCase()}/${path.map(encodeURIComponent).join('/')}` };
}

/** No way up, no second segment, nothing that makes encodeURIComponent throw. */
function isName(segment: string): boolean {
  return (
    segment.length <= 255 &&
    segment !== '' &&
    segment !== '.' &&
    segment !== '..' &&
    !/[\p{Cc}\p{Cf}\p{Cs}\p{Z}/\\]/u.test(segment)
  );
}

function isHost(host: string): boolean {
  return (
    host.length <= 253 && /^[a-z\d](?:[a-z\d-]*[a-z\d])?(?:\.[a-z\d](?:[a-z\d-]*[a-z\d])?)*(?::\d{1,5})?$/i.test(host)
  );
}

/** Decoded; an encoding that is broken gives a segment that no name may be. */
function segmentsOf(path: string): string[] {
  try {
    return decodeURIComponent(path).split('/');
  } catch {
    return [''];
  }
}
