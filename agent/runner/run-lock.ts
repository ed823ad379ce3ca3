import { chmodSync, closeSync, constants, openSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { RunId } from '../../protocol/index.ts';
import { selfIdentity } from '../process.ts';
import { writeVolatileFile } from '../run-directory/files.ts';
import type { StatePaths } from '../run-directory/layout.ts';
import { readLiveHolder, type LockHolder } from '../run-directory/runner-file.ts';

export type LockResult =
  | { readonly ok: true; readonly release: () => void }
  /** Another process has it; who that is may not be known for a moment. */
  | { readonly ok: false; readonly holder?: LockHolder };

const SQLITE_BUSY = 5;

/**
 * Takes the host's lock of "one run at a time": an exclusive transaction in a small SQLite file. The kernel drops it with
 * this process, however that ends. Does not wait.
 */
export function takeRunLock(paths: StatePaths, runId: RunId): LockResult {
  // root's alone: whoever can open the file can lock it
  closeSync(openSync(paths.lock, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600));
  chmodSync(paths.lock, 0o600);
  const database = new DatabaseSync(paths.lock, { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
    const holder = readLiveHolder(paths.holder);
    return { ok: false, ...(holder && { holder }) };
  }
  const holder: LockHolder = { format: 1, runId, ...selfIdentity() };
  writeVolatileFile(paths.holder, `${JSON.stringify(holder)}\n`, 0o644);
  return {
    ok: true,
    release: () => {
      rmSync(paths.holder, { force: true });
      database.close();
    },
  };
}
