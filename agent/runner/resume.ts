/** Takes over a run whose runner died: ends what it left running, and rebuilds from the journal what it knew. */
import { setTimeout as delay } from 'node:timers/promises';
import { foldRun, knownEvent, type AnyRunEvent, type RunEvent } from '../../protocol/index.ts';
import { readLock } from '../nixcfg/checkout.ts';
import { same } from '../nixcfg/restore-plan.ts';
import { bootId, isRunning } from '../process.ts';
import { readJsonFile, readSmallFile } from '../run-directory/files.ts';
import { runnerFileSchema, type RunnerFile } from '../run-directory/runner-file.ts';
import { warn } from './activating.ts';
import type { Checkout, Ending, EntryPoint, Progress, Recorded, RunContext } from './context.ts';
import { MAX_LOCK_BYTES } from './earlier-locks.ts';
import { endGroup, groupLives, groupOf, processesMarked } from './process-group.ts';
import { announce, openCheckout } from './pulling.ts';
import { asFailure, fail } from './reason.ts';
import { putLock, restoreCheckout } from './restoring.ts';
import { planResume, type ResumePlan } from './resume-plan.ts';
import { RUN_MARK } from './step-runner.ts';
import { recover, undoAsPlanned } from './undoing.ts';
import { work } from './update.ts';

/** The last runner of a run as its file says; undefined when that cannot be read. */
export function readLastRunner(path: string): RunnerFile | undefined {
  const read = readJsonFile(path, runnerFileSchema, 64 * 1024);
  return read.ok ? read.value : undefined;
}

/** Goes on with a run, or ends it. As `work`. */
export async function resume(run: RunContext, progress: Progress, last: RunnerFile | undefined): Promise<Ending> {
  const { journal, rebuilder, control } = run;
  await finishLastStep(run, last);
  const events = [...journal.events];
  const { running, profile } = rebuilder.current();
  const plan = planResume(events, { bootId: bootId(), running, profile, bootsWhole: rebuilder.bootsWhole });
  const why =
    plan.kind === 'again' || plan.kind === 'reached'
      ? plan.why
      : plan.kind === 'ended'
        ? 'it had ended'
        : plan.reason.message;
  journal.append({ type: 'resumed', bootId: bootId(), why: why.slice(0, 1024) });
  run.steps.say(`another runner carries on: ${why}`);
  control.continueAt(foldRun(events).phase);
  try {
    await rebuild(run, progress, events);
  } catch (error) {
    // there is nothing to go on with, and beginning anew would record what the run has done as what was before; but the
    // generation may have to be put back all the same
    const failure = asFailure(error);
    const { before } = foldRun(events);
    if (before) progress.lost = { before, why: failure.reason.message };
    if (plan.kind === 'again') return recover(run, progress, failure);
    warn(run, failure.reason.message);
  }
  return carryOn(run, progress, plan, events);
}

async function carryOn(
  run: RunContext,
  progress: Progress,
  plan: ResumePlan,
  events: readonly AnyRunEvent[],
): Promise<Ending> {
  switch (plan.kind) {
    case 'ended':
      throw new Error('the run has ended');
    case 'say':
      return { outcome: 'inconsistent', changed: hasChanged(run, events), reason: plan.reason };
    case 'reached':
      return { outcome: 'succeeded', changed: plan.changed };
    case 'undo':
      return undoAsPlanned(run, progress, plan);
    case 'again': {
      const entry = await prepare(run, progress, plan.entry, events);
      return work(run, progress, entry);
    }
  }
}

function hasChanged({ rebuilder }: RunContext, events: readonly AnyRunEvent[]): boolean {
  return rebuilder.current().running !== foldRun(events).before?.generation?.toplevel;
}

/** Puts the checkout into the state in which a phase begins. Where that is not possible the run begins anew. */
async function prepare(
  run: RunContext,
  { checkout, doings }: Progress,
  entry: EntryPoint,
  events: readonly AnyRunEvent[],
): Promise<EntryPoint> {
  if (!checkout) return 'pulling';
  if (entry === 'pulling') {
    await restoreCheckout(run, checkout, doings);
    return entry;
  }
  if (entry === 'locking') {
    const head = (await checkout.git.head()).rev;
    if (head !== (doings.pulledTo ?? checkout.recorded.head)) return 'pulling';
    const committed = await checkout.git.fileAt(head, `${checkout.prefix}flake.lock`);
    if (!same(await readLock(checkout.query), committed)) await putLock(checkout, committed);
    doings.lockInFlight = false;
    return entry;
  }
  if (entry === 'building' && !foldRun(events).lock) return 'locking';
  return entry;
}

