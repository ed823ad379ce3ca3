/** What becomes of a run that cannot go on: the way back to what was recorded, as far as there is one. */
import type { Outcome, Reason } from '../../protocol/index.ts';
import { readManifest } from '../platform/rebuilder.ts';
import { releaseReserve } from '../run-directory/reserve.ts';
import { findUndo } from '../run-directory/undo-decided.ts';
import { ActivationFailure, restoreDefault, rollBack, warn } from './activating.ts';
import { RELAY_GRACE_MS } from './confirm-rules.ts';
import { confirm } from './confirming.ts';
import { proofTimes, type Ending, type Progress, type RunContext } from './context.ts';
import { asFailure, type RunFailure } from './reason.ts';
import { restoreCheckout } from './restoring.ts';
import type { ResumePlan } from './resume-plan.ts';

/** Ends a run that a failure ended in the phase where it is. Throws when another runner must finish it. */
export async function recover(run: RunContext, progress: Progress, failure: RunFailure): Promise<Ending> {
  const { phase } = run.control;
  const ending = endingOf(failure, 'failed');
  if (failure.reason.kind === 'disk-full') releaseReserve(run.paths);
  run.steps.say(`${phase}: ${failure.reason.message}`);
  switch (phase) {
    case 'queued':
    case 'accepted':
    case 'pulling':
    case 'locking':
    case 'building':
      decide(run, ending);
      return withCheckoutRestored(run, progress, ending);
    case 'activating':
    case 'confirming':
      // the host goes down, or somebody stopped the unit: what then runs decides, when there is a runner again
      if (failure.reason.kind === 'interrupted') throw failure;
      return undoActivation(run, progress, failure);
    case 'committing':
      if (failure.reason.kind === 'interrupted') throw failure;
      return inconsistent(run, progress, ending, afterProof(run, recordedToplevel(progress)));
  }
}

/** What is known of a host whose new generation is proven, and could not be made what boots. */
function afterProof({ rebuilder }: RunContext, recorded: string | undefined): string {
  const { profile } = rebuilder.current();
  const boots = profile === recorded ? 'the host still boots the old one' : 'it may boot the old one';
  return `the new generation runs and its agent is proven, but ${boots}`;
}

/** Ends a run as planned whose runner died. */
export async function undoAsPlanned(
  run: RunContext,
  progress: Progress,
  plan: Extract<ResumePlan, { kind: 'undo' }>,
): Promise<Ending> {
  const { outcome, reason, lastLines } = plan;
  const ending: Ending = { outcome, changed: false, reason, ...(lastLines && { lastLines: [...lastLines] }) };
  const recorded = recordedToplevel(progress);
  const isCheckoutOnly = plan.phase !== 'activating' && plan.phase !== 'confirming' && plan.phase !== 'committing';
  if (isCheckoutOnly) return withCheckoutRestored(run, progress, ending);
  if (recorded === undefined)
    return inconsistent(run, progress, ending, 'it is not known what ran before, so nothing could be activated again');
  if (plan.depth === 'activation') {
    // a runner that takes over from this one must not activate the new generation again
    if (!findUndo(run.journal.events)) decide(run, ending);
    return backTo(run, progress, recorded, ending);
  }
  if (plan.depth === 'boot-default') {
    const failed = await restoreDefault(run, recorded);
    if (failed) return inconsistent(run, progress, ending, failed.reason.message, failed.reason.advice);
  }
  return proven(run, progress, recorded, ending);
}

async function undoActivation(run: RunContext, progress: Progress, failure: RunFailure): Promise<Ending> {
  const recorded = recordedToplevel(progress);
  const { running, profile } = run.rebuilder.current();
  const ranNew = progress.activatedAt !== undefined;
  const movedProfile = run.rebuilder.method !== 'staged' && profile !== recorded;
  const ending = endingOf(failure, ranNew ? 'rolled-back' : 'failed');
  if (!ranNew && !(failure instanceof ActivationFailure) && running === recorded && !movedProfile) {
    decide(run, ending);
    return withCheckoutRestored(run, progress, ending);
  }
  if (run.rollback === 'never' && ending.outcome !== 'cancelled')
    return inconsistent(
      run,
      progress,
      ending,
      `rollback is off, so the host runs ${running ?? 'an unknown generation'}`,
    );
  if (recorded === undefined)
    return inconsistent(run, progress, ending, 'it is not known what ran before, so nothing could be activated again');
  decide(run, ending);
  return backTo(run, progress, recorded, ending);
}

