/** The run itself: the phases in order, and what becomes of a failure in each of them. */
import type { Outcome, Reason, RunEvent, Snapshot } from '../../protocol/index.ts';
import { ActivationFailure, activate, commit, rollBack, warn } from './activating.ts';
import { build } from './building.ts';
import { confirm } from './confirming.ts';
import { judge } from './confirm-rules.ts';
import type { Built, Checkout, CheckoutDoings, RunContext } from './context.ts';
import { lock } from './locking.ts';
import { openCheckout, pull, record } from './pulling.ts';
import { asFailure, type RunFailure } from './reason.ts';
import { restoreCheckout } from './restoring.ts';
import { readLock } from '../nixcfg/checkout.ts';
import { readManifest } from '../platform/rebuilder.ts';
import { bootId } from '../process.ts';
import { readAgentState } from '../run-directory/agent-state.ts';
import { statePaths } from '../run-directory/layout.ts';
import { lockedRefOf, systemSnapshot } from './snapshot.ts';

export type Ended = Extract<RunEvent, { type: 'ended' }>;
/** How a run ended, but for what the host is then. */
export type Ending = Pick<Ended, 'outcome' | 'changed' | 'reason' | 'lastLines'>;

/** What a run has done so far, in memory; a resumed run reads it from the journal. */
export interface Progress {
  checkout?: Checkout;
  readonly doings: CheckoutDoings;
  built?: Built;
  /** The new generation runs since this activation (ms since the epoch). */
  activatedAt?: number;
}

/** Where a run (re)enters its phases. */
export type EntryPoint = 'pulling' | 'locking' | 'building' | 'activating' | 'confirming' | 'committing';

const ORDER: readonly EntryPoint[] = ['pulling', 'locking', 'building', 'activating', 'confirming', 'committing'];

/** Runs the phases from an entry point on and says how it ended. Never rejects for what a run can meet. */
export async function work(run: RunContext, progress: Progress, entry: EntryPoint): Promise<Ending> {
  try {
    return await phases(run, progress, entry);
  } catch (error) {
    const failure = asFailure(error);
    return recover(run, progress, failure);
  }
}

async function phases(run: RunContext, progress: Progress, entry: EntryPoint): Promise<Ending> {
  const due = (phase: EntryPoint): boolean => ORDER.indexOf(phase) >= ORDER.indexOf(entry);

  if (due('pulling')) {
    run.control.enter('pulling');
    progress.checkout ??= await openCheckout(run, open => record(run, open));
    const { checkout } = progress;
    await pull(run, checkout, progress.doings);
  }
  const { checkout } = progress;
  if (!checkout) throw new Error('the checkout is not known');

  if (due('locking')) {
    run.control.enter('locking');
    await lock(run, checkout, progress.doings);
  }

  if (due('building')) {
    run.control.enter('building');
    progress.built = await build(run, checkout);
    if (await isUpToDate(run, progress.built)) {
      run.steps.say('nothing to update: the host runs this generation and its agent already');
      return { outcome: 'succeeded', changed: false };
    }
  }
  if (!progress.built) throw new Error('what was built is not known');

  if (due('activating')) {
    run.control.enter('activating');
    const { toplevel } = await activate(run, checkout, progress.built);
    progress.activatedAt = Date.now();
    if (toplevel !== progress.built.toplevel) progress.built = builtBySystem(toplevel);
  }

  const { built } = progress;
  if (due('confirming')) {
    run.control.safePoint();
    run.control.begin('confirming');
    const { confirming, settling } = deadlines(run);
    const { pid, proof } = await confirm(run, {
      manifest: built.manifest,
      deadline: confirming,
      settling,
      since: progress.activatedAt ?? Date.now(),
      safePoint: () => run.control.safePoint(),
    });
    run.journal.append({ type: 'confirmed', agent: built.manifest, pid, proof });
    run.steps.say(
      `agent ${built.manifest.version} is proven (${proof === 'hello' ? 'the relay has greeted it' : 'healthy; the relay cannot be reached'})`,
    );
  }

  run.control.begin('committing');
  await commit(run, built.toplevel);
  if (run.control.cancelledBy !== undefined) warn(run, 'the wish to cancel came when there was nothing left to undo');
  return { outcome: 'succeeded', changed: built.toplevel !== checkout.recorded.before.generation?.toplevel };
}

function deadlines(run: RunContext): { confirming: number; settling: number } {
  const { settling } = run.config.deadlines;
  return { confirming: run.request.deadlines?.confirming ?? run.config.deadlines.confirming, settling };
}

/** Whether the host already is what was built: it runs it, boots it, and the right agent is up. */
async function isUpToDate(run: RunContext, built: Built): Promise<boolean> {
  const { running, profile } = run.rebuilder.current();
  if (running !== built.toplevel || profile !== built.toplevel) return false;
  const state = readAgentState(statePaths(run.config.stateDir).agent);
  const health = judge({ service: await run.services.agent(), state, bootId: bootId() }, built.manifest);
  return health.kind !== 'missing';
}

function builtBySystem(toplevel: string): Built {
  const manifest = readManifest(toplevel);
  if (!manifest.ok)
    throw new ActivationFailure({
      kind: 'no-agent-in-configuration',
      message: `the generation that was activated carries no NixFleet agent: ${manifest.message}`,
      advice: 'Enable services.nixfleet-agent for this host in nixcfg, push, and run the update again.',
    });
  return { toplevel, manifest: manifest.manifest };
}

