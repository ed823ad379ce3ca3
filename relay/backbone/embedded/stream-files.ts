import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { runIdSchema, type RunId, type StreamName } from '../../../protocol/index.ts';
import type { RunNews } from '../backbone.ts';
import { EMPTY_STREAM, type StreamState } from '../stream-state.ts';
import { StreamFile } from './stream-file.ts';

/** Milliseconds from the first byte that is not on disk to the flush that puts it there. */
const FLUSH_MS = 250;
/** Milliseconds after which a file that nobody uses is closed. */
const IDLE_MS = 30_000;

/** As many as Node has threads for. */
const FLUSHES_AT_ONCE = 4;

const FILE_NAMES: Record<StreamName, string> = {
  output: 'output.log',
  'lock-before': 'lock-before.json',
  'lock-after': 'lock-after.json',
};

const STREAM_NAMES = Object.keys(FILE_NAMES) as StreamName[];

/** Below the data folder: the files of all runs. */
export const RUNS_FOLDER = 'runs';

/** Where the files of a run lie below the data folder. */
export function runFolder(host: string, runId: RunId): string {
  return join(RUNS_FOLDER, host, runId);
}

/** The name of a stream's file in the folder of its run. */
export function streamFileName(stream: StreamName): string {
  return FILE_NAMES[stream];
}

export interface StreamFilesOptions {
  /** The relay's data folder. */
  readonly dir: string;
  /** What the database knows of a stream; `host` says in which folder the run's files lie. Throws `UnknownRun`. */
  readonly recorded: (runId: RunId, stream: StreamName) => Recorded;
  readonly record: (runId: RunId, stream: StreamName, state: StreamState) => Promise<void>;
  readonly onNews: (runId: RunId, news: RunNews) => void;
  /** A flush failed. The file is opened anew when it is needed, as it was at its last flush; the rest has to come again. */
  readonly onError: (error: unknown, runId: RunId) => void;
}

export interface Recorded {
  readonly host: string;
  /** Undefined when nothing of the stream was ever on disk. */
  readonly state: StreamState | undefined;
}

export class UnknownRun extends Error {
  override readonly name = 'UnknownRun';
}

/** The files of all streams, `runs/HOST/RUN ID/…`: opened when they are used, flushed together, closed when idle. */
export class StreamFiles {
  readonly #options: StreamFilesOptions;
  readonly #files = new Map<string, Promise<StreamFile>>();
  readonly #opened = new Map<string, StreamFile>();
  readonly #closing = new Map<string, Promise<void>>();
  readonly #dirty = new Map<StreamFile, string>();
  /** Files whose names are on disk, and folders of which that is true. */
  readonly #synced = new Set<string>();
  #flushTimer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> = Promise.resolve();
  readonly #sweepTimer: NodeJS.Timeout;

  constructor(options: StreamFilesOptions) {
    this.#options = options;
    this.#sweepTimer = setInterval(() => this.#closeIdle(), IDLE_MS / 3).unref();
  }

  /** The stream's file if it ever had one. Rejects like `file`. */
  async existing(runId: RunId, stream: StreamName): Promise<StreamFile | undefined> {
    const known = this.#files.get(`${runId}/${stream}`);
    if (known) return known;
    return this.#options.recorded(runId, stream).state && this.file(runId, stream);
  }

