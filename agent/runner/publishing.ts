/**
 * `lock.publish`: once a run has succeeded, its flake.lock is committed alone and pushed to where the checkout's branch
 * comes from. Compare-and-swap: the push counts only if upstream still is the commit's parent; else upstream is looked at
 * anew. The local branch moves when upstream has the commit and not before, so a refused push leaves nothing behind.
 * Whatever happens here, the run stays a success. The journal (its pushes, and that it got here at all) is all that a next
 * runner needs.
 */
import { knownEvent, type RunEvent } from '../../protocol/index.ts';
import { readSmallFile } from '../run-directory/files.ts';
import { withoutCredentials } from '../steps/credentials.ts';
import { gitFailure } from '../steps/failures.ts';
import type { Upstream } from '../steps/git.ts';
import { pushRefusal } from '../steps/push-refusal.ts';
import { warn } from './activating.ts';
import { adopt } from './adopting.ts';
import { runAsOwner, type Checkout, type Progress, type RunContext } from './context.ts';
import { MAX_LOCK_BYTES } from './earlier-locks.ts';
import { expectSuccess, outputText } from './expect-success.ts';
import { commitLock, objectAt, OWN_SETTINGS, storeLock } from './lock-commit.ts';
import { planPublish, type PublishPlan } from './publish-plan.ts';
import { remoteName, remoteUrl } from './pulling.ts';
import { asFailure, RunFailure } from './reason.ts';
import { MAX_RESUMES } from './resume-plan.ts';
import type { StepResult } from './step-runner.ts';

/** How often upstream may move on under the push. */
const MAX_TRIES = 5;

type Published = Pick<Extract<RunEvent, { type: 'published' }>, 'result' | 'to' | 'rev' | 'why'>;

/** The lock to publish, and where to. */
interface Lock {
  readonly bytes: Uint8Array;
  readonly blob: string;
  /** flake.lock, relative to the repository's root. */
  readonly path: string;
  /** Where the run began, or what it pulled. */
  readonly base: string;
  /** As committed there; undefined when there was none. */
  readonly before: string | undefined;
  readonly branch: string;
  readonly upstream: Upstream;
  /** Such as `origin/main`. */
  readonly to: string;
}

/** Publishes the lock of a run that has succeeded, where the host is told to and there is something to publish. Never throws. */
export async function publish(run: RunContext, progress: Progress, changed: boolean): Promise<void> {
  const { config, journal } = run;
  if (config.lock.publish === 'none' || journal.events.some(event => event.type === 'published')) return;
  let published: Published;
  try {
    published = await attempt(run, progress, changed);
  } catch (error) {
    published = { result: 'not-published', why: inWords(error) };
  }
  try {
    conclude(run, published);
  } catch (error) {
    // the disk is full, say: the end of the run is what must be written, and there is room kept for that
    const why = withoutCredentials(`${published.why ?? published.result}; ${inWords(error)}`);
    process.stderr.write(`run ${run.runId}: ${why}\n`);
  }
}

async function attempt(run: RunContext, { checkout, doings }: Progress, changed: boolean): Promise<Published> {
  const { config, journal, control } = run;
  if (!checkout) return { result: 'not-published', why: 'the checkout cannot be opened any more' };
  const base = doings.pulledTo ?? checkout.recorded.head;
  const lock = await lockToPublish(run, checkout, base);
  if (typeof lock === 'string') return { result: 'not-published', why: lock };
  const { to } = lock;
  const isBegun = journal.events.some(event => event.type === 'publishing');
  if (!isBegun && lock.before === lock.blob && (await isUpstream(checkout, base)))
    return { result: 'held', to, rev: base };
  if (!isBegun) journal.append({ type: 'publishing', changed });
  control.publish(config.deadlines.publishing);
  if (journal.events.filter(event => event.type === 'resumed').length > MAX_RESUMES)
    return { result: 'not-published', to, why: 'the runner died again and again while it did so' };
  try {
    return { ...(await swap(run, checkout, lock)), to };
  } catch (error) {
    return { result: 'not-published', to, why: inWords(error) };
  }
}

