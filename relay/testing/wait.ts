import { setTimeout as delay } from 'node:timers/promises';

/** Waits until `condition` gives something other than false or undefined; looks every few milliseconds. */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  timeout = 8000,
): Promise<Exclude<T, false | undefined>> {
  const deadline = performance.now() + timeout;
  for (;;) {
    const value = await condition();
    if (value !== false && value !== undefined) return value as Exclude<T, false | undefined>;
    if (performance.now() > deadline) throw new Error(`waited ${timeout} ms in vain for ${what}`);
    await delay(5);
  }
}
