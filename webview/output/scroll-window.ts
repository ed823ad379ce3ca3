import type { RowRange } from './row-cache.ts';

/** Elements taller than about 33 million pixels are cut off by Chromium. Far below that everything is exact. */
const TALLEST = 8_000_000;
/** Rows that are there above and below those in view. */
const OVERSCAN = 12;

/**
 * Which rows are in view, for rows of one height. Some 400,000 rows scroll as they are; more are pressed into an element
 * that is no taller: dragging the scroll bar then goes through all of it in proportion, while scrolling by less than a
 * screen still moves by as much as it says.
 */
export class ScrollWindow {
  #rowCount = 0;
  #rowHeight = 18;
  #viewport = 0;
  /** Top of the view in pixels, were the element as tall as its rows. */
  #top = 0;
  /** The same as the element has it. */
  #scrollTop = 0;

  /** Of the element, in pixels. */
  get height(): number {
    return Math.min(this.#fullHeight, TALLEST);
  }

  /** The element's scrollTop that shows the end. */
  get endScrollTop(): number {
    return Math.max(0, this.height - this.#viewport);
  }

  get isAtEnd(): boolean {
    return this.#top >= this.#lastTop - this.#rowHeight / 2;
  }

  /** Whether it is known how much is in view. */
  get isMeasured(): boolean {
    return this.#viewport > 0;
  }

  /** Rows in view, at least in part. */
  get view(): RowRange {
    const from = Math.min(this.#rowCount, Math.floor(this.#top / this.#rowHeight));
    const end = Math.min(this.#rowCount, Math.ceil((this.#top + this.#viewport) / this.#rowHeight));
    return { from, count: Math.max(0, end - from) };
  }

  /** Rows to have in the page: those in view and some around them. */
  get rendered(): RowRange {
    const { from, count } = this.view;
    const first = Math.max(0, from - OVERSCAN);
    return { from: first, count: Math.min(this.#rowCount, from + count + OVERSCAN) - first };
  }

  /** Rows that fill the view, with those around them. */
  get screenful(): number {
    return Math.ceil(this.#viewport / this.#rowHeight) + 2 * OVERSCAN;
  }

  /** Where the first of the rendered rows is in the element, in pixels. */
  get offset(): number {
    return this.#scrollTop + this.rendered.from * this.#rowHeight - this.#top;
  }

  resize(rowHeight: number, viewport: number): void {
    const row = this.#top / this.#rowHeight;
    this.#rowHeight = rowHeight;
    this.#viewport = viewport;
    this.#place(row * rowHeight);
  }

  setRowCount(rowCount: number): void {
    this.#rowCount = rowCount;
    if (this.#top > this.#lastTop) this.#place(this.#lastTop);
  }

  /** The element was scrolled. */
  scrolled(scrollTop: number): void {
    const by = scrollTop - this.#scrollTop;
    this.#scrollTop = scrollTop;
    if (!this.#isPressed || scrollTop >= this.endScrollTop || scrollTop <= 0 || Math.abs(by) > this.#viewport) {
      this.#top = this.#clamp(scrollTop * this.#ratio);
    } else {
      this.#top = this.#clamp(this.#top + by);
    }
  }

  /** Where the element is to be scrolled to so that it agrees with what is shown; said when scrolling has come to rest. */
  settle(): number {
    this.#place(this.#top);
    return this.#scrollTop;
  }

  /** Goes to the end; the element is then to be scrolled to {@link endScrollTop}. */
  toEnd(): void {
    this.#place(this.#lastTop);
  }

  /** Goes to a row. Returns where the element is to be scrolled to. */
  toRow(row: number): number {
    this.#place(row * this.#rowHeight);
    return this.#scrollTop;
  }

  get #fullHeight(): number {
    return this.#rowCount * this.#rowHeight;
  }

  get #isPressed(): boolean {
    return this.#fullHeight > TALLEST;
  }

  get #lastTop(): number {
    return Math.max(0, this.#fullHeight - this.#viewport);
  }

  /** Pixels of rows to a pixel of the element. */
  get #ratio(): number {
    return this.endScrollTop === 0 ? 1 : this.#lastTop / this.endScrollTop;
  }

  #place(top: number): void {
    this.#top = this.#clamp(top);
    this.#scrollTop = this.#top / this.#ratio;
  }

  #clamp(top: number): number {
    return Math.max(0, Math.min(top, this.#lastTop));
  }
}
