/** The primary result code of an error from SQLite, see https://sqlite.org/rescode.html; undefined for other errors. */
export function sqliteCode(error: unknown): number | undefined {
  // the low byte is the primary code, the rest says more exactly
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : undefined;
}
