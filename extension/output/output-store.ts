/**
 * The output of runs as this window received it: one file a run with the very bytes, resumable to the byte after a
 * reload or a crash. Frames come in from the relay; out go rows for the panel, text for the output channel, and the
 * position from which the relay is asked to go on. Knows nothing of VS Code.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { planChunk, type OutputFrame, type Position, type RunId } from '../../protocol/index.ts';
import { Emitter, type Event } from '../base/event.ts';
import { OutputFile } from './output-file.ts';
import { RowIndex } from './row-index.ts';
import { RowScanner, type RowStart } from './row-scanner.ts';
import { TimeIndex } from './time-index.ts';

/** A line of output, or 4,096 bytes of a longer one. */
export interface Row {
  /** Without the newline; with its escape sequences, beginning with the colours that are on where the row begins. */
  readonly text: string;
  /** When it was written on the host, ms since the epoch, within a tenth of a second or so; null if that is not known. */
  readonly time: number | null;
  /** Whether it goes on with the line of the row before. */
  readonly continued: boolean;
}

/** What became of a frame: see `planChunk`. `failed`: the disk does not take it; {@link OutputStore.failure} says why. */
export type AppendResult = 'append' | 'duplicate' | 'gap' | 'failed';

/** Bytes that are written and indexed in one go; between two the event loop turns. */
const BATCH_BYTES = 512 * 1024;
/** Bytes on their way to the disk above which a store is behind, and at or below which it has room again. */
const BEHIND_BYTES = 1024 * 1024;
const ROOM_BYTES = 512 * 1024;
const READ_BYTES = 64 * 1024;

interface Pending {
  readonly bytes: Uint8Array;
  readonly time: number;
  readonly epoch: number;
  /** The copy ends here from now on, before the bytes are added. */
  readonly cutTo: number | undefined;
  readonly end: boolean;
}

export class OutputStore {
  readonly #file: OutputFile;
  readonly #rows = new RowIndex();
  readonly #times = new TimeIndex();
  readonly #appended = new Emitter<void>();
  readonly #cutBack = new Emitter<number>();
  #position: Position;
  #size = 0;
  #ended = false;
  #endPlanned: boolean;
  #revision = 0;
  #failure: Error | undefined;
  #pending: Pending[] = [];
  /** Of what is pending and of what is being written. */
  #pendingBytes = 0;
  #waiters: (() => void)[] = [];
  #draining: Promise<void> | undefined;
  #disposed = false;

  /** Something was added to the file, or cut off it, or the output has ended, or the disk has failed. */
  readonly onDidAppend: Event<void> = this.#appended.event;

  /** The file was cut back to so many bytes: whoever has read further goes on from there. */
  readonly onDidCut: Event<number> = this.#cutBack.event;

  private constructor(file: OutputFile) {
    this.#file = file;
    this.#position = { epoch: file.epoch, offset: file.size };
    this.#endPlanned = file.ended;
  }

  /**
   * Opens a run's output in a folder, which is made if it is not there, and finds out where its rows are. A store is
   * open once at a time in a process. Rejects when the disk refuses.
   */
  static async open(folder: string, runId: RunId): Promise<OutputStore> {
    await mkdir(folder, { recursive: true });
    const store = new OutputStore(await OutputFile.open(join(folder, runId)));
    try {
      await store.#indexFile();
    } catch (error) {
      await store.#file.close();
      throw error;
    }
    return store;
  }

  /** The file with the bytes. */
  get path(): string {
    return this.#file.path;
  }

  /** What to ask the relay to go on from. Runs ahead of {@link size} by what is on its way to the disk. */
  get position(): Position {
    return this.#position;
  }

  /** Bytes in the file. */
  get size(): number {
    return this.#size;
  }

  /** Whether the file holds all of the output that there will ever be. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Whether so much is on its way to the disk that nothing should be added before {@link room}. */
  get isBehind(): boolean {
    return this.#pendingBytes > BEHIND_BYTES;
  }

  /** Grows when bytes were cut off: rows that were read before may be no more. */
  get revision(): number {
    return this.#revision;
  }

  /** Why nothing more is taken, such as a full disk; {@link position} is then where the file ends. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Rows in the file, counting the one that has no end yet. */
  get rowCount(): number {
    return this.#rows.rowCount;
  }

