import { constants } from 'node:fs';
import { mkdir, open, readFile, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  FRAME_HEADER_BYTES,
  MAX_FRAME_PAYLOAD,
  encodeFrame,
  writeFrameHeader,
  type OutputFrame,
  type Position,
  type RunId,
  type StreamName,
} from '../../../protocol/index.ts';
import type { AppendResult, FrameRead, RunNews } from '../backbone.ts';
import { endOf, planAppend, readFrom, type AppendPlan, type StreamState } from '../stream-state.ts';
import { StreamIndex, readMarks } from './stream-index.ts';

type FrameNews = Extract<RunNews, { kind: 'frame' }>;

export interface StreamFileOptions {
  readonly runId: RunId;
  readonly stream: StreamName;
  /** The file of the bytes; the index lies beside it. */
  readonly path: string;
  /** What is known to be on disk. */
  readonly recorded: StreamState;
  /** Writes down what is on disk, durably. */
  readonly record: (state: StreamState) => Promise<void>;
  /** Bytes can be read. */
  readonly onGrown: (news: FrameNews) => void;
  /** There is something to flush. */
  readonly onDirty: (file: StreamFile) => void;
}

interface Pending {
  readonly frame: OutputFrame;
  readonly data: Uint8Array;
  readonly plan: Extract<AppendPlan, { kind: 'append' }>;
  readonly resolve: (result: AppendResult) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * One stream of a run in one file. Chunks are planned when they come, written together while an earlier write is under
 * way, readable when they are written, and on disk after a flush.
 */
export class StreamFile {
  readonly #options: StreamFileOptions;
  readonly #handle: FileHandle;
  readonly #index: StreamIndex;
  /** What readers see. */
  #written: StreamState;
  /** What will be written when the queue is empty. */
  #planned: StreamState;
  #recorded: StreamState;
  #queue: Pending[] = [];
  #working = false;
  #busy = 0;
  #lastUsed = performance.now();

  private constructor(options: StreamFileOptions, handle: FileHandle, index: StreamIndex, state: StreamState) {
    this.#options = options;
    this.#handle = handle;
    this.#index = index;
    this.#written = this.#planned = state;
    this.#recorded = options.recorded;
  }

