/** flake.lock and HEAD of somebody's checkout, read and put back with that somebody's rights. */
import { closeSync, constants, fsyncSync, openSync } from 'node:fs';
import { join } from 'node:path';
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
mv -f "$new" flake.lock
`;

/** Replaces flake.lock as a whole, as the query's user. */
export async function writeLock(query: Query, folder: string, bytes: Uint8Array): Promise<void> {
  const result = await query(['sh', '-c', REPLACE], bytes);
  if (result.exitCode !== 0) throw new Error(`flake.lock cannot be written: ${result.stderr.trim()}`);
  syncFile(join(folder, 'flake.lock'));
}

/** Removes a flake.lock that HEAD does not have; nix marks such a one as to be added, and that mark goes, too. */
export async function removeLock(query: Query): Promise<void> {
  const removed = await query(['rm', '-f', '--', 'flake.lock']);
  if (removed.exitCode !== 0) throw new Error(`flake.lock cannot be removed: ${removed.stderr.trim()}`);
  await query(['git', 'rm', '--cached', '--force', '--quiet', '--ignore-unmatch', '--', 'flake.lock']);
}

function syncFile(path: string): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
