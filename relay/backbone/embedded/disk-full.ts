import { sqliteCode } from './sqlite-code.ts';

const SQLITE_FULL = 13;

/** Bytes that must be free on the store's disk for it to count as healthy: some frames of output, and a log's growth. */
export const LEAST_ROOM = 1024 * 1024;

/** Whether something failed because there is no room on the disk. */
export function isDiskFull(error: unknown): boolean {
  if (sqliteCode(error) === SQLITE_FULL) return true;
  return error instanceof Error && 'code' in error && /^(ENOSPC|EDQUOT)$/.test(String(error.code));
}
