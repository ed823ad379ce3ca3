import { closeSync, constants, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { FRAME_GATHER_MS, MAX_FRAME_PAYLOAD } from '../../protocol/index.ts';
import type { RunPaths } from './layout.ts';
import { cutUnwrittenTail } from './unwritten-tail.ts';

/** Bytes of one record of `output.idx`. */
export const INDEX_RECORD_BYTES = 20;

/** One flush of the output: where it began, in which epoch, and when (ms since the Unix epoch). */
export interface IndexRecord {
  readonly epoch: number;
  readonly offset: number;
  readonly time: number;
}

export function encodeIndexRecord(record: IndexRecord): Buffer {
  const bytes = Buffer.alloc(INDEX_RECORD_BYTES);
  bytes.writeUInt32BE(record.epoch, 0);
  bytes.writeBigUInt64BE(BigInt(record.offset), 4);
  bytes.writeBigUInt64BE(BigInt(record.time), 12);
  return bytes;
}

/** Reads the records of `output.idx`; a torn last one is left out. */
export function decodeIndexRecords(bytes: Buffer): IndexRecord[] {
  const records: IndexRecord[] = [];
  for (let at = 0; at + INDEX_RECORD_BYTES <= bytes.length; at += INDEX_RECORD_BYTES)
    records.push({
      epoch: bytes.readUInt32BE(at),
      offset: Number(bytes.readBigUInt64BE(at + 4)),
      time: Number(bytes.readBigUInt64BE(at + 12)),
    });
  return records;
}

/**
 * `output.log` and `output.idx`, open for their one writer. Bytes are gathered for a moment and appended; what is written
 * is never rewritten. An epoch begins when the end of the file may have been lost, which only a crash of the whole host does.
 */
export class OutputLog {
  readonly #log: number;
  readonly #index: number;
  readonly #epoch: number;
  readonly #now: () => number;
  #size: number;
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #failure: unknown;

  private constructor(log: number, index: number, epoch: number, size: number, now: () => number) {
    this.#log = log;
    this.#index = index;
    this.#epoch = epoch;
    this.#size = size;
    this.#now = now;
  }

  /** @param newEpoch the host has crashed since the last writer: bytes that readers have may be missing here */
  static open(paths: RunPaths, newEpoch: boolean, now: () => number = Date.now): OutputLog {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;
    const log = openSync(paths.output, flags, 0o640);
    const index = openSync(paths.outputIndex, flags, 0o640);
    const size = newEpoch ? cutUnwrittenTail(log) : fstatSync(log).size;
    const indexBytes = Buffer.alloc(fstatSync(index).size);
    readSync(index, indexBytes, 0, indexBytes.length, 0);
    const records = decodeIndexRecords(indexBytes);
    // from the first record beyond the log's end on, records speak of bytes that the crash took
    const lost = records.findIndex(record => record.offset > size);
    const kept = (lost === -1 ? records.length : lost) * INDEX_RECORD_BYTES;
    if (kept !== indexBytes.length) ftruncateSync(index, kept);
    const lastEpoch = records.reduce((epoch, record) => Math.max(epoch, record.epoch), 0);
    const epoch = newEpoch ? lastEpoch + 1 : lastEpoch;
    if (newEpoch) {
      writeAll(index, encodeIndexRecord({ epoch, offset: size, time: now() }));
      fsyncSync(index);
    }
    return new OutputLog(log, index, epoch, size, now);
  }

  /** Bytes of the output, those that are still gathered included. */
  get size(): number {
    return this.#size + this.#gatheredBytes;
  }

  /** Adds bytes. They are in the file a moment later; an error of the disk is thrown by the next call, whichever it is. */
  write(bytes: Uint8Array | string): void {
    this.throwFailure();
    const buffer = Buffer.from(bytes);
    if (buffer.length === 0) return;
    this.#gathered.push(buffer);
    this.#gatheredBytes += buffer.length;
    if (this.#gatheredBytes >= MAX_FRAME_PAYLOAD) this.flush();
    else this.#timer ??= setTimeout(() => this.#flushLater(), FRAME_GATHER_MS);
  }

  /** Puts what was gathered into the file. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.throwFailure();
    if (this.#gatheredBytes === 0) return;
    const bytes = Buffer.concat(this.#gathered);
    // the index first: its record may then speak of bytes that never came, which the next open mends
    writeAll(this.#index, encodeIndexRecord({ epoch: this.#epoch, offset: this.#size, time: this.#now() }));
    const written = appendWhatFits(this.#log, bytes);
    this.#size += written.length;
    this.#gathered = written.length < bytes.length ? [bytes.subarray(written.length)] : [];
    this.#gatheredBytes = bytes.length - written.length;
    if (written.error) throw written.error;
  }

  /** Puts everything onto the disk: what has been written survives a power loss. */
  sync(): void {
    this.flush();
    fsyncSync(this.#log);
    fsyncSync(this.#index);
  }

  /** Throws the error that bytes of a moment ago met, once; to be asked where no more may come for long. */
  throwFailure(): void {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure as Error;
  }

  /** Writes what can be written and closes the files. */
  close(): void {
    try {
      this.sync();
    } finally {
      closeSync(this.#log);
      closeSync(this.#index);
    }
  }

  #flushLater(): void {
    try {
      this.flush();
    } catch (error) {
      this.#failure = error;
    }
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) written += writeSync(fd, bytes, written);
}

function appendWhatFits(fd: number, bytes: Uint8Array): { length: number; error?: Error } {
  let length = 0;
  try {
    while (length < bytes.length) length += writeSync(fd, bytes, length);
    return { length };
  } catch (error) {
    return { length, error: error as Error };
  }
}
