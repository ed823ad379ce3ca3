import { FIRST_ROW, RowScanner, type RowStart } from './row-scanner.ts';

/** A mark is set every so many rows, or bytes if they come first. A row is found by scanning no more than that. */
const ROWS_BETWEEN_MARKS = 256;
const BYTES_BETWEEN_MARKS = 64 * 1024;

/** A row whose place is known. */
export interface RowMark {
  readonly row: number;
  readonly start: RowStart;
}

/**
 * Knows where rows are, sparsely: 16 bytes of memory for 256 rows or 64 KiB of output, so that a million lines need less
 * than 100 KB. Between the marks the bytes themselves are scanned.
 */
export class RowIndex {
  // parallel lists, as an object for each mark would take ten times the memory
  readonly #rows = [0];
  readonly #offsets = [0];
  /** Of the few marks that are more than a place: within a long line, or where a colour is on. */
  readonly #starts = new Map<number, RowStart>();
  #complete = 0;
  #scanner = new RowScanner();

  /** Rows so far, with the one that is not complete. */
  get rowCount(): number {
    return this.#complete + (this.#scanner.open ? 1 : 0);
  }

  /** Takes the bytes that follow on those taken before. */
  push(bytes: Uint8Array): void {
    for (const { next } of this.#scanner.push(bytes)) {
      this.#complete += 1;
      const rows = this.#complete - (this.#rows.at(-1) ?? 0);
      if (rows < ROWS_BETWEEN_MARKS && next.offset - (this.#offsets.at(-1) ?? 0) < BYTES_BETWEEN_MARKS) continue;
      if (next.continued || next.sgr !== '') this.#starts.set(this.#rows.length, next);
      this.#rows.push(this.#complete);
      this.#offsets.push(next.offset);
    }
  }

  /** The last mark at or before a row. */
  markBefore(row: number): RowMark {
    return this.#mark(lastAtMost(this.#rows, row));
  }

  /** Forgets what lies behind an offset. The bytes between the mark that is returned and the offset must be pushed again. */
  cut(offset: number): RowMark {
    const last = lastAtMost(this.#offsets, offset);
    for (let i = last + 1; i < this.#rows.length; i++) this.#starts.delete(i);
    this.#rows.length = last + 1;
    this.#offsets.length = last + 1;
    const mark = this.#mark(last);
    this.#complete = mark.row;
    this.#scanner = new RowScanner(mark.start);
    return mark;
  }

  #mark(at: number): RowMark {
    const start = this.#starts.get(at) ?? { ...FIRST_ROW, offset: this.#offsets[at] ?? 0 };
    return { row: this.#rows[at] ?? 0, start };
  }
}

/** Index of the last value that is not above `limit`, in an ascending list whose first value is not above it. */
export function lastAtMost(ascending: readonly number[], limit: number): number {
  let [low, high] = [0, ascending.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((ascending[middle] ?? Infinity) <= limit) low = middle;
    else high = middle - 1;
  }
  return low;
}