/** The lock and where it goes; a sentence where it can go nowhere. */
async function lockToPublish(run: RunContext, checkout: Checkout, base: string): Promise<Lock | string> {
  const { git, query, root, prefix, recorded } = checkout;
  const kept = readSmallFile(run.paths.lockAfter, MAX_LOCK_BYTES);
  if (!kept.ok) return `the run kept no lock: ${kept.message}`;
  const { branch, upstream } = await git.head();
  if (branch === undefined || branch !== recorded.branch)
    return `the checkout is not on ${recorded.branch ?? 'its branch'} any more`;
  if (!upstream) return `the branch ${branch} follows no remote branch any more`;
  // pulling would refuse the commit here, and on other hosts that are set up alike
  const signed = await query(['git', 'config', '--type=bool', '--get', 'merge.verifySignatures']);
  if (signed.stdout.trim() === 'true') return 'this checkout takes signed commits only (merge.verifySignatures)';
  const path = `${prefix}flake.lock`;
  return {
    bytes: kept.value,
    blob: await storeLock(query, root, path, kept.value),
    path,
    base,
    before: await objectAt(query, base, path),
    branch,
    upstream,
    to: `${withoutCredentials(upstream.remote)}/${upstream.ref.replace(/^refs\/heads\//, '')}`,
  };
}

/** Whether upstream had that commit when it was last asked. */
async function isUpstream({ git }: Checkout, rev: string): Promise<boolean> {
  return git.isAncestor(rev, await git.fetched());
}

/** Looks at upstream and pushes, until the lock is there or cannot be. */
async function swap(run: RunContext, checkout: Checkout, lock: Lock): Promise<Published> {
  const { steps, control } = run;
  const brokenSince = brokenMerge(run);
  let refused: { readonly tip: string; readonly why: string } | undefined;
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const { tip, plan } = await look(run, checkout, lock);
    if (plan.kind === 'pushed' || plan.kind === 'held') {
      await takeOver(run, checkout, lock, tip, brokenSince);
      return plan.kind === 'pushed' ? { result: 'pushed', rev: plan.rev } : { result: 'held', rev: tip };
    }
    if (plan.kind === 'leave') return { result: 'not-published', why: plan.why };
    // nobody else pushed in between: it is the remote that does not want it
    if (refused?.tip === tip) return { result: 'not-published', why: refused.why };
    if (tries > 0) steps.say('upstream moved on while the lock was pushed: once more');
    const { rev, push } = await pushOnto(run, checkout, lock, tip);
    if (push.exitCode === 0 && !push.stopped) {
      await takeOver(run, checkout, lock, rev, brokenSince);
      return { result: 'pushed', rev };
    }
    if (push.stopped)
      return {
        result: 'not-published',
        why: `${push.stopped.reason.message}; it is not known whether the remote took it before`,
      };
    const { kind, why } = pushRefusal(outputText(push));
    const known = kind === 'refused' ? undefined : gitFailure(outputText(push), `the remote ${lock.upstream.remote}`);
    if (kind !== 'moved') refused = { tip, why: known?.message ?? why };
    control.signal.throwIfAborted();
  }
  return { result: 'not-published', why: `upstream moved on ${MAX_TRIES} times while the lock was pushed` };
}

async function look(run: RunContext, checkout: Checkout, lock: Lock): Promise<{ tip: string; plan: PublishPlan }> {
  const { git, query } = checkout;
  const { remote, ref } = lock.upstream;
  const fetch = await runAsOwner(run, checkout, ['git', 'fetch', remote, ref], { env: OWN_SETTINGS });
  const name = remoteName(remote, await remoteUrl(checkout, remote));
  expectSuccess(fetch, 'git fetch', output => gitFailure(output, name));
  const tip = await git.fetched();
  const { rev: head } = await git.head();
  let own: string | undefined;
  for (const rev of pushes(run)) if (await git.isAncestor(rev, tip)) own = rev;
  const plan = planPublish({
    lock: lock.blob,
    lockBefore: lock.before,
    lockAtTip: await objectAt(query, tip, lock.path),
    own,
    headInTip: await git.isAncestor(head, tip),
    tipInHead: await git.isAncestor(tip, head),
  });
  return { tip, plan };
}

