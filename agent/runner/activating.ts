/** The phases that change the system: activating, committing, and the way back. */
import type { Activation } from '../platform/rebuilder.ts';
import { currentUser } from '../steps/user.ts';
import { runAsSelf, type Built, type Checkout, type RunContext } from './context.ts';
import { lastLines } from './last-lines.ts';
import { asFailure, fail, RunFailure } from './reason.ts';
import type { RunStep } from '../platform/rebuilder.ts';
import type { StepResult } from './step-runner.ts';

export interface Activated {
  readonly toplevel: string;
  /** Whether any unit failed in it, and those that had not failed before, as far as their names are known. */
  readonly unitsFailed: boolean;
  readonly failedUnits: readonly string[];
  /** The end of the activation's output. */
  readonly tail: Uint8Array;
}

/** Thrown when the new generation is not what runs now, or not as a whole: the old one must be activated again. */
export class ActivationFailure extends RunFailure {}

/** Activates what was built. Returns when it runs, if with failed units; throws `RunFailure` when nothing was touched. */
export async function activate(run: RunContext, checkout: Checkout, built: Built): Promise<Activated> {
  const before = new Set(await run.services.failedUnits());
  await keepFromCollection(run, checkout.recorded.before.generation?.toplevel);
  let tail: Uint8Array = new Uint8Array(0);
  let hasBegun = false;
  const runStep = stepsOf(run, result => (tail = result.tail));
  const notedStep: RunStep = (argv, more) => {
    hasBegun = true;
    return runStep(argv, more);
  };
  const activation = await run.rebuilder.activate(notedStep, built.toplevel, checkout).catch((error: unknown) => {
    const failure = asFailure(error);
    // ended in its middle, as on a full disk: it may have stopped units before anything else shows of it
    throw hasBegun ? new ActivationFailure(failure.reason, failure.lastLines, error) : failure;
  });
  const toplevel = toplevelAfter(run, activation, built.toplevel);
  const failedUnits = (await run.services.failedUnits()).filter(unit => !before.has(unit)).slice(0, 100);
  if (activation.kind === 'refused') throw new RunFailure(activation.reason, lastLines(tail));
  if (activation.kind === 'failed') throw new ActivationFailure(activation.reason, lastLines(tail));
  run.journal.append({ type: 'activated', toplevel, failedUnits: [...failedUnits] });
  return { toplevel, tail, unitsFailed: activation.kind === 'units-failed' || failedUnits.length > 0, failedUnits };
}

/** What failed units of an activation that went through mean: a warning, or the end of the run. */
export function judgeFailedUnits(run: RunContext, { unitsFailed, failedUnits, tail }: Activated): void {
  if (!unitsFailed) return;
  if (run.rollback === 'always')
    throw new ActivationFailure(
      {
        kind: 'activation',
        message: `units failed when the new generation was activated: ${named(failedUnits)}`,
        advice:
          'Mend them in nixcfg, push, and run the update again; with rollback = agent they would have been a warning.',
      },
      lastLines(tail),
    );
  // the agent's own unit is judged by the proof
  const others = failedUnits.filter(unit => unit !== run.config.system.unit);
  if (others.length > 0 || failedUnits.length === 0)
    warn(run, `units failed in the activation that have nothing to do with the agent: ${named(others)}`);
}

/** Activates the recorded generation again, after what was built. Undefined when it runs again; else why not. */
export async function rollBack(
  run: RunContext,
  recorded: string,
  built: string | undefined,
): Promise<RunFailure | undefined> {
  let tail: Uint8Array = new Uint8Array(0);
  run.steps.say(`the recorded generation is activated again: ${recorded}`);
  const activation = await run.rebuilder.rollBack(
    stepsOf(run, result => (tail = result.tail)),
    recorded,
    built,
  );
  const { running } = run.rebuilder.current();
  if ((activation.kind === 'done' || activation.kind === 'units-failed') && running === recorded) {
    run.journal.append({ type: 'restored', what: 'generation', detail: recorded });
    return undefined;
  }
  const why =
    'reason' in activation ? activation.reason.message : `the host runs ${running ?? 'an unknown generation'}`;
  return new RunFailure(
    {
      kind: 'rollback',
      message: `the recorded generation ${recorded} could not be activated again: ${why}`,
      advice: `Look at the host. By hand: ${run.rebuilder.byHand.activate(recorded)}`,
    },
    lastLines(tail),
  );
}

/** Makes the recorded generation, which runs, what boots next. Undefined when it worked; else why not. */
export async function restoreDefault(run: RunContext, recorded: string): Promise<RunFailure | undefined> {
  let tail: Uint8Array = new Uint8Array(0);
  run.control.renew(run.config.deadlines.committing);
  const reason = await run.rebuilder.restoreDefault(
    stepsOf(run, result => (tail = result.tail)),
    recorded,
  );
  if (reason) return new RunFailure(reason, lastLines(tail));
  run.journal.append({ type: 'restored', what: 'generation', detail: `${recorded} boots next` });
  return undefined;
}

/** Makes the proven generation what the host boots. */
export async function commit(run: RunContext, toplevel: string): Promise<void> {
  let tail: Uint8Array = new Uint8Array(0);
  const reason = await run.rebuilder.commit(
    stepsOf(run, result => (tail = result.tail)),
    toplevel,
  );
  if (reason) throw new RunFailure(reason, lastLines(tail));
  const { number } = run.rebuilder.current();
  run.journal.append({
    type: 'committed',
    generation: { toplevel, ...(number !== undefined && { number }) },
  });
}

function stepsOf(run: RunContext, seen: (result: StepResult) => void): RunStep {
  const self = currentUser();
  return async (argv, more) => {
    const result = await runAsSelf(run, self, argv, more);
    seen(result);
    return result;
  };
}

/** With a method that builds by itself, what runs is what it built. */
function toplevelAfter(run: RunContext, activation: Activation, built: string): string {
  if (run.rebuilder.method !== 'nixos-rebuild' || (activation.kind !== 'done' && activation.kind !== 'units-failed'))
    return built;
  const { profile } = run.rebuilder.current();
  if (profile === undefined) fail('internal', 'the system profile points to nothing after the activation');
  if (profile !== built)
    warn(run, `${run.rebuilder.method} built another generation than was built before: ${profile}`);
  return profile;
}

/** The way back must not be collected as garbage while it is neither running nor in a profile. */
async function keepFromCollection(run: RunContext, toplevel: string | undefined): Promise<void> {
  if (toplevel === undefined || toplevel === run.rebuilder.current().profile) return;
  const root = `${run.paths.dir}/before`;
  await stepsOf(run, () => undefined)(['nix-store', '--realise', toplevel, '--add-root', root, '--indirect']);
}

export function warn(run: RunContext, message: string): void {
  run.journal.append({ type: 'warning', message: message.slice(0, 8192) });
  run.steps.say(`warning: ${message}`);
}

function named(units: readonly string[]): string {
  return units.length === 0 ? 'see the output' : units.join(', ');
}
