import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { EpochStart } from '../../protocol/index.ts';
import { INDEX_RECORD_BYTES } from '../run-directory/output-log.ts';
import { readUpTo } from './read-up-to.ts';

/** Flushes that are closer together than this count as one: a time is right to so many milliseconds. */
const TIME_PRECISION = 200;

const CHUNK = INDEX_RECORD_BYTES * 3200;

interface Flush {
  readonly offset: number;
  readonly time: number;
}

/**
 * What `output.idx` says: where each epoch of the output begins and when its bytes were written. Read from its
 * beginning and on as it grows; records that cannot be true (a crash may leave zeroes) are passed over.
 */
export class OutputIndex {
  readonly #path: string;
  #epochs: EpochStart[] = [{ epoch: 0, offset: 0 }];
  #flushes: Flush[] = [];
  #read = 0;
  /** The file when it was last read. */
  #stamp = '';
  /** The last record that was read, as it stood. */
  #last = Buffer.alloc(0);

  constructor(path: string) {
    this.#path = path;
  }

  get epochs(): readonly EpochStart[] {
    return this.#epochs;
  }

  get epoch(): number {
    return this.#epochs.at(-1)?.epoch ?? 0;
  }

  /** Reads what has been added. */
  async refresh(): Promise<void> {
    let file;
    try {
      file = await open(this.#path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    try {
      const { size, mtimeMs, ino } = await file.stat();
      const stamp = `${size}:${mtimeMs}:${ino}`;
      if (stamp === this.#stamp) return;
      // a runner that resumes after a power loss cuts records off, and may have added others since
      const last = await readUpTo(file, this.#read - this.#last.length, this.#last.length);
      if (!last.equals(this.#last)) this.#forget();
      while (size - this.#read >= INDEX_RECORD_BYTES) {
        const records = size - this.#read - ((size - this.#read) % INDEX_RECORD_BYTES);
        const chunk = await readUpTo(file, this.#read, Math.min(records, CHUNK));
        const whole = chunk.length - (chunk.length % INDEX_RECORD_BYTES);
        if (whole === 0) return;
        for (let at = 0; at < whole; at += INDEX_RECORD_BYTES) this.#take(chunk, at);
        this.#read += whole;
        this.#last = Buffer.from(chunk.subarray(whole - INDEX_RECORD_BYTES, whole));
      }
      this.#stamp = stamp;
    } finally {
      await file.close();
    }
  }

  /**
   * When the byte at `offset` was written, and where the bytes end that share this time.
   * @returns undefined when the index does not know
   */
  timeAt(offset: number): { readonly time: number; readonly until: number } | undefined {
    let low = 0;
    let high = this.#flushes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#flushes[middle]?.offset ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    const flush = this.#flushes[low - 1];
    return flush && { time: flush.time, until: this.#flushes[low]?.offset ?? Infinity };
  }

  #take(chunk: Buffer, at: number): void {
    const epoch = chunk.readUInt32BE(at);
    const offset = Number(chunk.readBigUInt64BE(at + 4));
    const time = Number(chunk.readBigUInt64BE(at + 12));
    if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(time) || time === 0 || epoch < this.epoch) return;
    if (epoch > this.epoch) {
      this.#epochs.push({ epoch, offset });
      while ((this.#flushes.at(-1)?.offset ?? -1) >= offset) this.#flushes.pop();
      this.#flushes.push({ offset, time });
      return;
    }
    const last = this.#flushes.at(-1);
    if (last && (offset < last.offset || Math.abs(time - last.time) < TIME_PRECISION)) return;
    if (last?.offset === offset) this.#flushes.pop();
    this.#flushes.push({ offset, time });
  }

  #forget(): void {
    this.#epochs = [{ epoch: 0, offset: 0 }];
    this.#flushes = [];
    this.#read = 0;
    this.#last = Buffer.alloc(0);
  }
}
