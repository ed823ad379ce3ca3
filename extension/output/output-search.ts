import { LineFinder, type FindQuery, type MatchStart } from '../../protocol/line-finder.ts';
import { lastAtMost } from './row-index.ts';
import type { OutputStore } from './output-store.ts';
import { RowScanner, type ScannedRow } from './row-scanner.ts';

/** Bytes that are searched in one go, some milliseconds at the most; then the event loop turns. */
const PIECE_BYTES = 64 * 1024;
/** Matches that are counted, 16 bytes of memory each. Who has more of them looks for something longer. */
export const MOST_MATCHES = 100_000;

/**
 * Looks for a text in a run's output, piece by piece, from its begin to where it ends at the moment, and goes on when
 * there is more of it. It starts over when the host took bytes back.
 */
export class OutputSearch {
  readonly #store: OutputStore;
  readonly #query: FindQuery;
  readonly #most: number;
  // parallel lists, as an object for each match would take several times the memory
  #rows: number[] = [];
  #columns: number[] = [];
  /** Of the last row, which may yet grow. */
  #last: readonly MatchStart[] = [];
  #finder: LineFinder;
  #scanner = new RowScanner();
  #row = 0;
  #offset = 0;
  #revision: number;

  constructor(store: OutputStore, query: FindQuery, most = MOST_MATCHES) {
    this.#store = store;
    this.#query = query;
    this.#most = most;
    this.#finder = new LineFinder(query);
    this.#revision = store.revision;
  }

  /** Matches so far. */
  get count(): number {
    return Math.min(this.#most, this.#rows.length + this.#last.length);
  }

  /** Whether there may be more matches than are counted. */
  get isLimited(): boolean {
    return this.count === this.#most;
  }

  /** The match with this number (the first is 0); undefined if there is none. */
  match(index: number): MatchStart | undefined {
    const row = this.#rows[index];
    const column = this.#columns[index];
    if (row === undefined || column === undefined) return this.#last[index - this.#rows.length];
    return { row, column };
  }

  /** The number of the first match that begins in this row or behind it; {@link count} if there is none so far. */
  firstFrom(row: number): number {
    if ((this.#rows.at(-1) ?? -1) < row) {
      const inLast = this.#last.findIndex(match => match.row >= row);
      return inLast === -1 ? this.count : this.#rows.length + inLast;
    }
    return (this.#rows[0] ?? 0) >= row ? 0 : lastAtMost(this.#rows, row - 1) + 1;
  }

  /** Searches the next piece. Resolves to false when there was none: all of the output so far is searched, or enough. */
  async advance(): Promise<boolean> {
    const { revision, size } = this.#store;
    if (revision !== this.#revision) this.#startOver(revision);
    if (this.isLimited || this.#offset >= size) return false;
    const bytes = await this.#store.read(this.#offset, PIECE_BYTES);
    // what was read belongs to what is no more
    if (this.#store.revision !== revision) return true;
    if (bytes.length === 0) return false;
    this.#offset += bytes.length;
    this.#search(bytes);
    return true;
  }

  #search(bytes: Buffer): void {
    for (const scanned of this.#scanner.push(bytes)) {
      for (const { row, column } of this.#finder.push(this.#row, rowOf(scanned))) {
        this.#rows.push(row);
        this.#columns.push(column);
      }
      this.#row += 1;
      if (this.#rows.length >= this.#most) break;
    }
    const { open } = this.#scanner;
    const text = open?.bytes.toString('utf8');
    this.#last =
      open && text !== undefined ? this.#finder.peek(this.#row, { text, continued: open.start.continued }) : [];
  }

  #startOver(revision: number): void {
    this.#revision = revision;
    this.#rows = [];
    this.#columns = [];
    this.#last = [];
    this.#finder = new LineFinder(this.#query);
    this.#scanner = new RowScanner();
    this.#row = 0;
    this.#offset = 0;
  }
}

function rowOf({ start, data, from, to }: ScannedRow): { text: string; continued: boolean } {
  return { text: data.toString('utf8', from, to), continued: start.continued };
}