/** Activates the recorded generation again and sees that its agent runs. */
async function backTo(run: RunContext, progress: Progress, recorded: string, ending: Ending): Promise<Ending> {
  run.control.renew(run.config.deadlines.activating);
  const failed = await rollBack(run, recorded, progress.built?.toplevel);
  if (failed) return inconsistent(run, progress, ending, failed.reason.message, failed.reason.advice);
  return proven(run, progress, recorded, ending);
}

/** The recorded generation runs: its agent must, too, and the checkout is put back. */
async function proven(run: RunContext, progress: Progress, recorded: string, ending: Ending): Promise<Ending> {
  const unproven = await proveOldAgent(run, recorded);
  const restored = await withCheckoutRestored(run, progress, ending);
  if (unproven === undefined) return restored;
  return inconsistent(run, progress, restored, `the recorded generation runs, but ${unproven}`);
}

/** Waits for the agent of the generation that is active again. Why it is not proven, if it is not. */
async function proveOldAgent(run: RunContext, recorded: string): Promise<string | undefined> {
  const manifest = readManifest(recorded);
  const { deadline, settling } = proofTimes(run);
  run.control.renew(deadline + RELAY_GRACE_MS + settling + 60_000);
  try {
    await confirm(run, {
      toplevel: recorded,
      manifest: manifest.ok ? manifest.manifest : undefined,
      deadline,
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
  const { checkout, doings, lost } = progress;
  if (!checkout)
    return lost
      ? inconsistent(run, progress, ending, `the checkout could not be put back as it was: ${lost.why}`)
      : ending;
  const { left, failed } = await restoreCheckout(run, checkout, doings);
  for (const what of left) warn(run, what);
  if (failed === undefined) return ending;
  return inconsistent(run, progress, ending, `the checkout could not be put back as it was: ${failed}`);
}

/** Ends with something that could not be undone: says what. */
function inconsistent(run: RunContext, progress: Progress, ending: Ending, what: string, advice?: string): Ending {
  const { reason } = ending;
  return {
    ...ending,
    outcome: 'inconsistent',
    changed: run.rebuilder.current().running !== recordedToplevel(progress),
    reason: {
      kind: reason?.kind ?? 'internal',
      message: `${reason?.message ?? 'the run failed'}; ${what}`.slice(0, 8192),
      ...advised(advice ?? reason?.advice),
    },
  };
}

/** Writes down that the run ends and why, before anything is put back: a runner that takes over then goes on undoing. */
function decide(run: RunContext, { outcome, reason, lastLines }: Ending): void {
  if (reason) run.journal.append({ type: 'undo-decided', outcome, reason, ...(lastLines && { lastLines }) });
}

/** A wish to cancel that was followed ends as that, whatever had to be undone. */
function endingOf(failure: RunFailure, outcome: Outcome): Ending {
  const lines = failure.lastLines.slice(-20).map(line => line.slice(0, 2048));
  const reason: Reason = {
    ...failure.reason,
    message: failure.reason.message.slice(0, 8192),
    ...advised(failure.reason.advice),
  };
  return {
    outcome: failure.reason.kind === 'cancelled' ? 'cancelled' : outcome,
    changed: false,
    reason,
    ...(lines.length > 0 && { lastLines: lines }),
  };
}

const advised = (advice: string | undefined): Pick<Reason, 'advice'> => (advice === undefined ? {} : { advice });

function recordedToplevel(progress: Progress): string | undefined {
  return (progress.checkout?.recorded.before ?? progress.lost?.before)?.generation?.toplevel;
}
