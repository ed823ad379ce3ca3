import type { Context } from 'mocha';

/** Where {@link cannotRun} leaves its reason for the reporter: on the suite, or on the test. */
export const REASON = Symbol.for('nixfleet.cannotRun');

/**
 * Skips the suite from its `before` hook, or a test from within, and says why this machine cannot run it. It is named in
 * the summary of `npm test`; where everything must run (`CI=true`) it counts as failed.
 *
 *     before(function () {
 *       if (process.getuid?.() !== 0) cannotRun(this, 'hosts are booted as root');
 *     });
 */
export function cannotRun(context: Context, reason: string): never {
  const runnable = context.runnable() as Mocha.Runnable & { type?: string };
  const skipped = runnable.type === 'hook' && runnable.parent !== undefined ? runnable.parent : runnable;
  Object.assign(skipped, { [REASON]: reason });
  return context.skip();
}
