/** Puts a checkout back as it was recorded, as far as nobody else has changed it meanwhile. */
import { readLock, removeLock, writeLock } from '../nixcfg/checkout.ts';
import { undoHalfMerge } from '../nixcfg/half-merge.ts';
import { planRestore, same } from '../nixcfg/restore-plan.ts';
import { runAsOwner, type Checkout, type CheckoutDoings, type RunContext } from './context.ts';
import { lastLines } from './last-lines.ts';

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
    const head = await git.head();
    const { pulledTo, movingSince } = doings;
    const halfMerged =
      pulledTo !== undefined && movingSince !== undefined && head.rev === recorded.head
        ? await undoHalfMerge({ ...checkout, from: head.rev, to: pulledTo, since: movingSince })
        : [];
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
      const reset = await runAsOwner(run, checkout, ['git', 'reset', '--keep', plan.resetTo], { signal });
      if (reset.exitCode !== 0) {
        const why = lastLines(reset.tail, 1)[0] ?? 'git reset failed';
        return {
          left: [`HEAD stays at ${head.rev.slice(0, 12)}, because a change made meanwhile is in the way (${why})`],
        };
      }
    }
    const before = await readLock(query);
    if (plan.lock === 'recorded' && !same(before, recorded.lock)) await putLock(checkout, recorded.lock);
    const isChanged = plan.resetTo !== undefined || plan.lockToHead || !same(lock, await readLock(query));
    if (isChanged) {
      run.journal.append({
        type: 'restored',
        what: 'checkout',
        detail: `${checkout.path} at ${recorded.head.slice(0, 12)}`,
      });
      run.steps.say(`${checkout.path} is as it was before the run`);
    }
    return {
      left: [
        ...plan.left,
        ...halfMerged.map(path => `${path} was changed by somebody else meanwhile and stays as it is`),
      ],
    };
  } catch (error) {
    return { left: [], failed: (error as Error).message };
  }
}

/** Makes flake.lock what it is to be; undefined removes it. */
export function putLock({ query, path }: Checkout, bytes: Uint8Array | undefined): Promise<void> {
  return bytes ? writeLock(query, path, bytes) : removeLock(query);
}