/** Commits the lock on upstream's tip and pushes exactly that, if upstream is still there. */
async function pushOnto(
  run: RunContext,
  checkout: Checkout,
  lock: Lock,
  tip: string,
): Promise<{ rev: string; push: StepResult }> {
  const { config, runId, journal } = run;
  const at = journal.events.find(event => event.type === 'publishing')?.at ?? Date.now();
  const rev = await commitLock(checkout.query, {
    root: checkout.root,
    path: lock.path,
    blob: lock.blob,
    parent: tip,
    host: config.host,
    at,
    message: commitMessage(run),
  });
  const { remote, ref } = lock.upstream;
  run.steps.say(`flake.lock as commit ${rev.slice(0, 12)} to ${lock.to} (run ${runId})`);
  const push = await runAsOwner(
    run,
    checkout,
    ['git', 'push', '--no-verify', `--force-with-lease=${ref}:${tip}`, remote, `${rev}:${ref}`],
    { env: OWN_SETTINGS },
  );
  return { rev, push };
}

function commitMessage({ journal, config, runId }: RunContext): string {
  const built = journal.events.map(knownEvent).findLast(event => event?.type === 'built');
  const version = built?.type === 'built' ? ` to ${built.manifest.version}` : '';
  return `flake.lock: update ${config.inputName}${version}\n\nMade by NixFleet on ${config.host}, run ${runId}.\n`;
}

/** The commits that this run has pushed or tried to: their pushes stand in the journal before they begin. */
function pushes({ journal }: RunContext): string[] {
  return stepsOf(journal.events.map(knownEvent)).flatMap(({ argv }) =>
    argv[0] === 'git' && argv[1] === 'push' ? (argv.at(-1)?.split(':')[0] ?? []) : [],
  );
}

/** When the fast-forward of an earlier runner began that may not be whole: nothing after it says that its files are on the disk. */
function brokenMerge({ journal }: RunContext): number | undefined {
  const events = journal.events.map(knownEvent);
  const since = events.findIndex(event => event?.type === 'publishing');
  const last = stepsOf(events.slice(since)).findLast(({ argv }) => argv[0] === 'git' && argv[1] === 'merge');
  const ended = events.find(event => event?.type === 'step-ended' && event.step === last?.step);
  return ended?.type === 'step-ended' && ended.exitCode !== undefined && ended.exitCode !== 0 ? undefined : last?.at;
}

function stepsOf(events: readonly (RunEvent | undefined)[]): Extract<RunEvent, { type: 'step-started' }>[] {
  return events.flatMap(event => (event?.type === 'step-started' ? event : []));
}

/** Upstream has the lock: the checkout follows, unless something of a person's is in the way. */
async function takeOver(
  run: RunContext,
  checkout: Checkout,
  { bytes, blob, base, branch, to }: Lock,
  tip: string,
  brokenSince: number | undefined,
): Promise<void> {
  const why = await adopt(run, checkout, { to: tip, branch, lock: bytes, blob, base, brokenSince }).catch(inWords);
  if (why !== undefined) warn(run, `the checkout was not brought to ${to}, the next update does that: ${why}`);
}

function conclude(run: RunContext, published: Published): void {
  const why = published.why?.slice(0, 8192);
  const { result, rev, to = 'upstream' } = published;
  run.journal.append({ type: 'published', ...published, ...(why !== undefined && { why }) });
  if (result === 'not-published') warn(run, `flake.lock was not published: ${why ?? 'unknown'}`);
  else if (result === 'held') run.steps.say(`flake.lock need not be published: ${to} holds the same`);
  else run.steps.say(`flake.lock is published as ${rev?.slice(0, 12) ?? 'a commit'} to ${to}`);
}

function inWords(error: unknown): string {
  return error instanceof Error && !(error instanceof RunFailure) ? error.message : asFailure(error).reason.message;
}
