/**
 * A copy of the store in one file, made beside a relay that goes on. The tables are copied as they are at one moment, in
 * one read of the database. The files of output are copied after that, as far as the tables say that they go: they only
 * grow, unless a host lost power and its output was cut, which the database knows before a byte is written over.
 */
import { closeSync, existsSync, openSync, readSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StoreError } from '../backbone.ts';
import type { StreamState } from '../stream-state.ts';
import { BACKUP_FORMAT, BACKUP_TABLES, CHUNK_BYTES, ABOUT_TABLE, FILES_TABLE } from './backup-format.ts';
import { syncFile, syncFolder } from './files.ts';
import { DATABASE } from './open.ts';
import { Rows } from './rows.ts';
import { refuseNewer } from './schema.ts';
import { runFolder, streamFileName } from './stream-files.ts';
import { indexPath } from './stream-file.ts';

export interface BackupOptions {
  /** The data folder. */
  readonly dir: string;
  /** The backup; there must be none yet. */
  readonly file: string;
  readonly at: number;
  readonly relayVersion: string;
  /** Something that takes time begins, in tests. */
  readonly onStep?: (step: 'tables' | 'files') => void;
}

export interface Backup {
  readonly runs: number;
  /** Of the backup's file. */
  readonly bytes: number;
}

/**
 * Makes a backup. It has its name when it is whole and on disk.
 * @throws StoreError, NewerDatabase
 */
export function backUp(options: BackupOptions): Backup {
  const { dir } = options;
  const file = resolve(options.file);
  if (existsSync(file)) throw new StoreError(`${file} is there already; a backup is a new file`);
  if (!existsSync(join(dir, DATABASE))) throw new StoreError(`there is no relay's data in ${dir}`);
  const part = `${file}.part`;
  rmSync(part, { force: true });
  try {
    closeSync(openSync(part, 'wx', 0o600));
    const runs = fill(part, options);
    syncFile(part);
    const bytes = statSync(part).size;
    renameSync(part, file);
    syncFolder(dirname(file));
    return { runs, bytes };
  } catch (error) {
    for (const end of ['', '-journal']) rmSync(`${part}${end}`, { force: true });
    throw error;
  }
}

function fill(part: string, { dir, at, relayVersion, onStep }: BackupOptions): number {
  const store = new DatabaseSync(join(dir, DATABASE), { timeout: 5000 });
  let copy: DatabaseSync | undefined;
  try {
    refuseNewer(store);
    onStep?.('tables');
    store.prepare('VACUUM INTO ?').run(part);
    copy = new DatabaseSync(part);
    // it is one file until it is whole, and is synced then
    copy.exec(`PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN; ${BACKUP_TABLES}`);
    copy.prepare(`INSERT INTO ${ABOUT_TABLE} VALUES (?, ?, ?)`).run(BACKUP_FORMAT, at, relayVersion);
    onStep?.('files');
    const runs = copyFiles(dir, new Rows(store), copy);
    copy.exec('COMMIT');
    return runs;
  } finally {
    copy?.close();
    store.close();
  }
}

function copyFiles(dir: string, now: Rows, copy: DatabaseSync): number {
  const rows = new Rows(copy);
  const add = copy.prepare(`INSERT INTO ${FILES_TABLE} VALUES (?, ?, ?, ?, ?)`);
  const runs = rows.runs({ limit: Number.MAX_SAFE_INTEGER });
  for (const { summary } of runs) {
    const { runId, host } = summary;
    for (const { stream, state } of rows.streams(runId)) {
      const name = streamFileName(stream);
      const path = join(dir, runFolder(host, runId), name);
      const copied = copyFile(path, state.size, (offset, bytes) => add.run(host, runId, name, offset, bytes));
      copyFile(indexPath(path), Infinity, (offset, bytes) => add.run(host, runId, indexPath(name), offset, bytes));
      const whole = trusted(state, copied, now.stream(runId, stream));
      if (whole !== state) rows.putStream(runId, stream, whole);
    }
  }
  return runs.length;
}

/**
 * What a backup has of a stream of which `copied` bytes were copied after its state was taken, and whose state is `now`
 * afterwards. What it lacks the host is asked for when it is restored.
 */
export function trusted(taken: StreamState, copied: number, now: StreamState | undefined): StreamState {
  const cuts = now?.epochs.filter(({ epoch }) => !taken.epochs.some(known => known.epoch === epoch)) ?? [];
  const size = Math.min(taken.size, copied, ...cuts.map(({ offset }) => offset));
  return size === taken.size ? taken : { ...taken, size, ended: false };
}

/** Copies a file from its start; what is not there is not copied. Returns how many bytes were. */
function copyFile(path: string, size: number, take: (offset: number, bytes: Uint8Array) => void): number {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
  try {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    let offset = 0;
    while (offset < size) {
      const read = readSync(descriptor, chunk, 0, Math.min(CHUNK_BYTES, size - offset), offset);
      if (read === 0) break;
      take(offset, chunk.subarray(0, read));
      offset += read;
    }
    return offset;
  } finally {
    closeSync(descriptor);
  }
}
