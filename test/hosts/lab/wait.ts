import { setTimeout as delay } from 'node:timers/promises';

export interface WaitOptions {
  /** What is waited for, for the message when it does not come: "h1 to boot". */
  readonly what: string;
  /** Milliseconds, 10 s by default. */
  readonly deadline?: number;
  /** Milliseconds between two looks, 25 by default. */
  readonly interval?: number;
}

/**
 * Looks until `condition` gives something truthy, and returns it. A condition that throws is one that does not hold yet.
 * @throws Error when the deadline passes, with the condition's last error as its cause
 */
export async function eventually<T>(
  condition: () => T | Promise<T>,
  { what, deadline = 10_000, interval = 25 }: WaitOptions,
): Promise<NonNullable<T>> {
  const end = performance.now() + deadline;
  for (;;) {
    let problem: unknown;
    try {
      const value = await condition();
      if (value) return value;
    } catch (error) {
      problem = error;
    }
    if (performance.now() >= end)
      throw new Error(
        `waited ${deadline / 1000} s in vain for ${what}`,
        problem === undefined ? {} : { cause: problem },
      );
    await delay(interval);
  }
}
