import { chmodSync, mkdirSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { migrate } from './schema.ts';

/** The database's file in the data folder. */
export const DATABASE = 'relay.db';

/** The store cannot be used; the message says why and what to do. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
}

const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

/**
 * Opens the relay's database, and makes it when there is none.
 * @throws StoreError, NewerDatabase
 */
export function openDatabase(dir: string): DatabaseSync {
  const path = join(dir, DATABASE);
  let db: DatabaseSync | undefined;
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    db = new DatabaseSync(path, { timeout: 5000 });
    chmodSync(path, 0o600);
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 67108864');
    migrate(db);
    return db;
  } catch (error) {
    db?.close();
    const code = sqliteCode(error);
    if (code === SQLITE_CORRUPT || code === SQLITE_NOTADB) {
      throw new StoreError(
        `the database ${path} is damaged (${(error as Error).message}). Move it and its -wal and -shm files away and ` +
          'start again: enrol hosts and operators anew, and the hosts refill the history of their runs',
        { cause: error },
      );
    }
    if (error instanceof Error && 'code' in error && /^(EACCES|EPERM|EROFS|ENOSPC|ENOTDIR)$/.test(String(error.code))) {
      throw new StoreError(`cannot use the data folder ${dir}: ${error.message}`, { cause: error });
    }
    throw error;
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

  /** Undefined when another process has it. */
  static take(dir: string): ServeLock | undefined {
    const db = new DatabaseSync(join(dir, 'serve.lock'), { timeout: 0 });
    try {
      db.exec('BEGIN EXCLUSIVE');
      return new ServeLock(db);
    } catch (error) {
      db.close();
      if (sqliteCode(error) === SQLITE_BUSY) return undefined;
      throw error;
    }
  }

  release(): void {
    this.#db.close();
  }
}

function sqliteCode(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : undefined;
}
