/** The longest wait before the first retry; it doubles from attempt to attempt, up to the cap. */
export const FIRST_DELAY = 500;
export const DELAY_CAP = 30_000;

/**
 * Milliseconds to wait before attempt number `attempt` (0 for the first retry). Exponential, capped, and jittered over
 * the whole range after the cap: a thousand windows that lost one relay come back spread over time, not in waves.
 * @param random in [0, 1)
 */
export function retryDelay(attempt: number, random: number): number {
  return random * Math.min(DELAY_CAP, FIRST_DELAY * 2 ** attempt);
}
