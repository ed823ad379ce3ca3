/**
 * Says when what changed is to be told, so that nothing is told more often than once in an interval and the last change
 * is always told. The first change after a quiet time is due at once. Knows no clock: times are handed in, ms.
 */
export class Coalescer<K> {
  readonly #interval: number;
  /** When each key was last told; keys that have been quiet for an interval are forgotten. */
  readonly #told = new Map<K, number>();
  /** Keys that changed since they were told. */
  readonly #changed = new Set<K>();

  constructor(interval: number) {
    this.#interval = interval;
  }

  changed(key: K): void {
    this.#changed.add(key);
  }

  /** Keys that are due, in the order in which they changed; they count as told now. */
  take(now: number): readonly K[] {
    for (const [key, told] of this.#told) if (now - told >= this.#interval) this.#told.delete(key);
    const due = [...this.#changed].filter(key => !this.#told.has(key));
    for (const key of due) {
      this.#changed.delete(key);
      this.#told.set(key, now);
    }
    return due;
  }

  /** When `take` will next give something; undefined when nothing waits. */
  nextDue(): number | undefined {
    let next: number | undefined;
    for (const key of this.#changed) {
      const due = (this.#told.get(key) ?? -Infinity) + this.#interval;
      if (next === undefined || due < next) next = due;
    }
    return next;
  }
}
