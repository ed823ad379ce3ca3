import { type Clock } from '../base/clock.ts';
import { Disposable } from '../base/disposable.ts';
import type { IDisposable } from '../base/disposable.ts';

/** More rows than these, and VS Code takes long enough to lay them out anew that a person notices. */
const MANY = 500;
/** Rows that are given first, of many: more than fit on any screen. */
const FIRST = 100;
/** Milliseconds from those to the others. */
const REST_AFTER = 250;
/** Milliseconds between two layouts of many rows. */
const EVERY = 3000;

/**
 * When the whole list is drawn anew. VS Code knows no row that moves: it is given the list again, and with thousands of
 * rows its window stands still for a moment. So the first rows of many are given before the others, and rows that came,
 * went or moved since are brought in once in a while; what they read is drawn at once all the same.
 */
export class ListPace extends Disposable {
  readonly #clock: Clock;
  readonly #draw: () => void;
  #given = 0;
  #drawnAt = -Infinity;
  #timer: IDisposable | undefined;

  /** @param draw tells VS Code that the list is another, upon which it asks for it */
  constructor(clock: Clock, draw: () => void) {
    super();
    this.#clock = clock;
    this.#draw = draw;
  }

  /** VS Code asks for the list: what of it is given now. */
  give<T>(rows: readonly T[]): readonly T[] {
    const isFirst = this.#given === 0 && rows.length > MANY;
    const given = isFirst ? rows.slice(0, FIRST) : rows;
    this.#given = given.length;
    if (isFirst) this.#later(REST_AFTER);
    return given;
  }

  /**
   * The list is another than was given.
   * @param atOnce a person asked for it
   */
  changed(atOnce: boolean): void {
    const wait = atOnce || this.#given <= MANY ? 0 : this.#drawnAt + EVERY - this.#clock.now();
    if (wait <= 0) this.#now();
    else if (!this.#timer) this.#later(wait);
  }

  override dispose(): void {
    this.#timer?.dispose();
    super.dispose();
  }

  #later(ms: number): void {
    this.#timer?.dispose();
    this.#timer = this.#clock.after(ms, () => this.#now());
  }

  #now(): void {
    this.#timer?.dispose();
    this.#timer = undefined;
    this.#drawnAt = this.#clock.now();
    this.#draw();
  }
}
