/** Mends a fast-forward, or the way back, that was ended in its middle: files of the worktree are not what HEAD holds. */
import { lstatSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Git } from '../steps/git.ts';
import type { Query } from '../steps/query.ts';

export interface HalfMerge {
  readonly query: Query;
  readonly git: Git;
  readonly path: string;
  readonly root: string;
  /** Where HEAD is. */
  readonly head: string;
  /** Where it was to go; or, where HEAD has moved and the files may have been lost with the power, where it came from. */
  readonly other: string;
  /** When the move began, ms since the epoch: what lies in git's way since then is its doing. */
  readonly since: number;
  /** Files that are not to be touched, relative to the repository's root. */
  readonly keep?: readonly string[];
}

/**
 * Gives the files that the move wrote, also half, what HEAD holds, and removes git's stale lock. Before the move none of
 * these files had a change; one that has other content than the move, or a power loss after it, could have left is a
 * person's of the last moments.
 * @returns the files that were left as they are
 */
export async function mendHalfMerge(merge: HalfMerge): Promise<readonly string[]> {
  const { query, git, root, head, other, keep = [] } = merge;
  await removeStaleLock(merge);
  const dirty = new Set(await git.dirtyFiles());
  const left: string[] = [];
  const toCheckOut: string[] = [];
  const toRemove: string[] = [];
  for (const { path, added } of await git.changedFiles(head, other)) {
    if (keep.includes(path)) continue;
    const exists = modifiedAt(join(root, path)) !== undefined;
    if (added ? !exists && !dirty.has(path) : !dirty.has(path)) continue;
    const now = exists ? (await query(['cat', '--', join(root, path)])).bytes : new Uint8Array(0);
    const [there, here] = [await git.fileAt(other, path), await git.fileAt(head, path)];
    const isOfMove = isBeginningOf(now, there ?? new Uint8Array(0)) || [there, here].some(whole => isTorn(now, whole));
    if (!isOfMove) left.push(path);
    else (added ? toRemove : toCheckOut).push(path);
  }
  await inParts(toCheckOut, paths => query(['git', '-C', root, 'checkout', 'HEAD', '--', ...paths]));
  await inParts(toRemove, paths =>
    query(['git', '-C', root, 'rm', '--cached', '--force', '--quiet', '--ignore-unmatch', '--', ...paths]),
  );
  await inParts(toRemove, paths => query(['rm', '-f', '--', ...paths.map(path => join(root, path))]));
  return left;
}

/** Removes git's lock of the index that something ended in its middle left behind, if it is not older than that. */
export async function removeStaleLock({
  query,
  path,
  since,
}: Pick<HalfMerge, 'query' | 'path' | 'since'>): Promise<void> {
  const { stdout } = await query(['git', 'rev-parse', '--git-path', 'index.lock']);
  const lock = resolve(path, stdout.trim());
  const at = modifiedAt(lock);
  if (at !== undefined && at >= since - 1000) await query(['rm', '-f', '--', lock]);
}

async function inParts(paths: readonly string[], ask: (paths: readonly string[]) => ReturnType<Query>): Promise<void> {
  for (let i = 0; i < paths.length; i += 200) {
    const result = await ask(paths.slice(i, i + 200));
    if (result.exitCode !== 0) throw new Error(result.stderr.trim());
  }
}

function isBeginningOf(part: Uint8Array, whole: Uint8Array): boolean {
  return Buffer.from(part).equals(whole.subarray(0, part.length));
}

const PAGE = 4096;

/** Whether a file is what is left of another: whole pages of its beginning, with zeros where the disk had nothing yet. */
function isTorn(part: Uint8Array, whole: Uint8Array | undefined): boolean {
  if (!whole || part.length > whole.length) return false;
  if (part.length < whole.length && part.length % PAGE !== 0 && part.at(-1) !== 0) return false;
  return part.every((byte, i) => byte === whole[i] || byte === 0);
}

function modifiedAt(path: string): number | undefined {
  try {
    return lstatSync(path).mtimeMs;
  } catch {
    return undefined;
  }
}
