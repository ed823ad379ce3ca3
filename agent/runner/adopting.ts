/** Brings the checkout to where upstream is once the lock is published there: a fast-forward that keeps a person's changes. */
import { readLock } from '../nixcfg/checkout.ts';
import { mendHalfMerge } from '../nixcfg/half-merge.ts';
import { same } from '../nixcfg/restore-plan.ts';
import { runAsOwner, type Checkout, type RunContext } from './context.ts';
import { lastLines } from './last-lines.ts';
import { modeAt, objectAt, OWN_SETTINGS } from './lock-commit.ts';
import { filesOfPersons } from './pulling.ts';
import { asFailure } from './reason.ts';
import { syncOrWarn } from './restoring.ts';

export interface Adoption {
  /** Upstream's revision. */
  readonly to: string;
  readonly branch: string;
  /** The lock that is published, and git's name of it. */
  readonly lock: Uint8Array;
  readonly blob: string;
  /** Where the run began, or what it pulled: the checkout was there before it was fast-forwarded. */
  readonly base: string;
  /** When a fast-forward of an earlier runner began that was not seen to end, ms since the epoch. */
  readonly brokenSince: number | undefined;
}

/** Milliseconds for what mends a fast-forward that was ended in its middle. */
const PATIENCE_MS = 60_000;

/**
 * Fast-forwards the checkout. The lock of the run, which has succeeded, stays in the worktree whatever happens here.
 * @returns why the checkout stays where it is, if it does: a person's change, most likely
 */
export async function adopt(run: RunContext, checkout: Checkout, adoption: Adoption): Promise<string | undefined> {
  const { git, query, prefix } = checkout;
  const { to, branch, lock, brokenSince } = adoption;
  const { rev: from, branch: now } = await git.head();
  if (now !== branch) return `it is not on ${branch} any more`;
  const path = `${prefix}flake.lock`;
  const holdsLock = same(await readLock(query), lock);
  const mend = (since: number): Promise<readonly string[]> =>
    mendHalfMerge({
      ...checkout,
      head: from,
      other: from === to ? adoption.base : to,
      since,
      keep: holdsLock ? [path] : [],
    });
  if (from === to) {
    if (brokenSince !== undefined) await mend(brokenSince);
    await syncOrWarn(run, checkout);
    return undefined;
  }
  if (!(await git.isAncestor(from, to))) return 'somebody moved it meanwhile';
  if (brokenSince !== undefined) await mend(brokenSince);
  const inTheWay = (await filesOfPersons(checkout, from, to)).filter(file => file !== path);
  if (inTheWay.length > 0) return `uncommitted changes are in the way (${inTheWay.slice(0, 5).join(', ')})`;
  // too late to begin: nothing has been touched
  if (run.control.signal.aborted) return asFailure(run.control.signal.reason).reason.message;
  // a lock that is upstream's already, byte for byte, is no local change once the index says so too
  const isOurs = holdsLock && (await isFreeInIndex(checkout, path, adoption.blob));
  if (isOurs) await stage(checkout, to, path, adoption.blob);
  const since = Date.now();
  const step = await runAsOwner(run, checkout, ['git', 'merge', '--ff-only', to], { env: OWN_SETTINGS });
  const isThere = (await git.head()).rev === to;
  if (isThere) {
    await syncOrWarn(run, checkout);
    return undefined;
  }
  const signal = AbortSignal.timeout(PATIENCE_MS);
  if (step.stopped) await mend(since);
  if (isOurs) await runAsOwner(run, checkout, ['git', 'reset', '--quiet', '--', 'flake.lock'], { signal });
  return step.stopped?.reason.message ?? lastLines(step.tail, 1)[0] ?? 'git merge failed';
}

/** Whether the index holds what was committed at that path, or the lock already, and nothing that a person prepared. */
async function isFreeInIndex({ query, root }: Checkout, path: string, blob: string): Promise<boolean> {
  if ((await objectAt(query, '', path)) === blob) return true;
  const options = ['--cached', '--quiet', '--no-ext-diff', '--ita-invisible-in-index', 'HEAD', '--'];
  return (await query(['git', '-C', root, 'diff', ...options, path])).exitCode === 0;
}

async function stage({ query, root }: Checkout, rev: string, path: string, blob: string): Promise<void> {
  const entry = `${await modeAt(query, root, rev, path)},${blob},${path}`;
  await query(['git', '-C', root, 'update-index', '--add', '--cacheinfo', entry], undefined, OWN_SETTINGS);
}