  /** The stream's file, opened or made. Rejects with `UnknownRun`, or when the file system refuses. */
  file(runId: RunId, stream: StreamName): Promise<StreamFile> {
    const key = `${runId}/${stream}`;
    const known = this.#files.get(key);
    if (known) return known;
    const file = this.#open(key, runId, stream);
    this.#files.set(key, file);
    file.catch(() => this.#files.delete(key));
    return file;
  }

  /** How much there is of those of a run's streams whose files are open. */
  openStates(runId: RunId): readonly (readonly [StreamName, StreamState])[] {
    return STREAM_NAMES.flatMap(stream => {
      const file = this.#opened.get(`${runId}/${stream}`);
      return file ? [[stream, file.state] as const] : [];
    });
  }

  /**
   * Takes a run's files away in two steps, so that a crash in between leaves either all or nothing to be found: they
   * are moved aside, then the caller forgets the run, then they are deleted. Where it does not forget it, or cannot, they
   * are moved back.
   * @param forget false when the run is to stay after all
   * @returns whether the run is gone
   */
  async remove(runId: RunId, host: string, forget: () => Promise<boolean>): Promise<boolean> {
    for (const stream of STREAM_NAMES) await this.#drop(`${runId}/${stream}`);
    const folder = this.#folder(host, runId);
    const aside = join(this.#trash, runId);
    await mkdir(this.#trash, { recursive: true, mode: 0o700 });
    await rename(folder, aside).catch((error: unknown) => {
      if (!isMissing(error)) throw error;
    });
    let isForgotten = false;
    try {
      isForgotten = await forget();
    } finally {
      if (!isForgotten) await this.#putBack(aside, folder, runId);
    }
    if (!isForgotten) return false;
    for (const path of [folder, ...STREAM_NAMES.map(stream => join(folder, FILE_NAMES[stream]))])
      this.#synced.delete(path);
    await rm(aside, { recursive: true, force: true });
    return true;
  }

  /** What came in the meantime began at nothing, and stands in the way of all the rest. */
  async #putBack(aside: string, folder: string, runId: RunId): Promise<void> {
    for (const stream of STREAM_NAMES) await this.#drop(`${runId}/${stream}`);
    await rm(folder, { recursive: true, force: true });
    await rename(aside, folder).catch((error: unknown) => {
      if (!isMissing(error)) throw error;
    });
  }

  /**
   * Ends what an interrupted removal left behind: files of runs that were not forgotten yet go back, others are deleted.
   * @param hostOf the host of a run that is known
   */
  async emptyTrash(hostOf: (runId: RunId) => string | undefined): Promise<void> {
    for (const name of await readdir(this.#trash).catch(() => [])) {
      const aside = join(this.#trash, name);
      const runId = runIdSchema.safeParse(name);
      const host = runId.success ? hostOf(runId.data) : undefined;
      // what began anew in its place in the meantime is what was recorded last
      const isBack =
        runId.success &&
        host !== undefined &&
        (await rename(aside, this.#folder(host, runId.data)).then(
          () => true,
          () => false,
        ));
      if (!isBack) await rm(aside, { recursive: true, force: true });
    }
  }

  /** Everything that was written is on disk when it resolves. */
  async flush(): Promise<void> {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    this.#flushing = this.#flushing.then(() => this.#flushAll());
    await this.#flushing;
  }

  async close(): Promise<void> {
    clearInterval(this.#sweepTimer);
    await this.flush();
    clearTimeout(this.#flushTimer);
    for (const key of [...this.#files.keys()]) await this.#drop(key);
  }

  get #trash(): string {
    return join(this.#options.dir, RUNS_FOLDER, '.trash');
  }

  #folder(host: string, runId: RunId): string {
    return join(this.#options.dir, runFolder(host, runId));
  }

  async #open(key: string, runId: RunId, stream: StreamName): Promise<StreamFile> {
    await this.#closing.get(key);
    const { host, state = EMPTY_STREAM } = this.#options.recorded(runId, stream);
    const file = await StreamFile.open({
      runId,
      stream,
      path: join(this.#folder(host, runId), FILE_NAMES[stream]),
      recorded: state,
      record: next => this.#options.record(runId, stream, next),
      onGrown: news => this.#options.onNews(runId, news),
      onDirty: dirty => this.#markDirty(dirty, key),
    });
    this.#opened.set(key, file);
    if (!file.isClean) this.#markDirty(file, key);
    return file;
  }

  #markDirty(file: StreamFile, key: string): void {
    this.#dirty.set(file, key);
    this.#flushTimer ??= setTimeout(() => void this.flush(), FLUSH_MS);
  }

  async #flushAll(): Promise<void> {
    const files = [...this.#dirty];
    this.#dirty.clear();
    const next = async (): Promise<void> => {
      for (let entry = files.pop(); entry; entry = files.pop()) await this.#flushOne(...entry);
    };
    await Promise.all(Array.from({ length: FLUSHES_AT_ONCE }, next));
  }

  async #flushOne(file: StreamFile, key: string): Promise<void> {
    try {
      await this.#syncName(file.path);
      await file.flush();
    } catch (error) {
      await this.#drop(key);
      this.#options.onError(error, key.slice(0, key.indexOf('/')) as RunId);
    }
  }

  /** A new file is on disk when its folder is, and the folder when its parents are. */
  async #syncName(file: string): Promise<void> {
    if (this.#synced.has(file)) return;
    const folder = dirname(file);
    const above = [dirname(folder), dirname(dirname(folder)), this.#options.dir];
    for (const path of this.#synced.has(folder) ? [folder] : [folder, ...above]) {
      const handle = await open(path, 'r');
      await handle.sync().finally(() => handle.close());
    }
    this.#synced.add(folder).add(file);
  }

  #closeIdle(): void {
    for (const [key, file] of this.#opened) {
      if (file.isIdle(IDLE_MS)) void this.#drop(key);
    }
  }

  /** Closes a file; who wants it again waits until it is closed and opens it as it was recorded. */
  async #drop(key: string): Promise<void> {
    const opening = this.#files.get(key);
    if (!opening) return;
    this.#files.delete(key);
    this.#opened.delete(key);
    const closed = (async () => {
      await this.#closing.get(key);
      const file = await opening.catch(() => undefined);
      if (!file) return;
      this.#dirty.delete(file);
      await file.close();
    })();
    this.#closing.set(key, closed);
    try {
      await closed;
    } finally {
      if (this.#closing.get(key) === closed) this.#closing.delete(key);
    }
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
