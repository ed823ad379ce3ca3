import type { PanelRow } from '../../protocol/panel.ts';

/** Rows that are asked for at once. */
const CHUNK = 200;

/** What to ask for. */
export interface RowRange {
  readonly from: number;
  readonly count: number;
}

/**
 * The rows of the output near the ones in view. The output itself stays with the extension; here are a few thousand rows
 * at the most, however long it is.
 */
export class RowCache {
  readonly #rows = new Map<number, PanelRow>();
  readonly #most: number;
  #revision = 0;
  #rowCount = 0;
  #ended = false;
  /** The row that was the last one when it came, and may have grown since. */
  #provisional: number | undefined;

  constructor(most = 4000) {
    this.#most = most;
  }

  get size(): number {
    return this.#rows.size;
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  get(row: number): PanelRow | undefined {
    return this.#rows.get(row);
  }

  /** How much output there is now. Rows of another revision are thrown away. */
  update(output: { readonly revision: number; readonly rowCount: number; readonly ended: boolean }): void {
    if (output.revision !== this.#revision) {
      this.#rows.clear();
      this.#provisional = undefined;
      this.#revision = output.revision;
    }
    this.#rowCount = output.rowCount;
    this.#ended = output.ended;
  }

  /** Takes rows that came, unless they are of another revision. Keeps those near `view`. */
  put(revision: number, from: number, rows: readonly PanelRow[], view: RowRange): void {
    if (revision !== this.#revision) return;
    for (const [i, row] of rows.entries()) this.#rows.set(from + i, row);
    const end = from + rows.length;
    if (this.#provisional !== undefined && this.#provisional >= from && this.#provisional < end) {
      this.#provisional = undefined;
    }
    if (rows.length > 0 && end >= this.#rowCount && !this.#ended) this.#provisional = end - 1;
    if (this.#rows.size > this.#most) this.#evict(view);
  }

  /** What to ask for next so that a range can be shown; undefined when all of it is here. */
  missing({ from, count }: RowRange): RowRange | undefined {
    const end = Math.min(from + count, this.#rowCount);
    for (let row = Math.max(0, from); row < end; row++) {
      if (this.#rows.has(row) && !this.#isOld(row)) continue;
      const chunk = Math.floor(row / CHUNK) * CHUNK;
      // the chunk from its begin if that is not here either, so that scrolling up asks as seldom as scrolling down
      const first = this.#rows.has(chunk) ? row : chunk;
      return { from: first, count: Math.min(chunk + CHUNK, this.#rowCount) - first };
    }
    return undefined;
  }

  #isOld(row: number): boolean {
    return row === this.#provisional && (this.#ended || row < this.#rowCount - 1);
  }

  #evict({ from, count }: RowRange): void {
    const reach = Math.max(CHUNK, Math.floor((this.#most / 2 - count) / 2));
    for (const row of this.#rows.keys()) {
      if (row < from - reach || row >= from + count + reach) this.#rows.delete(row);
    }
  }
}
