/** The phase locking: the input that carries the agent is moved, and what the lock holds then is what counts. */
import type { LockedRef } from '../../protocol/index.ts';
import { findInput, parseFlakeLock, pinnedUrl } from '../../flake-lock/index.ts';
import { readLock, syncLock } from '../nixcfg/checkout.ts';
import { readSmallFile, writeFileAtomically } from '../run-directory/files.ts';
import { lockFailure, staleLock } from '../steps/failures.ts';
import { nixVersion, updateInputCommand } from '../steps/nix.ts';
import { runAsOwner, type Checkout, type CheckoutDoings, type RunContext } from './context.ts';
import { MAX_LOCK_BYTES } from './earlier-locks.ts';
import { expectSuccess, outputText } from './expect-success.ts';
import { refuseFailedRevision } from './failed-before.ts';
import { lastLines } from './last-lines.ts';
import { pastLeftLocks } from './left-lock.ts';
import { fail, RunFailure } from './reason.ts';
import { putLock } from './restoring.ts';
import { lockedRefOf } from './snapshot.ts';
import type { StepResult } from './step-runner.ts';

const NO_SUCH_INPUT = /does not match any input/;

/** Updates the lock of the checkout. */
export async function lock(run: RunContext, checkout: Checkout, doings: CheckoutDoings): Promise<void> {
  const { inputName: input } = run.config;
  const kept = readSmallFile(run.paths.lockAfter, MAX_LOCK_BYTES);
  // what a runner that died has kept may be with readers already: the run stays with it
  const after = kept.ok ? kept.value : await newLock(run, checkout, doings);
  const locked = lockedRefOf(after, input).input;
  if (!locked) return noSuchInput(run, checkout, '');
  if (kept.ok) await putLock(checkout, kept.value);
  else {
    await syncLock(checkout.query);
    writeFileAtomically(run.paths.lockAfter, after);
  }
  const was = lockedRefOf(checkout.recorded.lock, input).input;
  const changed = !sameRef(was, locked);
  run.journal.append({ type: 'locked', input, ...(was && { before: was }), after: locked, changed });
  run.steps.say(
    changed
      ? `the input ${input}: ${was ? nameOf(was) : 'not locked'} → ${nameOf(locked)}`
      : `the input ${input} is at its newest revision already: ${nameOf(locked)}`,
  );
  refuseFailedRevision(run, locked.rev);
}

/** Lets nix move the input, and sees that it did. */
async function newLock(run: RunContext, checkout: Checkout, doings: CheckoutDoings): Promise<Uint8Array> {
  const { inputName: input } = run.config;
  const { targetRev } = run.request;
  const version = await nixVersion(checkout.query);
  if (!version)
    fail(
      'missing-program',
      'nix was not found on this host, or does not say its version',
      'Put nix where the runner’s PATH finds it.',
    );
  let target = targetRev === undefined ? undefined : pinned(await readLock(checkout.query), input, targetRev);
  if (targetRev !== undefined && target === undefined) {
    // the lock does not know the input yet: what flake.nix says of it stands in the lock after a first update
    await update(run, checkout, doings, updateInputCommand(version, input));
    target = pinned(await readLock(checkout.query), input, targetRev);
  }
  const step = await update(run, checkout, doings, updateInputCommand(version, input, target));
  const after = await readLock(checkout.query);
  const locked = after && hasInput(after, input, checkout) ? lockedRefOf(after, input).input : undefined;
  checkReached(run, step, locked, targetRev);
  if (!after || !locked) return noSuchInput(run, checkout, outputText(step));
  return after;
}

async function update(
  run: RunContext,
  checkout: Checkout,
  doings: CheckoutDoings,
  command: readonly [string, ...string[]],
): Promise<StepResult> {
  const { inputName } = run.config;
  doings.lockInFlight = true;
  const step = await pastLeftLocks(run, checkout, () => runAsOwner(run, checkout, command));
  const left = await readLock(checkout.query);
  if (left) doings.ownLocks.push(left);
  doings.lockInFlight = false;
  expectSuccess(step, 'nix flake update', output => lockFailure(output, `the input ${inputName}`));
  if (NO_SUCH_INPUT.test(outputText(step))) noSuchInput(run, checkout, outputText(step));
  return step;
}

function pinned(lockBytes: Uint8Array | undefined, input: string, rev: string): string | undefined {
  const parsed = lockBytes && parseFlakeLock(new TextDecoder().decode(lockBytes));
  const original = parsed?.ok ? findInput(parsed.lock, [input])?.original : undefined;
  if (!original) return undefined;
  const url = pinnedUrl(original, rev);
  if (url.ok) return url.url;
  return fail(
    'input-without-revisions',
    `the input ${input} cannot be set to the revision ${rev.slice(0, 12)}: ${url.reason}`,
    'Update without naming a revision, or point the input to a git repository.',
  );
}

function hasInput(lockBytes: Uint8Array, input: string, checkout: Checkout): boolean {
  const parsed = parseFlakeLock(new TextDecoder().decode(lockBytes));
  if (!parsed.ok)
    return fail(
      'lock-unreadable',
      `${checkout.path}/flake.lock cannot be read: ${parsed.error.message} (line ${parsed.error.line})`,
      'Mend the lock where nixcfg comes from (nix flake lock), push, and run the update again.',
    );
  return findInput(parsed.lock, [input]) !== undefined;
}

function noSuchInput(run: RunContext, checkout: Checkout, output: string): never {
  const { inputName } = run.config;
  return fail(
    'no-such-input',
    `the flake in ${checkout.path} has no input named ${inputName}`,
    'Add it to the inputs of flake.nix, or set inputName in the agent’s options to the name that it has there.',
    lastLines(Buffer.from(output)),
  );
}

function checkReached(
  run: RunContext,
  step: StepResult,
  locked: LockedRef | undefined,
  targetRev: string | undefined,
): void {
  const { inputName: input } = run.config;
  // exactly what was asked for is fine wherever nix had it from
  if (targetRev !== undefined && locked?.rev === targetRev) return;
  const stale = staleLock(outputText(step), `the source of the input ${input}`);
  if (stale) throw new RunFailure(stale, lastLines(step.tail));
  if (targetRev !== undefined && locked)
    fail(
      'target-not-reached',
      `nix locked ${nameOf(locked)} for ${input} and not ${targetRev.slice(0, 12)}, which was asked for`,
      'See what nix says of the input, and run the update again.',
      lastLines(step.tail),
    );
}

function nameOf(ref: LockedRef): string {
  const day =
    ref.lastModified === undefined ? '' : ` (${new Date(ref.lastModified * 1000).toISOString().slice(0, 10)})`;
  return `${ref.rev?.slice(0, 12) ?? ref.narHash ?? ref.url ?? 'unknown'}${day}`;
}

function sameRef(a: LockedRef | undefined, b: LockedRef): boolean {
  if (!a) return false;
  return a.rev !== undefined || b.rev !== undefined ? a.rev === b.rev : a.narHash === b.narHash && a.url === b.url;
}
