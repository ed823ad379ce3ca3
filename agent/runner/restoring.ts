/** Puts a checkout back as it was recorded, as far as nobody else has changed it meanwhile. */
import { setTimeout as delay } from 'node:timers/promises';
import { readLock, removeLock, syncWorktree, writeLock } from '../nixcfg/checkout.ts';
import { mendHalfMerge, removeStaleLock } from '../nixcfg/half-merge.ts';
import { planRestore, same } from '../nixcfg/restore-plan.ts';
import { warn } from './activating.ts';
import { runAsOwner, type Checkout, type CheckoutDoings, type RunContext } from './context.ts';
import { outputText } from './expect-success.ts';
import { lastLines } from './last-lines.ts';
import type { StepResult } from './step-runner.ts';

/** Milliseconds that putting a checkout back may take, whatever the deadline of the phase that failed. */
const PATIENCE_MS = 2 * 60_000;

/**
 * @returns what could not be put back: changes that somebody else made meanwhile (`left`), or a failure of ours (`failed`)
 */
export async function restoreCheckout(
  run: RunContext,
  checkout: Checkout,
  doings: CheckoutDoings,
): Promise<{ left: readonly string[]; failed?: string }> {
  const { git, query, recorded, prefix } = checkout;
  const signal = AbortSignal.timeout(PATIENCE_MS);
  try {
    // nix and git write the index, too, while nothing is moved
    const { path } = checkout;
    if (doings.brokenSince !== undefined) await removeStaleLock({ query, path, since: doings.brokenSince });
    const head = await git.head();
    const halfMerged = await mend(checkout, doings, head.rev);
    const lock = await readLock(query);
    const lockAtHead = await git.fileAt(head.rev, `${prefix}flake.lock`);
    const plan = planRestore({
      recorded,
      now: { head: head.rev, branch: head.branch, lock },
      lockAtHead,
      ...doings,
    });
    if (plan.lockToHead) await putLock(checkout, lockAtHead);
    if (plan.resetTo !== undefined) {
      const reset = await resetTo(run, checkout, plan.resetTo, signal);
      if (reset.exitCode !== 0) {
        const why = lastLines(reset.tail, 1)[0] ?? 'git reset failed';
        return {
          left: [`HEAD stays at ${head.rev.slice(0, 12)}, because a change made meanwhile is in the way (${why})`],
        };
      }
    }
    const before = await readLock(query);
    if (plan.lock === 'recorded' && !same(before, recorded.lock)) await putLock(checkout, recorded.lock);
    const isChanged =
      halfMerged !== undefined || plan.resetTo !== undefined || plan.lockToHead || !same(lock, await readLock(query));
    if (isChanged) {
      await syncOrWarn(run, checkout);
      run.journal.append({
        type: 'restored',
        what: 'checkout',
        detail: `${checkout.path} at ${recorded.head.slice(0, 12)}`,
      });
      delete doings.movingSince;
      run.steps.say(`${checkout.path} is as it was before the run`);
    }
    return {
      left: [
        ...plan.left,
        ...(halfMerged ?? []).map(path => `${path} was changed by somebody else meanwhile and stays as it is`),
      ],
    };
  } catch (error) {
    return { left: [], failed: (error as Error).message };
  }
}

/** Milliseconds for somebody else's git that is at work in the checkout just then. */
const BUSY_MS = 10_000;

async function resetTo(run: RunContext, checkout: Checkout, rev: string, signal: AbortSignal): Promise<StepResult> {
  const giveUpAt = performance.now() + BUSY_MS;
  for (;;) {
    const reset = await runAsOwner(run, checkout, ['git', 'reset', '--keep', rev], { signal });
    const isBusy = /index\.lock.*File exists/.test(outputText(reset));
    if (!isBusy || performance.now() >= giveUpAt) return reset;
    await delay(500);
  }
}

/**
 * Where a move of HEAD was not seen to end, files may be neither what was before nor what is after it.
 * @returns the files that somebody else changed meanwhile; undefined where there was no such move
 */
async function mend(checkout: Checkout, doings: CheckoutDoings, head: string): Promise<readonly string[] | undefined> {
  const { recorded, query, prefix } = checkout;
  const { pulledTo, movingSince: since, ownLocks } = doings;
  if (pulledTo === undefined || since === undefined) return undefined;
  if (head !== pulledTo && head !== recorded.head) return undefined;
  const lock = await readLock(query);
  const isKnown = same(lock, recorded.lock) || ownLocks.some(own => same(own, lock));
  return mendHalfMerge({
    ...checkout,
    head,
    other: head === pulledTo ? recorded.head : pulledTo,
    since,
    keep: isKnown ? [`${prefix}flake.lock`] : [],
  });
}

/** Waits until the files of the checkout are on the disk; what cannot be waited for is said, and is no reason to end a run. */
export async function syncOrWarn(run: RunContext, checkout: Checkout): Promise<void> {
  try {
    await syncWorktree(checkout.query);
  } catch (error) {
    warn(run, (error as Error).message);
  }
}

/** Makes flake.lock what it is to be; undefined removes it. */
export function putLock({ query }: Checkout, bytes: Uint8Array | undefined): Promise<void> {
  return bytes ? writeLock(query, bytes) : removeLock(query);
}