/** What the dead runner knew, from the journal and the run directory. */
async function rebuild(run: RunContext, progress: Progress, events: readonly AnyRunEvent[]): Promise<void> {
  const state = foldRun(events);
  const { before } = state;
  if (state.built)
    progress.built = { toplevel: state.activated?.toplevel ?? state.built.toplevel, manifest: state.built.manifest };
  if (state.activated) progress.activatedAt = state.activated.at;
  if (!before) return;
  const merge = lastMerge(events);
  const pulledTo = state.commits?.to ?? merge?.argv.at(-1);
  if (pulledTo !== undefined) progress.doings.pulledTo = pulledTo;
  const movingSince = openMove(events);
  if (movingSince !== undefined) progress.doings.movingSince = movingSince;
  const brokenSince = brokenStep(events);
  if (brokenSince !== undefined) progress.doings.brokenSince = brokenSince;
  const left = readSmallFile(run.paths.lockAfter, MAX_LOCK_BYTES);
  if (left.ok) progress.doings.ownLocks.push(left.value);
  progress.doings.lockInFlight =
    state.phase === 'pulling' ? hasClearedLock(events) : state.phase === 'locking' && !state.lock;
  const lockBefore = readSmallFile(run.paths.lockBefore, MAX_LOCK_BYTES);
  const hadLock = events.some(event => event.type === 'recorded' && event['lockSha256'] !== undefined);
  if (hadLock && !lockBefore.ok) fail('internal', `what was recorded of the lock is gone: ${lockBefore.message}`);
  const recorded: Recorded = {
    head: before.head ?? '',
    branch: before.branch,
    ...(hadLock && lockBefore.ok && { lock: lockBefore.value }),
    before,
  };
  progress.checkout = await openCheckout(run, open => {
    if (!state.host) announce(run, open);
    return Promise.resolve(recorded);
  });
  if (progress.checkout.path !== state.host?.nixcfg) throwMoved(progress.checkout, state.host?.nixcfg);
}

function throwMoved(checkout: Checkout, before: string | undefined): never {
  return fail(
    'nixcfg-not-found',
    `the run began in ${before ?? 'an unknown place'}, and now nixcfg is at ${checkout.path}`,
  );
}

/** The merge that was begun last; its last argument is the revision that it was to reach. */
function lastMerge(events: readonly AnyRunEvent[]): Extract<RunEvent, { type: 'step-started' }> | undefined {
  return steps(events).findLast(({ argv }) => argv[0] === 'git' && argv[1] === 'merge');
}

/** When HEAD was last set moving, there or back, without a word that it had arrived; ms since the epoch. */
function openMove(events: readonly AnyRunEvent[]): number | undefined {
  let since: number | undefined;
  for (const event of events.map(knownEvent)) {
    if (event?.type === 'pulled' || event?.type === 'restored') since = undefined;
    if (event?.type !== 'step-started' || event.argv[0] !== 'git') continue;
    const [, verb, option] = event.argv;
    if (verb === 'merge' || (verb === 'reset' && option === '--keep')) since = event.at;
  }
  return since;
}

/** When the last step began, where nobody saw it end. */
function brokenStep(events: readonly AnyRunEvent[]): number | undefined {
  const last = steps(events).at(-1);
  const end = events.find(event => event.type === 'step-ended' && event['step'] === last?.step);
  return end?.['exitCode'] === undefined ? last?.at : undefined;
}

/** Whether git was to put the committed lock in the place of an earlier run's. */
function hasClearedLock(events: readonly AnyRunEvent[]): boolean {
  return steps(events).some(({ argv }) => argv[0] === 'git' && argv[1] === 'checkout');
}

function steps(events: readonly AnyRunEvent[]): Extract<RunEvent, { type: 'step-started' }>[] {
  return events.flatMap(event => {
    const known = knownEvent(event);
    return known?.type === 'step-started' ? known : [];
  });
}

/**
 * Ends what the dead runner left at work. An activation is not ended but waited for: half an activation is worse than
 * one that nobody watched.
 */
async function finishLastStep(run: RunContext, last: RunnerFile | undefined): Promise<void> {
  const groups = new Set(processesMarked(RUN_MARK, run.runId).map(groupOf));
  for (const group of groups) if (group !== undefined && group !== groupOf(process.pid)) await endGroup(group);
  const { events } = run.journal;
  const left = steps(events).at(-1);
  if (!left || events.some(event => event.type === 'step-ended' && event['step'] === left.step)) return;
  const child = last?.child;
  const isActivation = left.raw === 'system.raw';
  const ended = (async () => {
    if (child?.step !== left.step || !isRunning(child)) return;
    if (!isActivation) return endGroup(child.pid);
    const giveUpAt = performance.now() + run.config.deadlines.activating;
    while (groupLives(child.pid) && isRunning(child)) {
      if (performance.now() > giveUpAt) return endGroup(child.pid);
      await delay(100);
    }
  })();
  if (last?.bootId !== bootId()) run.steps.cutUnwritten(left);
  await run.steps.finishStep(left, ended);
}