  /**
   * Takes a frame. What is new in it will be in the file soon, in order; {@link flush} waits for that. A frame of another
   * stream is a mistake of the caller and throws.
   */
  append(frame: OutputFrame): AppendResult {
    if (frame.stream !== 'output') throw new TypeError(`a store of output does not take ${frame.stream}`);
    if (this.#failure || this.#disposed) return 'failed';
    const plan = planChunk(this.#position, frame.at, frame.bytes.length);
    if (plan.kind === 'gap') return 'gap';
    if (plan.kind === 'append') {
      this.#position = plan.next;
      this.#endPlanned = frame.end;
      const bytes = frame.bytes.subarray(plan.skip);
      this.#enqueue({ bytes, time: frame.time, epoch: plan.next.epoch, cutTo: plan.cutTo, end: frame.end });
    } else if (frame.end && !this.#endPlanned && this.#endsHere(frame)) {
      this.#endPlanned = true;
      const { time, at } = frame;
      this.#enqueue({ bytes: new Uint8Array(), time, epoch: at.epoch, cutTo: undefined, end: true });
    }
    return plan.kind;
  }

  /** Bytes of the file, fewer at its end. */
  read(offset: number, length: number): Promise<Buffer> {
    return this.#file.read(offset, Math.max(0, Math.min(length, this.#size - offset)));
  }

  /** Rows from number `from` (the first is 0) on, fewer at the end. All of one {@link revision}. */
  async rows(from: number, count: number): Promise<Row[]> {
    for (;;) {
      const revision = this.#revision;
      const rows = await this.#readRows(from, count);
      if (revision === this.#revision) return rows;
    }
  }

  /** Resolves when the disk has caught up, or will not. */
  async room(): Promise<void> {
    if (this.#pendingBytes > ROOM_BYTES) await new Promise<void>(resolve => this.#waiters.push(resolve));
  }

  /** Resolves when all that was appended is in the file; rejects when the disk refused it. */
  async flush(): Promise<void> {
    while (this.#draining) await this.#draining;
    if (this.#failure) throw this.#failure;
  }

  /** Writes what is pending and closes the file. Nothing is taken any more. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    while (this.#draining) await this.#draining;
    this.#appended.dispose();
    this.#cutBack.dispose();
    await this.#file.close();
  }

  #endsHere(frame: OutputFrame): boolean {
    return frame.at.epoch === this.#position.epoch && frame.at.offset + frame.bytes.length === this.#position.offset;
  }

  #enqueue(pending: Pending): void {
    this.#pending.push(pending);
    this.#pendingBytes += pending.bytes.length;
    this.#draining ??= this.#drain();
  }

  async #drain(): Promise<void> {
    // frames of the same turn of the event loop go to the disk together
    await Promise.resolve();
    while (this.#pending.length > 0 && !this.#failure) {
      const batch = this.#takeBatch();
      try {
        await this.#writeBatch(batch);
        this.#pendingBytes -= sizeOf(batch);
      } catch (error) {
        this.#failure = error instanceof Error ? error : new Error(String(error));
        this.#pending = [];
        this.#pendingBytes = 0;
        this.#position = { epoch: this.#file.epoch, offset: this.#size };
      }
      if (this.#pendingBytes <= ROOM_BYTES) for (const resolve of this.#waiters.splice(0)) resolve();
      this.#appended.fire();
    }
    this.#draining = undefined;
  }

  /** The frames that go to the disk next: up to a cut or an end, and not too many at once. */
  #takeBatch(): [Pending, ...Pending[]] {
    const [first, ...others] = this.#pending;
    if (!first) throw new Error('nothing is pending');
    const batch: [Pending, ...Pending[]] = [first];
    let bytes = first.bytes.length;
    for (const next of others) {
      if (batch.at(-1)?.end || next.cutTo !== undefined || next.epoch !== first.epoch || bytes >= BATCH_BYTES) break;
      batch.push(next);
      bytes += next.bytes.length;
    }
    this.#pending.splice(0, batch.length);
    return batch;
  }

  async #writeBatch(batch: [Pending, ...Pending[]]): Promise<void> {
    const [first] = batch;
    if (first.cutTo !== undefined) await this.#cut(first.cutTo);
    await this.#file.beginEpoch(first.epoch);
    await this.#file.write(
      this.#size,
      batch.map(({ bytes }) => bytes),
    );
    for (const { bytes, time } of batch) this.#index(bytes, time);
    await this.#file.writeTimes(this.#times);
    if (batch.at(-1)?.end) {
      await this.#file.end(this.#size);
      this.#ended = true;
    }
  }

  #index(bytes: Uint8Array, time: number): void {
    if (bytes.length === 0) return;
    this.#times.note(this.#size, time);
    this.#rows.push(bytes);
    this.#size += bytes.length;
  }

  async #cut(to: number): Promise<void> {
    // twice: what is read meanwhile belongs to neither what was nor what will be
    this.#revision += 1;
    await this.#file.truncate(to);
    this.#revision += 1;
    this.#size = to;
    this.#ended = false;
    this.#times.cut(to);
    this.#cutBack.fire(to);
    const from = this.#rows.cut(to).start.offset;
    this.#rows.push(await this.#file.read(from, to - from));
  }

  async #indexFile(): Promise<void> {
    const size = this.#file.size;
    this.#times.decode(await this.#file.readTimes(), size);
    while (this.#size < size) {
      const bytes = await this.#file.read(this.#size, Math.min(BATCH_BYTES, size - this.#size));
      if (bytes.length === 0) throw new Error(`${this.#file.path} became shorter while it was read`);
      this.#rows.push(bytes);
      this.#size += bytes.length;
    }
    this.#ended = this.#file.ended;
  }

  async #readRows(from: number, count: number): Promise<Row[]> {
    const rows: Row[] = [];
    const size = this.#size;
    const mark = this.#rows.markBefore(from);
    const scanner = new RowScanner(mark.start);
    let row = mark.row;
    for (let at = mark.start.offset; at < size && rows.length < count;) {
      const bytes = await this.#file.read(at, Math.min(READ_BYTES, size - at));
      if (bytes.length === 0) break;
      at += bytes.length;
      for (const scanned of scanner.push(bytes)) {
        if (rows.length === count) break;
        if (row >= from) rows.push(this.#rowOf(scanned.start, scanned.data.subarray(scanned.from, scanned.to)));
        row += 1;
      }
    }
    const { open } = scanner;
    if (open && row >= from && rows.length < count) rows.push(this.#rowOf(open.start, open.bytes));
    return rows;
  }

  #rowOf({ offset, sgr, continued }: RowStart, bytes: Buffer): Row {
    const line = bytes.at(-1) === 0x0d ? bytes.subarray(0, -1) : bytes;
    return { text: sgr + line.toString('utf8'), time: this.#times.at(offset) ?? null, continued };
  }
}

function sizeOf(batch: readonly Pending[]): number {
  return batch.reduce((sum, { bytes }) => sum + bytes.length, 0);
}