  /**
   * Opens or makes the file. Bytes beyond what was recorded are cut off: nobody knows whether and in which epoch they
   * were written, and the host sends them again. When bytes are missing the stream is shorter than was recorded.
   */
  static async open(options: StreamFileOptions): Promise<StreamFile> {
    const { path, recorded } = options;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const handle = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      const { size } = await handle.stat();
      if (size > recorded.size) await handle.truncate(recorded.size);
      const state = size < recorded.size ? { ...recorded, size, ended: false } : recorded;
      const marks = readMarks(await readFile(indexPath(path)).catch(() => new Uint8Array()), state.size);
      return new StreamFile(options, handle, new StreamIndex(marks), state);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  get state(): StreamState {
    return this.#written;
  }

  get path(): string {
    return this.#options.path;
  }

  /** Whether all of it is on disk and written down. */
  get isClean(): boolean {
    return this.#written === this.#recorded;
  }

  /** Whether nobody has used it for so long, ms, and all of it is on disk. */
  isIdle(since: number): boolean {
    return this.#busy === 0 && !this.#working && this.isClean && performance.now() - this.#lastUsed >= since;
  }

  append(frame: OutputFrame, data: Uint8Array): Promise<AppendResult> {
    this.#lastUsed = performance.now();
    const plan = planAppend(this.#planned, frame.at, frame.bytes.length, frame.end);
    if (plan.kind !== 'append') return Promise.resolve(plan);
    this.#planned = plan.next;
    return new Promise((resolve, reject) => {
      this.#queue.push({ frame, data, plan, resolve, reject });
      if (!this.#working) void this.#work();
    });
  }

  async read(from: Position, room?: Uint8Array): Promise<FrameRead> {
    this.#lastUsed = performance.now();
    this.#busy++;
    try {
      for (;;) {
        const state = this.#written;
        const at = readFrom(state, from);
        if (at.offset >= state.size) return { kind: 'none', at, ended: state.ended };
        const { time, until } = this.#index.at(at.offset);
        const length = Math.min(MAX_FRAME_PAYLOAD, state.size - at.offset, until - at.offset);
        const size = FRAME_HEADER_BYTES + length;
        const data = room?.subarray(0, size) ?? Buffer.allocUnsafe(size);
        await readFully(this.#handle, data, FRAME_HEADER_BYTES, at.offset, () => this.#written.epochs === state.epochs);
        // a cut came in between: what was read may be of neither epoch
        if (this.#written.epochs !== state.epochs) continue;
        const next = { epoch: at.epoch, offset: at.offset + length };
        const end = this.#written.ended && next.offset === this.#written.size;
        const { runId, stream } = this.#options;
        writeFrameHeader(data, { runId, stream, at, time, end });
        return { kind: 'frame', data, next, end };
      }
    } finally {
      this.#busy--;
    }
  }

  /** Puts what is written on disk and writes down that it is. */
  async flush(): Promise<void> {
    const state = this.#written;
    if (state === this.#recorded) return;
    this.#busy++;
    try {
      const marks = this.#index.unstored();
      await this.#handle.datasync();
      await this.#storeMarks(marks.position, marks.bytes);
      this.#index.stored(marks);
      // a cut in the meantime has written down more than this
      if (this.#written.epochs !== state.epochs) return;
      await this.#options.record(state);
      this.#recorded = state;
    } finally {
      this.#busy--;
      if (this.#written !== this.#recorded) this.#options.onDirty(this);
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #work(): Promise<void> {
    this.#working = true;
    while (this.#queue.length > 0) {
      const batch = this.#nextBatch();
      try {
        await this.#write(batch);
      } catch (error) {
        this.#planned = this.#written;
        for (const { reject } of [...batch, ...this.#queue.splice(0)]) reject(error);
        break;
      }
      const wasClean = this.#written === this.#recorded;
      for (const pending of batch) this.#publish(pending);
      if (wasClean) this.#options.onDirty(this);
    }
    this.#working = false;
  }

  /** Chunks up to the next cut, which begins a batch of its own. */
  #nextBatch(): Pending[] {
    const cut = this.#queue.findIndex(({ plan }, index) => index > 0 && plan.cutTo !== undefined);
    return this.#queue.splice(0, cut < 0 ? this.#queue.length : cut);
  }

  async #write(batch: readonly Pending[]): Promise<void> {
    let position = this.#written.size;
    const cutTo = batch[0]?.plan.cutTo;
    if (cutTo !== undefined) {
      // The new epoch must be known before its bytes stand where others stood, or a crash would leave a mixture.
      const epoch = batch[0]?.plan.next.epochs ?? this.#written.epochs;
      const cut: StreamState = { epochs: epoch, size: cutTo, ended: false };
      const before = this.#written;
      // from here on no flush writes down what was before the cut
      this.#written = cut;
      try {
        await this.#options.record(cut);
      } catch (error) {
        // not known on disk, so not done: the bytes behind it still stand
        this.#written = before;
        throw error;
      }
      this.#recorded = cut;
      await this.#handle.truncate(cutTo);
      this.#index.cut(cutTo);
      position = cutTo;
    }
    await writeFully(
      this.#handle,
      batch.map(({ frame, plan }) => frame.bytes.subarray(plan.skip)),
      position,
    );
  }

  #publish({ frame, data, plan, resolve }: Pending): void {
    const { runId, stream } = this.#options;
    const at = { epoch: frame.at.epoch, offset: frame.at.offset + plan.skip };
    if (frame.bytes.length > plan.skip) this.#index.note(at.offset, frame.time);
    this.#written = plan.next;
    this.#options.onGrown({
      kind: 'frame',
      stream,
      at,
      next: endOf(plan.next),
      end: plan.next.ended,
      data: plan.skip === 0 ? data : encodeFrame({ ...frame, runId, at, bytes: frame.bytes.subarray(plan.skip) }),
    });
    resolve({ kind: 'appended' });
  }

  async #storeMarks(position: number, bytes: Uint8Array): Promise<void> {
    const handle = await open(indexPath(this.#options.path), constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      await handle.truncate(position);
      if (bytes.length > 0) await writeFully(handle, [bytes], position);
      await handle.datasync();
    } finally {
      await handle.close();
    }
  }
}

/** Where the times of a stream's bytes lie. */
export function indexPath(path: string): string {
  return `${path}.idx`;
}

async function writeFully(handle: FileHandle, buffers: readonly Uint8Array[], position: number): Promise<void> {
  let rest = buffers.filter(buffer => buffer.length > 0);
  let at = position;
  while (rest.length > 0) {
    const { bytesWritten } = await handle.writev(rest.slice(0, IOV_MAX), at);
    at += bytesWritten;
    let skip = bytesWritten;
    while (rest[0] && skip >= rest[0].length) {
      skip -= rest[0].length;
      rest = rest.slice(1);
    }
    if (rest[0] && skip > 0) rest = [rest[0].subarray(skip), ...rest.slice(1)];
  }
}

/** Buffers that the kernel takes in one call. */
const IOV_MAX = 512;

/** Fills `data` from `start` on; gives up when the file was cut in the meantime. */
async function readFully(
  handle: FileHandle,
  data: Uint8Array,
  start: number,
  position: number,
  uncut: () => boolean,
): Promise<void> {
  let filled = start;
  while (filled < data.length) {
    const { bytesRead } = await handle.read(data, filled, data.length - filled, position + filled - start);
    if (bytesRead === 0) {
      if (!uncut()) return;
      throw new Error('a stream file is shorter than what was written to it: something else has cut it');
    }
    filled += bytesRead;
  }
}
