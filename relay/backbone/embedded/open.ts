import { chmodSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StoreError } from '../backbone.ts';
import { findDamage, isDamageError } from './damage.ts';
import { isDiskFull } from './disk-full.ts';
import { migrate } from './schema.ts';
import { sqliteCode } from './sqlite-code.ts';

/** The database's file in the data folder. */
export const DATABASE = 'relay.db';

/** The database does not hold together; the message says what to do. */
export class DamagedDatabase extends StoreError {
  constructor(path: string, what: string, cause?: unknown) {
    super(
      `the database ${path} is damaged (${what}); nothing was changed. Put a backup in its place (nixfleet-relay restore ` +
        'FILE) or begin an empty store (nixfleet-relay start-anew): both set the damaged one aside as ' +
        `${DATABASE}.corrupt-TIME. Without a backup tokens that can still be read stay valid, and the hosts refill the ` +
        'history of their runs',
      { cause },
    );
  }
}

/** The file of the lock in the data folder. */
export const SERVE_LOCK = 'serve.lock';

const SQLITE_BUSY = 5;

export interface OpenDatabaseOptions {
  /** Look through the whole database for damage first, as whoever is going to serve it does. */
  readonly verify?: boolean;
}

/**
 * Opens the relay's database, and makes it when there is none.
 * @throws StoreError, DamagedDatabase, NewerDatabase
 */
export function openDatabase(dir: string, { verify = false }: OpenDatabaseOptions = {}): DatabaseSync {
  const path = join(dir, DATABASE);
  let db: DatabaseSync | undefined;
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    // SQLite would take an empty file for a new database, and nobody would know why every token is refused
    if (statSync(path, { throwIfNoEntry: false })?.size === 0 && existsSync(join(dir, 'runs'))) {
      throw new DamagedDatabase(path, 'it is empty, and the output of runs lies beside it');
    }
    db = new DatabaseSync(path, { timeout: 5000 });
    chmodSync(path, 0o600);
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 67108864');
    migrate(db);
    const damage = verify ? findDamage(db) : undefined;
    if (damage !== undefined) throw new DamagedDatabase(path, damage);
    return db;
  } catch (error) {
    db?.close();
    if (isDamageError(error)) throw new DamagedDatabase(path, (error as Error).message, error);
    throw asUnusable(dir, error) ?? error;
  }
}

/**
 * Waits for the disk: everything that was committed before the call is durable after it. The log of a database in WAL
 * mode stays the same file while a connection is open, so it is opened once.
 */
export class WalSync {
  readonly #path: string;
  #handle: FileHandle | undefined;

  constructor(dir: string) {
    this.#path = join(dir, `${DATABASE}-wal`);
  }

  async sync(): Promise<void> {
    this.#handle ??= await open(this.#path, 'r+');
    await this.#handle.datasync();
  }

  async close(): Promise<void> {
    await this.#handle?.close();
  }
}

/**
 * The right to serve a data folder, which one process has at a time. It is an exclusive transaction on a small file:
 * the kernel drops it with its holder, whatever ends that.
 */
export class ServeLock {
  readonly #db: DatabaseSync;

  private constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /**
   * Takes it, in a folder that is made when it is missing.
   * @throws StoreError when another process has it, or the folder cannot be used
   */
  static take(dir: string): ServeLock {
    let db: DatabaseSync | undefined;
    try {
      mkdirSync(dir, { recursive: true, mode: 0o700 });
      db = new DatabaseSync(join(dir, SERVE_LOCK), { timeout: 0 });
      db.exec('BEGIN EXCLUSIVE');
      return new ServeLock(db);
    } catch (error) {
      db?.close();
      if (sqliteCode(error) === SQLITE_BUSY) {
        throw new StoreError(`another relay serves the data folder ${dir} already`, { cause: error });
      }
      throw asUnusable(dir, error) ?? error;
    }
  }

  release(): void {
    this.#db.close();
  }
}

/** An error that is the folder's, said for people; undefined for others. */
function asUnusable(dir: string, error: unknown): StoreError | undefined {
  if (isDiskFull(error)) {
    return new StoreError(`cannot use the data folder ${dir}: its disk is full. Make room and start again`, {
      cause: error,
    });
  }
  if (error instanceof Error && 'code' in error && /^(EACCES|EPERM|EROFS|ENOTDIR)$/.test(String(error.code))) {
    return new StoreError(`cannot use the data folder ${dir}: ${error.message}`, { cause: error });
  }
  return undefined;
}
