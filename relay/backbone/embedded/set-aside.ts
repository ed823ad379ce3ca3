/**
 * Beginning anew after damage: the damaged store is set aside, never deleted, and an empty one takes its place. What can
 * still be read of hosts and tokens goes along, so that the hosts connect by themselves and refill their history.
 */
import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { hostNameSchema } from '../../../protocol/index.ts';
import { StoreError, type TokenOwner } from '../backbone.ts';
import { syncFolder } from './files.ts';
import { DamagedDatabase, DATABASE, openDatabase, ServeLock } from './open.ts';
import { Rows } from './rows.ts';
import { RUNS_FOLDER } from './stream-files.ts';

export interface NewBeginning {
  /** What lies aside now, names in the data folder. */
  readonly aside: readonly string[];
  /** Whose tokens go on being valid. */
  readonly kept: readonly TokenOwner[];
}

/**
 * Sets a damaged store aside and makes an empty one.
 * @param at ms since the epoch; stands in the names of what is set aside
 * @throws StoreError when the store is not damaged, or a relay serves it
 */
export function startAnew(dir: string, at: number): NewBeginning {
  const lock = ServeLock.take(dir);
  try {
    if (!existsSync(join(dir, DATABASE))) throw new StoreError(`there is no relay's data in ${dir}`);
    if (!isDamaged(dir)) {
      throw new StoreError(`the database ${join(dir, DATABASE)} is not damaged; nothing was changed`);
    }
    const tokens = readableTokens(dir);
    const aside = setAside(dir, at);
    const db = openDatabase(dir);
    try {
      const rows = new Rows(db);
      db.exec('BEGIN IMMEDIATE');
      for (const { hash, owner, since } of tokens) {
        if (owner.kind === 'host') rows.enroll(owner.name, since);
        rows.dropToken(owner);
        rows.addToken(hash, owner, since);
      }
      rows.addAudit({ at, who: 'command line', action: 'start-anew', subject: aside[0] ?? DATABASE });
      db.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE)');
    } finally {
      db.close();
    }
    return { aside, kept: tokens.map(({ owner }) => owner) };
  } finally {
    lock.release();
  }
}

/** Whether the database of a folder is damaged. Throws for any other reason why it cannot be used. */
export function isDamaged(dir: string): boolean {
  try {
    openDatabase(dir, { verify: true }).close();
    return false;
  } catch (error) {
    if (error instanceof DamagedDatabase) return true;
    throw error;
  }
}

/**
 * Gives the files of a store other names, with the time in them. The caller holds the folder's `ServeLock`.
 * @returns the names
 */
export function setAside(dir: string, at: number): readonly string[] {
  const time = new Date(at).toISOString().replace(/[-:]|\.\d+/g, '');
  const moved: string[] = [];
  // the log first: the database without it would be taken for whole
  for (const name of [`${DATABASE}-wal`, `${DATABASE}-shm`, DATABASE, RUNS_FOLDER]) {
    if (!existsSync(join(dir, name))) continue;
    const aside = name.replace(/^(relay\.db|runs)/, `$1.corrupt-${time}`);
    renameSync(join(dir, name), join(dir, aside));
    moved.push(aside);
  }
  syncFolder(dir);
  return moved.reverse();
}

interface Token {
  readonly hash: string;
  readonly owner: TokenOwner;
  readonly since: number;
}

/** Tokens of enrolled hosts and of operators, as far as the damage lets them be read; each is as it was written or left out. */
function readableTokens(dir: string): readonly Token[] {
  const tokens = new Map<string, Token>();
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(join(dir, DATABASE), { readOnly: true });
    const rows = db.prepare(
      `SELECT hash, kind, name, created_at FROM tokens
       WHERE kind = 'operator' OR name IN (SELECT host FROM hosts WHERE enrolled = 1)`,
    );
    for (const { hash, kind, name, created_at: since } of rows.iterate()) {
      const isWhole =
        typeof hash === 'string' &&
        /^[0-9a-f]{64}$/.test(hash) &&
        (kind === 'host' || kind === 'operator') &&
        hostNameSchema.safeParse(name).success;
      if (isWhole) tokens.set(hash, { hash, owner: { kind, name: String(name) }, since: Number(since) });
    }
  } catch {
    // what was read before the damage was met is good
  } finally {
    db?.close();
  }
  return [...tokens.values()];
}
