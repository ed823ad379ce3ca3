import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { hostNameSchema, runIdSchema } from '../../../protocol/index.ts';
import { StoreError } from '../backbone.ts';
import { ABOUT_TABLE, BACKUP_FORMAT, FILES_TABLE } from './backup-format.ts';
import { isDamageError } from './damage.ts';
import { syncFile, syncFolder } from './files.ts';
import { DATABASE, SERVE_LOCK, ServeLock } from './open.ts';
import { refuseNewer, versionOf } from './schema.ts';
import { isDamaged, setAside } from './set-aside.ts';
import { RUNS_FOLDER, runFolder } from './stream-files.ts';

export interface Restored {
  /** When the backup was made, ms since the epoch. */
  readonly at: number;
  readonly runs: number;
  /** A damaged store that was in the way, names in the data folder. */
  readonly aside: readonly string[];
}

/**
 * Makes a data folder from a backup. A damaged store that is there is set aside; one that is not damaged is left alone.
 * The database comes last: a folder that was restored halfway has none, and can be restored into again.
 * @param now ms since the epoch
 * @throws StoreError, NewerDatabase
 */
export function restore(dir: string, file: string, now: number): Restored {
  const backup = openBackup(resolve(file));
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const lock = ServeLock.take(dir);
    try {
      const aside = makeRoom(dir, now);
      writeFiles(dir, backup);
      writeDatabase(dir, resolve(file), backup);
      giveToOwner(dir);
      const about = backup.prepare(`SELECT at, (SELECT count(*) FROM runs) AS runs FROM ${ABOUT_TABLE}`).get();
      return { at: Number(about?.['at']), runs: Number(about?.['runs']), aside };
    } finally {
      lock.release();
    }
  } finally {
    backup.close();
  }
}

function openBackup(file: string): DatabaseSync {
  if (!existsSync(file)) throw new StoreError(`there is no ${file}`);
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file, { readOnly: true });
    const isBackup = db.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').get(ABOUT_TABLE) !== undefined;
    if (!isBackup) throw new StoreError(`${file} is not a backup of a relay`);
    const format = Number(db.prepare(`SELECT format FROM ${ABOUT_TABLE}`).get()?.['format']);
    if (format !== BACKUP_FORMAT) {
      throw new StoreError(
        `${file} is a backup of format ${format}, and this relay knows ${BACKUP_FORMAT}: use the newer`,
      );
    }
    refuseNewer(db);
    const found = db.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
    if (found !== 'ok') throw new StoreError(`the backup ${file} is damaged (${String(found)}); use another one`);
    return db;
  } catch (error) {
    db?.close();
    if (isDamageError(error)) {
      const why = (error as Error).message;
      throw new StoreError(`${file} is no backup of a relay, or damaged (${why}); use another one`, { cause: error });
    }
    throw error;
  }
}

/** The place where a store is to be made: what is whole stays, what is damaged goes aside. */
function makeRoom(dir: string, now: number): readonly string[] {
  if (!existsSync(join(dir, DATABASE))) {
    // left by a restoration that was interrupted
    rmSync(join(dir, RUNS_FOLDER), { recursive: true, force: true });
    return [];
  }
  if (!isDamaged(dir)) {
    throw new StoreError(`${dir} has a store that is not damaged; move the folder away, or name another one`);
  }
  return setAside(dir, now);
}

function writeFiles(dir: string, backup: DatabaseSync): void {
  const rows = backup.prepare(`SELECT * FROM ${FILES_TABLE} ORDER BY host, run_id, name, offset`);
  let open: { readonly path: string; readonly descriptor: number } | undefined;
  const close = (): void => {
    if (open) closeSync(open.descriptor);
    if (open) syncFile(open.path);
    open = undefined;
  };
  try {
    for (const { host, run_id: runId, name, offset, bytes } of rows.iterate()) {
      const folder = join(dir, runFolder(hostNameSchema.parse(host), runIdSchema.parse(runId)));
      const path = join(folder, fileName(name));
      if (open?.path !== path) {
        close();
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        open = { path, descriptor: openSync(path, 'wx', 0o600) };
      }
      writeFully(open.descriptor, bytes as Uint8Array, Number(offset));
    }
  } finally {
    close();
  }
  for (const path of folders(join(dir, RUNS_FOLDER))) syncFolder(path);
}

function writeFully(descriptor: number, bytes: Uint8Array, offset: number): void {
  for (let done = 0; done < bytes.length;)
    done += writeSync(descriptor, bytes, done, bytes.length - done, offset + done);
}

function fileName(name: unknown): string {
  if (typeof name === 'string' && /^[a-z-]+\.(?:log|json)(?:\.idx)?$/.test(name)) return name;
  throw new StoreError(`the backup has a file of the name ${JSON.stringify(name)}, which no relay makes`);
}

/** Copies all tables but those of the backup itself, as they are; the first start brings them to its own version. */
function writeDatabase(dir: string, file: string, backup: DatabaseSync): void {
  const part = join(dir, `${DATABASE}.part`);
  rmSync(part, { force: true });
  const db = new DatabaseSync(part);
  try {
    chmodSync(part, 0o600);
    db.exec('PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF');
    db.prepare('ATTACH ? AS backup').run(file);
    const things = backup
      .prepare(
        "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'backup!_%' ESCAPE '!'",
      )
      .all();
    const ofType = (type: string) => things.filter(thing => thing['type'] === type);
    db.exec('BEGIN');
    for (const { name, sql } of ofType('table')) {
      db.exec(String(sql));
      db.exec(`INSERT INTO main."${String(name)}" SELECT * FROM backup."${String(name)}"`);
    }
    for (const { sql } of things.filter(({ type }) => type !== 'table')) db.exec(String(sql));
    db.exec(`PRAGMA main.user_version = ${versionOf(backup)}; COMMIT`);
  } finally {
    db.close();
  }
  syncFile(part);
  renameSync(part, join(dir, DATABASE));
  syncFolder(dir);
}

/** What root makes in the folder of a service would be closed to the service. */
function giveToOwner(dir: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(dir);
  const runs = join(dir, RUNS_FOLDER);
  const files = folders(runs).flatMap(path => readdirSync(path).map(name => join(path, name)));
  for (const path of [join(dir, DATABASE), join(dir, SERVE_LOCK), runs, ...files]) {
    if (existsSync(path)) chownSync(path, uid, gid);
  }
}

/** A folder, those below it, and so on. */
function folders(top: string): readonly string[] {
  if (!existsSync(top)) return [];
  const below = readdirSync(top, { withFileTypes: true }).filter(entry => entry.isDirectory());
  return [top, ...below.flatMap(entry => folders(join(top, entry.name)))];
}
