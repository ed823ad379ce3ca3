/** How long to stay away after a failure, milliseconds. */
export interface BackoffLimits {
  /** The longest wait after the first failure; doubles with each further one. */
  readonly base: number;
  readonly cap: number;
  /** The shortest wait, so that nobody ever spins. */
  readonly floor: number;
}

/**
 * Exponential backoff with full jitter. The jitter is applied after the cap: applied before it, every host of a fleet
 * that has waited long enough would come back at the same moment.
 * @param failures failures in a row, from 1
 * @param random in [0, 1)
 */
export function retryDelay(limits: BackoffLimits, failures: number, random: number): number {
  const longest = Math.min(limits.cap, limits.base * 2 ** (failures - 1));
  return Math.max(limits.floor, random * longest);
}
