import type { DatabaseSync } from 'node:sqlite';
import { sqliteCode } from './sqlite-code.ts';

const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

/** Columns that hold JSON. SQLite has no checksums: a flipped bit inside a text is nothing that it notices. */
const JSON_COLUMNS = [
  ['hosts', 'agent'],
  ['hosts', 'status'],
  ['runs', 'record'],
  ['events', 'json'],
  ['streams', 'epochs'],
  ['rollouts', 'record'],
] as const;

/**
 * Looks through a whole database of the present version: what does not hold together in it, for people; undefined when
 * nothing was found. Takes about a second for some hundred megabytes.
 * @throws SQLite's error when it is too broken to be looked through (see `isDamageError`)
 */
export function findDamage(db: DatabaseSync): string | undefined {
  const found = db.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
  if (found !== 'ok') return String(found).replace(/\s+/g, ' ');
  for (const [table, column] of JSON_COLUMNS) {
    const sql = `SELECT 1 FROM ${table} WHERE ${column} IS NOT NULL AND NOT json_valid(${column}) LIMIT 1`;
    if (db.prepare(sql).get()) return `a row of table ${table} is not what was written`;
  }
  return undefined;
}

/** Whether SQLite itself says that a file is damaged, or no database at all. */
export function isDamageError(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === SQLITE_CORRUPT || code === SQLITE_NOTADB;
}
