import { setText } from './dom.ts';
import type { RemoteClock, TimeFormats } from './time.ts';

/** Elements that show how long something takes or took. Those of what goes on are renewed each second. */
export class Ticker {
  readonly #clock: RemoteClock;
  readonly #duration: TimeFormats['duration'];
  readonly #live = new Map<Element, number>();
  #timer: number | undefined;

  constructor(clock: RemoteClock, { duration }: Pick<TimeFormats, 'duration'>) {
    this.#clock = clock;
    this.#duration = duration;
  }

  /** Shows the time from `startedAt` on, until `endedAt` or as it goes by. Nothing without a begin. */
  show(element: Element, startedAt: number | null, endedAt: number | null): void {
    this.#live.delete(element);
    if (startedAt === null) setText(element, '');
    else if (endedAt !== null) setText(element, this.#duration(endedAt - startedAt, true));
    else {
      this.#live.set(element, startedAt);
      this.#renew(element, startedAt);
    }
    this.#run();
  }

  #run(): void {
    if (this.#live.size > 0) this.#timer ??= window.setInterval(() => this.#tick(), 1000);
    else {
      window.clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  #tick(): void {
    for (const [element, startedAt] of this.#live) {
      if (element.isConnected) this.#renew(element, startedAt);
      else this.#live.delete(element);
    }
    this.#run();
  }

  #renew(element: Element, startedAt: number): void {
    setText(element, this.#duration(this.#clock.now() - startedAt, false));
  }
}
