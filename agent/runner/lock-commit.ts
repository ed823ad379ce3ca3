/**
 * A commit that holds another flake.lock and nothing else, made from git's objects alone: neither index nor worktree nor
 * branch of the checkout is read or changed, no hook runs, and nothing is signed.
 */
import type { Query } from '../steps/query.ts';
import { gitSettings } from '../steps/environment.ts';

/** A person's settings of git that have no say in what NixFleet commits and pushes by itself. */
export const OWN_SETTINGS = gitSettings({
  'core.hooksPath': '/dev/null',
  'core.fsmonitor': 'false',
  'commit.gpgSign': 'false',
  'i18n.commitEncoding': 'UTF-8',
  'merge.autoStash': 'false',
  'push.followTags': 'false',
  'push.gpgSign': 'false',
  'push.pushOption': '',
  'push.recurseSubmodules': 'no',
});

const REGULAR = /^100(?:644|755)$/;

export interface LockCommit {
  readonly root: string;
  /** flake.lock, relative to the root. */
  readonly path: string;
  /** git's name of the lock's content. */
  readonly blob: string;
  readonly parent: string;
  readonly host: string;
  /** ms since the epoch; the same commit made again has the same name. */
  readonly at: number;
  readonly message: string;
}

interface Entry {
  readonly mode: string;
  readonly type: string;
  readonly oid: string;
  /** Bytes, one a character. */
  readonly name: string;
}

/** Writes a lock into git's objects, as `git add` would; its name there. */
export async function storeLock(query: Query, root: string, path: string, lock: Uint8Array): Promise<string> {
  return ask(query, ['git', '-C', root, 'hash-object', '-w', '--stdin', `--path=${path}`], lock);
}

/** git's name of what a revision (`''`: the index) holds at a path; undefined when there is nothing. */
export async function objectAt(query: Query, rev: string, path: string): Promise<string | undefined> {
  const { exitCode, stdout } = await query(['git', 'rev-parse', '--verify', '--quiet', `${rev}:${path}`]);
  return exitCode === 0 ? stdout.trim() : undefined;
}

/** The mode of a file of a revision; that of any other file where it is not there. */
export async function modeAt(query: Query, root: string, rev: string, path: string): Promise<string> {
  const { stdout } = await query(['git', '-C', root, '--literal-pathspecs', 'ls-tree', '--full-tree', rev, '--', path]);
  return /^\d+/.exec(stdout)?.[0] ?? '100644';
}

/** Makes the commit; its name. Throws where the parent has no place for the lock. */
export async function commitLock(query: Query, commit: LockCommit): Promise<string> {
  const { root, path, blob, parent, host, at, message } = commit;
  const tree = await treeWith(query, root, parent, path.split('/').map(asBytes), blob);
  const who = { NAME: 'NixFleet', EMAIL: `nixfleet@${host}`, DATE: `@${Math.floor(at / 1000)} +0000` };
  const identity = ['AUTHOR', 'COMMITTER'].flatMap(role =>
    Object.entries(who).map(([what, value]) => [`GIT_${role}_${what}`, value]),
  );
  return ask(query, ['git', '-C', root, 'commit-tree', tree, '-p', parent], Buffer.from(message), {
    ...OWN_SETTINGS,
    ...(Object.fromEntries(identity) as Record<string, string>),
  });
}

/** The tree of a revision or folder with one file's content replaced. */
async function treeWith(
  query: Query,
  root: string,
  tree: string,
  [name = '', ...below]: readonly string[],
  blob: string,
): Promise<string> {
  const entries = await readTree(query, root, tree);
  const old = entries.find(entry => entry.name === name);
  let next: Entry;
  if (below.length > 0) {
    if (old?.type !== 'tree') throw new Error('upstream no longer has the folder of the flake');
    next = { ...old, oid: await treeWith(query, root, old.oid, below, blob) };
  } else {
    if (old && !REGULAR.test(old.mode)) throw new Error('flake.lock is not a regular file upstream');
    next = { mode: old?.mode ?? '100644', type: 'blob', oid: blob, name };
  }
  const list = [...entries.filter(entry => entry !== old), next]
    .map(({ mode, type, oid, name: entry }) => `${mode} ${type} ${oid}\t${entry}\0`)
    .join('');
  // what else the tree names is not looked at: it may lie with the remote alone (a partial clone)
  return ask(query, ['git', '-C', root, 'mktree', '-z', '--missing'], Buffer.from(list, 'latin1'));
}

async function readTree(query: Query, root: string, tree: string): Promise<Entry[]> {
  const { exitCode, bytes, stderr } = await query(['git', '-C', root, 'ls-tree', '-z', '--full-tree', tree]);
  if (exitCode !== 0) throw new Error(stderr.trim());
  return Buffer.from(bytes)
    .toString('latin1')
    .split('\0')
    .flatMap(line => {
      const [, mode, type, oid, name] = /^(\d+) (\w+) ([0-9a-f]+)\t(.+)$/s.exec(line) ?? [];
      return mode && type && oid && name ? { mode, type, oid, name } : [];
    });
}

function asBytes(text: string): string {
  return Buffer.from(text).toString('latin1');
}

async function ask(
  query: Query,
  argv: readonly [string, ...string[]],
  input: Uint8Array,
  env: Readonly<Record<string, string>> = OWN_SETTINGS,
): Promise<string> {
  const { exitCode, stdout, stderr } = await query(argv, input, env);
  if (exitCode !== 0) throw new Error(stderr.trim().split('\n').at(-1) ?? `${argv[0]} failed`);
  return stdout.trim();
}
