/** Takes back a fast-forward that was ended in its middle: HEAD has not moved, but some files have. */
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
  readonly from: string;
  /** Where it was to go. */
  readonly to: string;
  /** When the merge began, ms since the epoch: what lies in git's way since then is the merge's. */
  readonly since: number;
}

/**
 * Puts the files back that the merge wrote, also half, and removes its lock. Before the merge none of these files had a
 * change; one that has other content than the merge could have written is a person's of the last moments.
 * @returns the files that were left as they are
 */
export async function undoHalfMerge(merge: HalfMerge): Promise<readonly string[]> {
  const { query, git, root, from, to } = merge;
  await removeStaleLock(merge);
  const dirty = new Set(await git.dirtyFiles());
  const left: string[] = [];
  const toCheckOut: string[] = [];
  const toRemove: string[] = [];
  for (const { path, added } of await git.changedFiles(from, to)) {
    const exists = modifiedAt(join(root, path)) !== undefined;
    if (added ? !exists && !dirty.has(path) : !dirty.has(path)) continue;
    const now = exists ? (await query(['cat', '--', join(root, path)])).bytes : new Uint8Array(0);
    const written = (await git.fileAt(to, path)) ?? new Uint8Array(0);
    if (!isBeginningOf(now, written)) left.push(path);
    else (added ? toRemove : toCheckOut).push(path);
  }
  await inParts(toCheckOut, paths => query(['git', '-C', root, 'checkout', 'HEAD', '--', ...paths]));
  await inParts(toRemove, paths =>
    query(['git', '-C', root, 'rm', '--cached', '--force', '--quiet', '--ignore-unmatch', '--', ...paths]),
  );
  await inParts(toRemove, paths => query(['rm', '-f', '--', ...paths.map(path => join(root, path))]));
  return left;
}

async function removeStaleLock({ query, path, since }: HalfMerge): Promise<void> {
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

function modifiedAt(path: string): number | undefined {
  try {
    return lstatSync(path).mtimeMs;
  } catch {
    return undefined;
  }
}
