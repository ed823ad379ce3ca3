/** Times as people read them, in the language of the page. */

/** `0.4 s` (`0,4 s` where a comma parts tenths), `42 s`, `3 min 05 s`, `2 h 07 min`. Tenths only of what is over. */
export function durationText(ms: number, isOver: boolean, language: string): string {
  const seconds = Math.max(0, ms) / 1000;
  // rounded down, as a clock does: 59.96 s are not yet a minute
  if (seconds < 10 && isOver) return `${tenths(language).format(Math.floor(seconds * 10) / 10)} s`;
  const whole = Math.floor(seconds);
  if (whole < 60) return `${whole} s`;
  const [minutes, hours] = [Math.floor(whole / 60), Math.floor(whole / 3600)];
  if (hours === 0) return `${minutes} min ${twoDigits(whole % 60)} s`;
  return `${hours} h ${twoDigits(minutes % 60)} min`;
}

function tenths(language: string): Intl.NumberFormat {
  return new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}

export interface TimeFormats {
  /** Of a day and time, such as `3 Jun 2025, 14:03`. */
  readonly moment: (ms: number) => string;
  /** Of a day. */
  readonly date: (ms: number) => string;
  /** Of a time with seconds, always as long. */
  readonly clock: (ms: number) => string;
  readonly count: (value: number) => string;
  /** See {@link durationText}. */
  readonly duration: (ms: number, isOver: boolean) => string;
}

export function timeFormats(language: string): TimeFormats {
  const moment = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' });
  const date = new Intl.DateTimeFormat(language, { dateStyle: 'medium' });
  const clock = new Intl.DateTimeFormat(language, {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  });
  const count = new Intl.NumberFormat(language);
  return {
    moment: ms => moment.format(ms),
    date: ms => date.format(ms),
    clock: ms => clock.format(ms),
    count: value => count.format(value),
    duration: (ms, isOver) => durationText(ms, isOver, language),
  };
}

/** The extension's clock, which may run on another machine, told by its last message. */
export class RemoteClock {
  #at = 0;
  #heardAt = 0;
  #standsAt: number | null = null;

  /** @param steady a clock that nobody sets, in ms */
  set(now: number, steady = performance.now()): void {
    this.#at = now;
    this.#heardAt = steady;
  }

  /** Stands still at a time; null lets it go on. */
  standAt(at: number | null): void {
    this.#standsAt = at;
  }

  now(steady = performance.now()): number {
    return this.#standsAt ?? this.#at + (steady - this.#heardAt);
  }
}
