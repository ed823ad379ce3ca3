import type { DatabaseSync } from 'node:sqlite';
import { DiskFull } from '../backbone.ts';
import { isDamageError } from './damage.ts';
import { isDiskFull } from './disk-full.ts';
import { sqliteCode } from './sqlite-code.ts';

const SQLITE_BUSY = 5;

/** Milliseconds of work in one transaction at the most, so that the loop comes back to its sockets. */
const BATCH_MS = 10;
/** Milliseconds until a database that another process writes to is tried again. */
const BUSY_RETRY_MS = 5;

interface Job {
  readonly work: () => unknown;
  readonly committed: (result: unknown) => void;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Writes of one turn of the loop go into one transaction, and one sync of the log makes all transactions durable that
 * were committed before it began. The database runs with `synchronous = NORMAL`, in which a commit writes to the log
 * and does not wait for the disk; `sync` is the wait, off the loop. (With `FULL` SQLite does the same sync in the commit
 * and blocks the loop.)
 */
export class GroupCommit {
  readonly #db: DatabaseSync;
  readonly #sync: () => Promise<void>;
  readonly #onFatal: (error: unknown) => void;
  #jobs: Job[] = [];
  /** Committed, and not known to be durable yet. */
  #committed: { readonly job: Job; readonly result: unknown }[] = [];
  #scheduled = false;
  #syncing = false;
  #failed: { readonly error: unknown } | undefined;
  #idle: (() => void)[] = [];

  /**
   * @param sync makes everything durable that was committed before the call
   * @param onFatal a sync failed, or the database is damaged: what is on disk is not known any more, and only a new
   * process can find out
   */
  constructor(db: DatabaseSync, sync: () => Promise<void>, onFatal: (error: unknown) => void) {
    this.#db = db;
    this.#sync = sync;
    this.#onFatal = onFatal;
  }

  /**
   * Runs `work` inside a transaction, in the order of the calls. The promise resolves when its changes are durable, and
   * rejects, with nothing changed, when `work` or the commit throws; with `DiskFull` when that is why.
   * @param committed is called with the result when readers can see the changes, before they are durable
   */
  write<T>(work: () => T, committed?: (result: T) => void): Promise<T> {
    if (this.#failed) return Promise.reject(asError(this.#failed.error));
    return new Promise<T>((resolve, reject) => {
      this.#jobs.push({
        work,
        committed: result => committed?.(result as T),
        resolve: result => resolve(result as T),
        reject: error => reject(isDiskFull(error) ? new DiskFull(error) : asError(error)),
      });
      this.#schedule();
    });
  }

  /** Resolves when nothing is left to commit or to sync. */
  async drained(): Promise<void> {
    if (this.#isIdle) return;
    await new Promise<void>(resolve => this.#idle.push(resolve));
  }

  /** Resolves when nothing is left to commit or to sync, and takes no more: later writes are rejected. */
  async end(): Promise<void> {
    while (!this.#isIdle) await this.drained();
    this.#failed ??= { error: new Error('the store is closed') };
  }

  get #isIdle(): boolean {
    return this.#jobs.length === 0 && this.#committed.length === 0 && !this.#syncing;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#commit());
  }

  #commit(): void {
    this.#scheduled = false;
    if (this.#failed) {
      this.#rejectAll(this.#failed.error);
      return;
    }
    try {
      this.#db.exec('BEGIN IMMEDIATE');
    } catch (error) {
      if (isBusy(error)) {
        this.#scheduled = true;
        setTimeout(() => this.#commit(), BUSY_RETRY_MS);
        return;
      }
      this.#rejectAll(error);
      return;
    }
    const done: { readonly job: Job; readonly result: unknown }[] = [];
    const until = performance.now() + BATCH_MS;
    do {
      const job = this.#jobs.shift();
      if (!job) break;
      const result = this.#attempt(job);
      if (result) done.push({ job, result: result.value });
      // such as a full disk: SQLite has rolled everything back by itself
      if (!this.#db.isTransaction) break;
    } while (performance.now() < until);
    try {
      this.#db.exec('COMMIT');
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      for (const { job } of done) job.reject(error);
      this.#next();
      return;
    }
    for (const { job, result } of done) job.committed(result);
    this.#committed.push(...done);
    this.#next();
  }

  /** Runs one job so that its failure undoes it alone. */
  #attempt(job: Job): { readonly value: unknown } | undefined {
    try {
      this.#db.exec('SAVEPOINT job');
      const value = job.work();
      this.#db.exec('RELEASE job');
      return { value };
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK TO job; RELEASE job');
      job.reject(error);
      if (isDamageError(error)) this.#onFatal(error);
      return undefined;
    }
  }

  #next(): void {
    if (this.#jobs.length > 0) this.#schedule();
    if (this.#committed.length > 0 && !this.#syncing) void this.#syncCommitted();
    this.#tellIdle();
  }

  async #syncCommitted(): Promise<void> {
    this.#syncing = true;
    while (this.#committed.length > 0 && !this.#failed) {
      const batch = this.#committed;
      this.#committed = [];
      try {
        await this.#sync();
        for (const { job, result } of batch) job.resolve(result);
      } catch (error) {
        this.#failed = { error };
        for (const { job } of [...batch, ...this.#committed.splice(0)]) job.reject(error);
        this.#rejectAll(error);
        this.#onFatal(error);
      }
    }
    this.#syncing = false;
    this.#tellIdle();
  }

  #rejectAll(error: unknown): void {
    const jobs = this.#jobs;
    this.#jobs = [];
    for (const job of jobs) job.reject(error);
    this.#tellIdle();
  }

  #tellIdle(): void {
    if (this.#jobs.length > 0 || this.#committed.length > 0 || this.#syncing) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}

function isBusy(error: unknown): boolean {
  return sqliteCode(error) === SQLITE_BUSY;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
