/** flake.lock and HEAD of somebody's checkout, read and put back with that somebody's rights. */
import type { Query } from '../steps/query.ts';

/** The bytes of flake.lock in the query's folder; undefined when there is none. Throws when it cannot be read. */
export async function readLock(query: Query): Promise<Uint8Array | undefined> {
  const result = await query(['cat', '--', 'flake.lock']);
  if (result.exitCode === 0) return result.bytes;
  const missing = await query(['test', '!', '-e', 'flake.lock']);
  if (missing.exitCode === 0) return undefined;
  throw new Error(`flake.lock cannot be read: ${result.stderr.trim()}`);
}

const REPLACE = `set -e
umask 022
new=$(mktemp ./flake.lock.XXXXXX)
trap 'rm -f "$new"' EXIT
if [ -e flake.lock ]; then cp -p flake.lock "$new"; else chmod 644 "$new"; fi
cat > "$new"
sync -- "$new" || sync
mv -f "$new" flake.lock
`;

/** Replaces flake.lock as a whole, as the query's user. */
export async function writeLock(query: Query, bytes: Uint8Array): Promise<void> {
  const result = await query(['sh', '-c', REPLACE], bytes);
  if (result.exitCode !== 0) throw new Error(`flake.lock cannot be written: ${result.stderr.trim()}`);
  await sync(query, ['--', '.']);
}

/** Removes a flake.lock that HEAD does not have; nix marks such a one as to be added, and that mark goes, too. */
export async function removeLock(query: Query): Promise<void> {
  const removed = await query(['rm', '-f', '--', 'flake.lock']);
  if (removed.exitCode !== 0) throw new Error(`flake.lock cannot be removed: ${removed.stderr.trim()}`);
  await query(['git', 'rm', '--cached', '--force', '--quiet', '--ignore-unmatch', '--', 'flake.lock']);
  await sync(query, ['--', '.']);
}

/** Waits until flake.lock and its name are on the disk, so that a power loss does not tear what the journal speaks of. */
export function syncLock(query: Query): Promise<void> {
  return sync(query, ['--', 'flake.lock', '.']);
}

/**
 * Waits until all files of the checkout are on the disk: git waits for its own (`core.fsync`), not for those that it writes
 * into the worktree.
 */
export function syncWorktree(query: Query): Promise<void> {
  return sync(query, ['-f', '.']);
}

/** sync(1) with the owner's rights: whoever is root must not open what lies in somebody's folder. */
async function sync(query: Query, args: readonly string[]): Promise<void> {
  let result = await query(['sync', ...args]);
  // one that knows no files, such as a busybox of old, still knows how to write everything
  if (result.exitCode !== undefined && result.exitCode !== 0) result = await query(['sync']);
  if (result.exitCode !== 0) throw new Error(`the checkout was not written to the disk: ${result.stderr.trim()}`);
}
