import { lastAtMost } from './row-index.ts';

const BYTES_PER_MARK = 16;

/**
 * When bytes of the output were written on the host: a mark for each tenth of a second in which something came, fewer
 * when there are very many. Kept in a file of (offset, time) pairs of doubles, big endian.
 */
export class TimeIndex {
  readonly #offsets: number[] = [];
  readonly #times: number[] = [];
  readonly #mostMarks: number;
  /** Milliseconds between marks. */
  #granularity = 100;
  #rewrites = 0;

  /** @param mostMarks memory is at most 16 bytes a mark */
  constructor(mostMarks = 32_768) {
    this.#mostMarks = mostMarks;
  }

  get size(): number {
    return this.#offsets.length;
  }

  /** Grows when marks were taken back, so that a file of them must be written anew rather than appended to. */
  get rewrites(): number {
    return this.#rewrites;
  }

  /** Bytes from `offset` on were written at `time`. Offsets only grow, except by {@link cut}. */
  note(offset: number, time: number): void {
    const last = this.#times.at(-1);
    if (last !== undefined && time >= last && time - last < this.#granularity) return;
    this.#offsets.push(offset);
    this.#times.push(time);
    if (this.#offsets.length > this.#mostMarks) this.#thin();
  }

  /** When the byte at an offset was written, or undefined when that is not known. */
  at(offset: number): number | undefined {
    if ((this.#offsets[0] ?? Infinity) > offset) return undefined;
    return this.#times[lastAtMost(this.#offsets, offset)];
  }

  /** Forgets what lies at an offset and behind it. */
  cut(offset: number): void {
    const kept = this.#offsets.findIndex(at => at >= offset);
    if (kept === -1) return;
    this.#rewrites += 1;
    this.#offsets.length = kept;
    this.#times.length = kept;
  }

  encode(from = 0): Buffer {
    const bytes = Buffer.alloc((this.#offsets.length - from) * BYTES_PER_MARK);
    for (let i = from; i < this.#offsets.length; i++) {
      bytes.writeDoubleBE(this.#offsets[i] ?? 0, (i - from) * BYTES_PER_MARK);
      bytes.writeDoubleBE(this.#times[i] ?? 0, (i - from) * BYTES_PER_MARK + 8);
    }
    return bytes;
  }

  /** Takes the marks of a file that lie below `size`. What makes no sense in it, such as its torn end, is left out. */
  decode(bytes: Buffer, size: number): void {
    for (let at = 0; at + BYTES_PER_MARK <= bytes.length; at += BYTES_PER_MARK) {
      const [offset, time] = [bytes.readDoubleBE(at), bytes.readDoubleBE(at + 8)];
      const follows = offset > (this.#offsets.at(-1) ?? -1) && offset < size;
      if (follows && Number.isSafeInteger(offset) && Number.isSafeInteger(time)) this.note(offset, time);
    }
  }

  #thin(): void {
    this.#granularity *= 2;
    this.#rewrites += 1;
    let kept = 0;
    for (let i = 0; i < this.#offsets.length; i += 2) {
      this.#offsets[kept] = this.#offsets[i] ?? 0;
      this.#times[kept] = this.#times[i] ?? 0;
      kept += 1;
    }
    this.#offsets.length = kept;
    this.#times.length = kept;
  }
}
