import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import {
  FRAME_HEADER_BYTES,
  MAX_FRAME_PAYLOAD,
  resumeFrom,
  START,
  writeFrameHeader,
  type Position,
  type RunId,
  type StreamName,
} from '../../protocol/index.ts';
import type { FrameBuffers } from './frame-buffers.ts';
import { OutputIndex } from './output-index.ts';
import { fill } from './read-up-to.ts';

/** An encoded frame. */
export interface EncodedFrame {
  readonly frame: Uint8Array;
  /** Another can follow at once. */
  readonly more: boolean;
  /** To be called when the frame's bytes are not read any more. */
  readonly release: () => void;
}

/** A stream as one reader gets it. */
export interface StreamReader {
  /** The next frame; undefined when there is nothing to say now. */
  next(): Promise<EncodedFrame | undefined>;
  /** The end has been said. */
  readonly isDone: boolean;
}

interface StreamOptions {
  readonly buffers: FrameBuffers;
  readonly runId: RunId;
  readonly path: string;
  /** Where the other side is. */
  readonly from: Position;
  /** Whether nothing will be written any more. */
  readonly isComplete: () => boolean;
}

/** `output.log`, which grows, and loses its end where the host loses power. */
export class OutputReader implements StreamReader {
  readonly #options: StreamOptions;
  readonly #index: OutputIndex;
  #at: Position;
  isDone = false;

  constructor(options: StreamOptions & { readonly indexPath: string }) {
    this.#options = options;
    this.#index = new OutputIndex(options.indexPath);
    this.#at = options.from;
  }

  async next(): Promise<EncodedFrame | undefined> {
    if (this.isDone) return undefined;
    // asked before the size is: what is there then is all there will be
    const complete = this.#options.isComplete();
    const file = await openForReading(this.#options.path);
    try {
      return await this.#read(file, complete);
    } finally {
      await file?.close();
    }
  }

  async #read(file: FileHandle | undefined, complete: boolean): Promise<EncodedFrame | undefined> {
    await this.#index.refresh();
    const size = (await file?.stat())?.size ?? 0;
    const at = resumeFrom(this.#at, this.#index.epochs, size);
    const written = this.#index.timeAt(at.offset);
    const until = Math.min(size, written?.until ?? Infinity);
    // bytes of an epoch that begins just now may get the number of the one before: they are sent again with their own
    const frame = await readFrame(this.#options.buffers, file, at.offset, until - at.offset);
    const next = { epoch: at.epoch, offset: at.offset + frame.payload };
    const end = complete && next.offset >= size;
    if (frame.payload === 0 && at.epoch === this.#at.epoch && !end) {
      frame.release();
      return undefined;
    }
    this.#at = next;
    this.isDone = end;
    const time = written?.time ?? Date.now();
    writeFrameHeader(frame.bytes, { runId: this.#options.runId, stream: 'output', at, time, end });
    return { frame: frame.bytes, more: next.offset < size, release: frame.release };
  }
}

/** A lock file, which is written once and sent when it is whole. One that is not there then is empty. */
export class LockReader implements StreamReader {
  readonly #options: StreamOptions & { readonly stream: StreamName };
  #offset: number;
  isDone = false;

  constructor(options: StreamOptions & { readonly stream: StreamName }) {
    this.#options = options;
    this.#offset = options.from.epoch === START.epoch ? options.from.offset : 0;
  }

  async next(): Promise<EncodedFrame | undefined> {
    if (this.isDone || !this.#options.isComplete()) return undefined;
    const { runId, stream, path, buffers } = this.#options;
    const file = await openForReading(path);
    try {
      const stat = await file?.stat();
      const size = stat?.size ?? 0;
      const offset = Math.min(this.#offset, size);
      const { bytes, payload, release } = await readFrame(buffers, file, offset, size - offset);
      this.#offset = offset + payload;
      this.isDone = this.#offset >= size;
      const at = { epoch: START.epoch, offset };
      writeFrameHeader(bytes, { runId, stream, at, time: Math.trunc(stat?.mtimeMs ?? Date.now()), end: this.isDone });
      return { frame: bytes, more: !this.isDone, release };
    } finally {
      await file?.close();
    }
  }
}

async function openForReading(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

interface RawFrame {
  /** Room for the header, and the payload behind it. */
  readonly bytes: Buffer;
  /** Bytes of the payload. */
  readonly payload: number;
  readonly release: () => void;
}

/** Reads `length` bytes, or as many as a frame holds, behind room for a header. */
async function readFrame(
  buffers: FrameBuffers,
  file: FileHandle | undefined,
  offset: number,
  length: number,
): Promise<RawFrame> {
  const buffer = buffers.take();
  const room = buffer.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + Math.min(length, MAX_FRAME_PAYLOAD));
  const payload = file ? await fill(file, offset, room) : 0;
  const bytes = buffer.subarray(0, FRAME_HEADER_BYTES + payload);
  return { bytes, payload, release: () => buffers.giveBack(buffer) };
}
