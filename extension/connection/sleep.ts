/** Both clocks at one moment, in milliseconds. */
export interface Moment {
  /** By the clock of the timers. On some systems it stands still while the machine sleeps. */
  readonly steady: number;
  /** By the clock on the wall, which goes on meanwhile, and which somebody may set. */
  readonly wall: number;
}

/** The clocks are looked at so often, at the least, while there is a link to lose. */
export const LOOK_EVERY = 3000;
/** More than a busy program is late. */
const LATE = 4000;

/**
 * Whether the machine slept, or this process was stopped, between two looks: the timer came late, or the clock of the
 * timers has fallen behind that on the wall. A clock that somebody sets forward looks the same, which costs one ping.
 */
export function hasSlept(before: Moment, after: Moment): boolean {
  const steady = after.steady - before.steady;
  return steady > LOOK_EVERY + LATE || after.wall - before.wall - steady > LATE;
}
