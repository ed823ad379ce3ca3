import type { DatabaseSync } from 'node:sqlite';

/**
 * The database's versions. Each entry leads from the version that is its index to the next; a released one is never
 * changed. `user_version` of the file says how many were applied.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE hosts (
    host TEXT PRIMARY KEY,
    enrolled_at INTEGER NOT NULL,
    -- a host that was revoked keeps its row and its runs, and is not in the fleet
    enrolled INTEGER NOT NULL,
    last_seen_at INTEGER,
    agent TEXT,
    status TEXT
  ) STRICT;

  CREATE TABLE tokens (
    hash TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('host', 'operator')),
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (kind, name)
  ) STRICT;

  CREATE TABLE runs (
    run_id TEXT PRIMARY KEY,
    host TEXT NOT NULL,
    is_over INTEGER NOT NULL,
    -- when a run that waits for its host expires; null for all others
    queued_until INTEGER,
    -- RunRecord: the summary, what was asked, who asked to cancel
    record TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX runs_of_host ON runs (host, run_id);
  CREATE INDEX live_runs ON runs (host) WHERE is_over = 0;
  CREATE INDEX queued_runs ON runs (queued_until) WHERE queued_until IS NOT NULL;

  CREATE TABLE events (
    run_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    json TEXT NOT NULL,
    PRIMARY KEY (run_id, seq)
  ) STRICT, WITHOUT ROWID;

  -- what is on disk of each stream; the bytes are in files
  CREATE TABLE streams (
    run_id TEXT NOT NULL,
    stream TEXT NOT NULL,
    epochs TEXT NOT NULL,
    size INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    PRIMARY KEY (run_id, stream)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT
  ) STRICT;
  CREATE INDEX audit_at ON audit (at);

  -- one row, written by health checks
  CREATE TABLE probe (id INTEGER PRIMARY KEY CHECK (id = 1), at INTEGER NOT NULL) STRICT;
  `,
  `
  CREATE TABLE rollouts (
    rollout_id TEXT PRIMARY KEY,
    is_over INTEGER NOT NULL,
    -- RolloutRecord: what operators see of it, its runs, when the last one was begun
    record TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX live_rollouts ON rollouts (rollout_id) WHERE is_over = 0;
  `,
];

/** The database of a newer relay, which this one would damage. */
export class NewerDatabase extends Error {
  override readonly name = 'NewerDatabase';
}

/**
 * Brings a database to the newest version; all of it or nothing.
 * @throws NewerDatabase
 */
export function migrate(db: DatabaseSync, migrations = MIGRATIONS): void {
  if (versionOf(db) === migrations.length) return;
  db.exec('BEGIN IMMEDIATE');
  try {
    // another process may have been faster
    refuseNewer(db, migrations);
    for (const sql of migrations.slice(versionOf(db))) db.exec(sql);
    db.exec(`PRAGMA user_version = ${migrations.length}`);
    db.exec('COMMIT');
  } catch (error) {
    db.exec('ROLLBACK');
    throw error;
  }
}

/** @throws NewerDatabase when this relay does not know the version of a database */
export function refuseNewer(db: DatabaseSync, migrations = MIGRATIONS): void {
  const version = versionOf(db);
  if (version <= migrations.length) return;
  throw new NewerDatabase(
    `the database has version ${version}, and this relay knows versions up to ${migrations.length}: use the newer relay`,
  );
}

export function versionOf(db: DatabaseSync): number {
  return Number(db.prepare('PRAGMA user_version').get()?.['user_version']);
}
