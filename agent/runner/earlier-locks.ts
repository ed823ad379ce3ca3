import { hasEnded, listRuns, readEvents } from '../run-directory/run-list.ts';
import { readSmallFile } from '../run-directory/files.ts';
import { runPaths } from '../run-directory/layout.ts';
import { same } from '../nixcfg/restore-plan.ts';
import type { RunContext } from './context.ts';

/** Bytes that a lock file may have. */
export const MAX_LOCK_BYTES = 32 * 1024 * 1024;

/** Whether a lock is, byte for byte, what an earlier run of this host left. */
export function isOwnEarlierLock(run: Pick<RunContext, 'config' | 'runId'>, lock: Uint8Array | undefined): boolean {
  if (!lock) return false;
  const { stateDir } = run.config;
  return listRuns(stateDir)
    .filter(id => id !== run.runId)
    .some(id => {
      const left = readSmallFile(runPaths(stateDir, id).lockAfter, MAX_LOCK_BYTES);
      return left.ok && same(left.value, lock) && hasEnded(readEvents(stateDir, id));
    });
}
