/** The phase pulling: what is there is recorded, then the checkout is fast-forwarded to where its branch is upstream. */
import { createHash } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { Snapshot } from '../../protocol/index.ts';
import { readLock, removeLock } from '../nixcfg/checkout.ts';
import { findNixcfg } from '../nixcfg/find.ts';
import { same } from '../nixcfg/restore-plan.ts';
import { bootId } from '../process.ts';
import { writeFileAtomically } from '../run-directory/files.ts';
import { withoutCredentials } from '../steps/credentials.ts';
import { gitFailure } from '../steps/failures.ts';
import { filesInTheWay, Git, GitError, type Head } from '../steps/git.ts';
import { queryAs } from '../steps/query.ts';
import { accessOf } from '../steps/environment.ts';
import { runAsOwner, type Checkout, type CheckoutDoings, type RunContext } from './context.ts';
import { isOwnEarlierLock } from './earlier-locks.ts';
import { expectSuccess } from './expect-success.ts';
import { pastLeftLocks } from './left-lock.ts';
import { fail, RunFailure } from './reason.ts';
import { syncOrWarn } from './restoring.ts';
import { systemSnapshot, lockedRefOf } from './snapshot.ts';

const MAX_COMMITS = 100;

/** Finds the checkout and what git says of it; the recorded state is asked of `recorded`, or read now. */
export async function openCheckout(
  run: RunContext,
  recorded: (open: Omit<Checkout, 'recorded'>) => Promise<Checkout['recorded']>,
): Promise<Checkout> {
  const found = findNixcfg(run.config);
  if (!found.ok) throw new RunFailure(found);
  const { nixcfg } = found;
  const self = process.getuid?.();
  if (self !== 0 && self !== nixcfg.owner.uid)
    fail(
      'owner',
      `${nixcfg.path} belongs to ${nixcfg.owner.name}, and this runner is neither that user nor root`,
      'Run the agent as root or as the checkout’s owner.',
    );
  let git = new Git(queryAs(nixcfg.owner, nixcfg.path, accessOf(run.config)));
  const access = accessOf(run.config, await git.sshCommand());
  const query = queryAs(nixcfg.owner, nixcfg.path, access);
  git = new Git(query);
  run.steps.access = access;
  try {
    const place = await git.place();
    const open = { ...nixcfg, query, git, ...place };
    return { ...open, recorded: await recorded(open) };
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    throw new RunFailure(
      gitFailure(error.stderr, `git in ${nixcfg.path}`) ?? {
        kind: 'not-a-repository',
        message: `${nixcfg.path} is not a git checkout that can be updated: ${error.stderr.trim().split('\n').at(-1) ?? ''}`,
        advice: 'Clone nixcfg there with git, and commit at least once.',
      },
      [],
      error,
    );
  }
}

/** Says in the journal where this run works. */
export function announce(run: RunContext, checkout: Pick<Checkout, 'path' | 'owner'>): void {
  run.journal.append({
    type: 'host',
    platform: run.config.platform,
    method: run.rebuilder.method,
    nixcfg: checkout.path,
    owner: checkout.owner.name,
    attribute: run.rebuilder.buildAttribute.replace(/\.config\..*$/, ''),
    input: run.config.inputName,
    bootId: bootId(),
  });
}

/** Writes down the host as it is before anything changes. */
export async function record(run: RunContext, open: Omit<Checkout, 'recorded'>): Promise<Checkout['recorded']> {
  announce(run, open);
  const head = await open.git.head();
  const lock = await readLock(open.query);
  if (lock) writeFileAtomically(run.paths.lockBefore, lock);
  const before: Snapshot = {
    head: head.rev,
    ...(head.branch !== undefined && { branch: head.branch.slice(0, 1024) }),
    ...lockedRefOf(lock, run.config.inputName),
    ...systemSnapshot(run),
  };
  run.journal.append({
    type: 'recorded',
    before,
    ...(lock && { lockSha256: createHash('sha256').update(lock).digest('hex') }),
  });
  return { head: head.rev, branch: head.branch, lock, before };
}

