/**
 * A backup is one file: a SQLite database with all tables of the store as they were at one moment, and two more. Any
 * SQLite can read it. What belongs to the store keeps its version in `user_version`.
 */

/** Grows when an older relay would misread a backup. */
export const BACKUP_FORMAT = 1;

/** Bytes of a file in one row at the most. */
export const CHUNK_BYTES = 256 * 1024;

/** One row: what this is, and when it was begun (ms since the epoch). */
export const ABOUT_TABLE = 'backup_about';

/** The files of runs in pieces: `name` is that of a file in the folder of the run. */
export const FILES_TABLE = 'backup_files';

export const BACKUP_TABLES = `
  CREATE TABLE ${ABOUT_TABLE} (format INTEGER NOT NULL, at INTEGER NOT NULL, relay_version TEXT NOT NULL) STRICT;
  CREATE TABLE ${FILES_TABLE} (
    host TEXT NOT NULL,
    run_id TEXT NOT NULL,
    name TEXT NOT NULL,
    offset INTEGER NOT NULL,
    bytes BLOB NOT NULL
  ) STRICT;
`;