/** What becomes of a failure: the way back to what was recorded, as far as there is one. */
async function recover(run: RunContext, progress: Progress, failure: RunFailure): Promise<Ending> {
  const { phase } = run.control;
  run.steps.say(`${phase} failed: ${failure.reason.message}`);
  switch (phase) {
    case 'queued':
    case 'accepted':
    case 'pulling':
    case 'locking':
    case 'building':
      return withCheckoutRestored(run, progress, endingOf(failure, 'failed'));
    case 'activating':
    case 'confirming':
      if (failure.reason.kind === 'interrupted') throw failure;
      return undoActivation(run, progress, failure);
    case 'committing':
      if (failure.reason.kind === 'interrupted') throw failure;
      return { ...endingOf(failure, 'inconsistent'), outcome: 'inconsistent', changed: true };
  }
}

async function undoActivation(run: RunContext, progress: Progress, failure: RunFailure): Promise<Ending> {
  const recorded = progress.checkout?.recorded.before.generation?.toplevel;
  const { running, profile } = run.rebuilder.current();
  const isCancelled = failure.reason.kind === 'cancelled';
  const movedProfile = run.rebuilder.method === 'nixos-rebuild' && profile !== recorded;
  const isTouched =
    failure instanceof ActivationFailure || progress.activatedAt !== undefined || running !== recorded || movedProfile;
  if (!isTouched) return withCheckoutRestored(run, progress, endingOf(failure, 'failed'));
  const changed = running !== recorded;
  if (run.rollback === 'never' && !isCancelled)
    return {
      ...endingOf(failure, 'inconsistent'),
      reason: withMore(
        failure.reason,
        `; rollback is off, so the host still runs ${running ?? 'an unknown generation'}`,
      ),
      changed,
    };
  if (recorded === undefined)
    return {
      ...endingOf(failure, 'inconsistent'),
      outcome: 'inconsistent',
      reason: withMore(failure.reason, '; it is not known what ran before, so nothing could be activated again'),
      changed,
    };
  run.control.renew(run.config.deadlines.activating);
  const failed = await rollBack(run, recorded);
  if (failed)
    return {
      ...endingOf(failed, 'inconsistent'),
      outcome: 'inconsistent',
      reason: withMore(failure.reason, `; ${failed.reason.message}`, failed.reason.advice),
      changed: run.rebuilder.current().running !== recorded,
    };
  const unproven = await proveOldAgent(run, recorded);
  const outcome = progress.activatedAt === undefined ? 'failed' : 'rolled-back';
  const ending = await withCheckoutRestored(run, progress, endingOf(failure, outcome));
  if (!unproven) return ending;
  return {
    ...ending,
    outcome: 'inconsistent',
    reason: withMore(failure.reason, `; the recorded generation is active again, but ${unproven}`),
  };
}

/** Waits for the agent of the generation that is active again. Why it is not proven, if it is not. */
async function proveOldAgent(run: RunContext, recorded: string): Promise<string | undefined> {
  const manifest = readManifest(recorded);
  const { confirming, settling } = deadlines(run);
  run.control.renew(confirming + settling + 60_000);
  try {
    await confirm(run, {
      manifest: manifest.ok ? manifest.manifest : undefined,
      deadline: confirming,
      settling: Math.min(settling, 1000),
      since: Date.now(),
      safePoint: () => undefined,
    });
    return undefined;
  } catch (error) {
    const why = asFailure(error).reason.message;
    if (manifest.ok) return why;
    // a generation without a manifest promised no agent
    warn(run, why);
    return undefined;
  }
}

async function withCheckoutRestored(run: RunContext, progress: Progress, ending: Ending): Promise<Ending> {
  const { checkout, doings } = progress;
  if (!checkout) return ending;
  const { left, failed } = await restoreCheckout(run, checkout, doings);
  for (const what of left) warn(run, what);
  if (failed === undefined) return ending;
  return {
    ...ending,
    outcome: 'inconsistent',
    ...(ending.reason && {
      reason: withMore(ending.reason, `; the checkout could not be put back as it was: ${failed}`),
    }),
  };
}

/** A wish to cancel that was followed ends as that, whatever had to be undone. */
function endingOf(failure: RunFailure, outcome: Outcome): Ending {
  const lines = failure.lastLines.slice(-20).map(line => line.slice(0, 2048));
  return {
    outcome: failure.reason.kind === 'cancelled' ? 'cancelled' : outcome,
    changed: false,
    reason: failure.reason,
    ...(lines.length > 0 && { lastLines: lines }),
  };
}

function withMore(reason: Reason, more: string, advice = reason.advice): Reason {
  return { ...reason, message: `${reason.message}${more}`.slice(0, 8192), ...(advice !== undefined && { advice }) };
}

/** The host at the end of the run. */
export async function finalSnapshot(run: RunContext, progress: Progress): Promise<Snapshot> {
  const { checkout } = progress;
  const system = systemSnapshot(run);
  if (!checkout) return system;
  const head = await checkout.git.head().catch(() => undefined);
  const lockNow = await readLock(checkout.query).catch(() => undefined);
  return {
    ...(head && { head: head.rev, ...(head.branch !== undefined && { branch: head.branch.slice(0, 1024) }) }),
    ...lockedRefOf(lockNow, run.config.inputName),
    ...system,
  };
}