/** Fast-forwards the checkout, or fails before it has touched anything. */
export async function pull(run: RunContext, checkout: Checkout, doings: CheckoutDoings): Promise<void> {
  const { git } = checkout;
  const head = await git.head();
  const { branch, upstream } = expectUpstream(checkout, head);
  await clearLock(run, checkout, doings, head.rev);
  const url = await remoteUrl(checkout, upstream.remote);
  const remote = remoteName(upstream.remote, url);
  const fetch = await pastLeftLocks(run, checkout, () =>
    runAsOwner(run, checkout, ['git', 'fetch', upstream.remote, upstream.ref]),
  );
  expectSuccess(fetch, 'git fetch', output => gitFailure(output, remote));

  const to = await git.fetched();
  if (to === head.rev || (await git.isAncestor(to, head.rev))) {
    run.steps.say(`${checkout.path} is up to date with ${upstream.remote} (${head.rev.slice(0, 12)})`);
    run.journal.append({ type: 'pulled', from: head.rev, to: head.rev, commits: [], more: 0 });
    return;
  }
  if (!(await git.isAncestor(head.rev, to)))
    fail(
      'diverged',
      `the branch ${branch} in ${checkout.path} has diverged from ${upstream.remote}: both have commits that the other lacks`,
      `On the host, in ${checkout.path}: git rebase ${upstream.remote}/${branch} (or merge), then run the update again.`,
    );
  await expectNothingInTheWay(checkout, head.rev, to);
  const { commits, total } = await git.commits(head.rev, to, MAX_COMMITS);
  doings.pulledTo = to;
  doings.movingSince = Date.now();
  const merge = await runAsOwner(run, checkout, ['git', 'merge', '--ff-only', to]);
  expectSuccess(merge, 'git merge', output => gitFailure(output, 'the fast-forward'));
  const now = await git.head();
  // whatever the journal says is done lasts over a power loss
  await syncOrWarn(run, checkout);
  delete doings.movingSince;
  if (now.rev !== to)
    fail('internal', `after the merge HEAD is at ${now.rev} and not at ${to}`, 'Look into the checkout on the host.');
  const more = total - commits.length;
  const known = url !== undefined && url.length <= 4096 && { remote: url };
  run.journal.append({ type: 'pulled', from: head.rev, to, commits, more, ...known });
}

function expectUpstream({ path }: Checkout, head: Head): Required<Pick<Head, 'branch' | 'upstream'>> {
  const { branch, upstream } = head;
  if (branch === undefined)
    return fail(
      'detached-head',
      `the checkout ${path} is on no branch (detached HEAD at ${head.rev.slice(0, 12)}), so there is nothing to pull`,
      `On the host, in ${path}: git switch main (or another branch), then run the update again.`,
    );
  if (!upstream)
    return fail(
      'no-upstream',
      `the branch ${branch} in ${path} follows no remote branch, so there is nothing to pull`,
      `On the host, in ${path}: git branch --set-upstream-to=origin/${branch}, then run the update again.`,
    );
  return { branch, upstream };
}

/** A lock that differs from HEAD must not block the pull if it is an earlier run's, and must not be touched if it is not. */
async function clearLock(run: RunContext, checkout: Checkout, doings: CheckoutDoings, head: string): Promise<void> {
  const lock = await readLock(checkout.query);
  const committed = await checkout.git.fileAt(head, `${checkout.prefix}flake.lock`);
  if (same(lock, committed)) return;
  const path = join(checkout.path, 'flake.lock');
  if (!isOwnEarlierLock(run, lock))
    fail(
      'local-changes',
      committed
        ? `${path} has changes that are not committed and that no update made`
        : `${path} is not committed, and no update made it`,
      `On the host: commit and push it, or discard it (git checkout flake.lock), then run the update again.`,
    );
  run.steps.say('flake.lock is as an earlier update left it; it is put back to what is committed before the pull');
  if (committed) {
    doings.lockInFlight = true;
    const step = await runAsOwner(run, checkout, ['git', 'checkout', 'HEAD', '--', 'flake.lock']);
    expectSuccess(step, 'git checkout', output => gitFailure(output, 'flake.lock'));
    doings.lockInFlight = false;
  } else await removeLock(checkout.query);
}

/** Files with changes of a person's that a fast-forward would touch, relative to the repository's root. */
export async function filesOfPersons({ git, root }: Checkout, from: string, to: string): Promise<readonly string[]> {
  return filesInTheWay(await git.changedFiles(from, to), await git.dirtyFiles(), file => exists(join(root, file)));
}

async function expectNothingInTheWay(checkout: Checkout, from: string, to: string): Promise<void> {
  const files = await filesOfPersons(checkout, from, to);
  const { path } = checkout;
  if (files.length === 0) return;
  const named = files.slice(0, 10).join(', ') + (files.length > 10 ? ` and ${files.length - 10} more` : '');
  fail(
    'local-changes',
    `upstream changed ${files.length === 1 ? 'a file that has' : 'files that have'} uncommitted changes in ${path}: ${named}`,
    'On the host: commit and push these changes, or move them away, then run the update again.',
  );
}

/** A remote for messages. */
export function remoteName(remote: string, url: string | undefined): string {
  return `the remote ${remote}${url === undefined ? '' : ` (${url})`} of nixcfg`;
}

/** The URL of a remote, without credentials. */
export async function remoteUrl(checkout: Checkout, remote: string): Promise<string | undefined> {
  const { exitCode, stdout } = await checkout.query(['git', 'remote', 'get-url', remote]);
  return exitCode === 0 ? withoutCredentials(stdout.trim()) : undefined;
}

function exists(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
