import type { IDisposable } from './disposable.ts';

/** Time and timers, so that tests need not wait for either. */
export interface Clock {
  /** Milliseconds since the epoch; never jumps back. */
  now(): number;
  /** Calls once, so many milliseconds from now. */
  after(ms: number, call: () => void): IDisposable;
}

/** The machine's own. Unlike Date.now() it does not follow when somebody sets the clock. */
export const STEADY_CLOCK: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  after: (ms, call) => {
    const timer = setTimeout(call, ms);
    return { dispose: () => clearTimeout(timer) };
  },
};
