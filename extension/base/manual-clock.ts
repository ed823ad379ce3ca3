import type { Clock } from './clock.ts';
import type { IDisposable } from './disposable.ts';

/** A clock that only a test moves. */
export class ManualClock implements Clock {
  #now: number;
  readonly #timers = new Set<{ readonly at: number; readonly call: () => void }>();

  constructor(now = 1_000_000) {
    this.#now = now;
  }

  get timerCount(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, call: () => void): IDisposable {
    const timer = { at: this.#now + ms, call };
    this.#timers.add(timer);
    return { dispose: () => this.#timers.delete(timer) };
  }

  /** Moves on, timer by timer. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [next] = [...this.#timers].filter(timer => timer.at <= end).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.call();
    }
    this.#now = end;
  }

  /** The machine sleeps: time passes at once, and the timers that were due meanwhile come late. */
  sleep(ms: number): void {
    this.#now += ms;
    this.advance(0);
  }
}
