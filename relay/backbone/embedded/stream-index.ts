/** Bytes of one mark in an index file: offset u64, time u64 (ms since the epoch), big endian. */
export const MARK_BYTES = 16;

/** Milliseconds of output that share one mark. Replayed frames tell the time as exactly as this. */
const GRANULARITY = 1000;

/** When the bytes of a stream from an offset on were written on the host. */
export interface Mark {
  readonly offset: number;
  readonly time: number;
}

/** The times of a stream's bytes, ascending by offset. */
export class StreamIndex {
  #marks: Mark[];
  /** Marks that are in the index file already, counted from the first. */
  #stored: number;
  #cuts = 0;

  constructor(stored: readonly Mark[] = []) {
    this.#marks = [...stored];
    this.#stored = stored.length;
  }

  /** Notes that bytes from `offset` on were written at `time`. */
  note(offset: number, time: number): void {
    const last = this.#marks.at(-1);
    if (last && (offset <= last.offset || (time >= last.time && time < last.time + GRANULARITY))) return;
    this.#marks.push({ offset, time });
  }

  /** Forgets the times of bytes from `size` on. */
  cut(size: number): void {
    this.#marks = this.#marks.filter(mark => mark.offset < size);
    this.#stored = Math.min(this.#stored, this.#marks.length);
    this.#cuts++;
  }

  /** When the byte at `offset` was written, and where bytes of another time begin. */
  at(offset: number): { readonly time: number; readonly until: number } {
    let low = 0;
    let high = this.#marks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#marks[middle]?.offset ?? Infinity) <= offset) low = middle + 1;
      else high = middle;
    }
    return { time: this.#marks[low - 1]?.time ?? 0, until: this.#marks[low]?.offset ?? Infinity };
  }

  /** The marks that are not in the file yet, as they are to be written there, and where. */
  unstored(): Unstored {
    const marks = this.#marks.slice(this.#stored);
    const bytes = Buffer.alloc(marks.length * MARK_BYTES);
    marks.forEach((mark, index) => {
      bytes.writeBigUInt64BE(BigInt(mark.offset), index * MARK_BYTES);
      bytes.writeBigUInt64BE(BigInt(mark.time), index * MARK_BYTES + 8);
    });
    return { position: this.#stored * MARK_BYTES, bytes, cuts: this.#cuts };
  }

  /** These are in the file now. */
  stored({ position, bytes, cuts }: Unstored): void {
    if (cuts === this.#cuts) this.#stored = (position + bytes.length) / MARK_BYTES;
  }
}

export interface Unstored {
  readonly position: number;
  readonly bytes: Uint8Array;
  /** How often the index had been cut: what was taken before a cut says nothing about the index after it. */
  readonly cuts: number;
}

/** Reads an index file. A torn mark at its end, and marks of bytes that are not there, are left out. */
export function readMarks(bytes: Uint8Array, size: number): readonly Mark[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const marks: Mark[] = [];
  for (let at = 0; at + MARK_BYTES <= bytes.length; at += MARK_BYTES) {
    const offset = Number(view.getBigUint64(at));
    if (offset >= size || offset <= (marks.at(-1)?.offset ?? -1)) break;
    marks.push({ offset, time: Number(view.getBigUint64(at + 8)) });
  }
  return marks;
}
