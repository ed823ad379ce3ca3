/** The run itself: the phases in order. */
import { ActivationFailure, activate, commit, judgeFailedUnits, warn } from './activating.ts';
import { build } from './building.ts';
import { confirm } from './confirming.ts';
import { judge } from './confirm-rules.ts';
import { proofTimes, type Built, type Ending, type EntryPoint, type Progress, type RunContext } from './context.ts';
import { lock } from './locking.ts';
import { openCheckout, pull, record } from './pulling.ts';
import { asFailure } from './reason.ts';
import { recover } from './undoing.ts';
import { readManifest } from '../platform/rebuilder.ts';
import { hostRebootReasons } from '../platform/reboot.ts';
import { bootId } from '../process.ts';
import { readAgentState } from '../run-directory/agent-state.ts';
import { statePaths } from '../run-directory/layout.ts';

const ORDER: readonly EntryPoint[] = ['pulling', 'locking', 'building', 'activating', 'confirming', 'committing'];

/**
 * Runs the phases from an entry point on, undoes what has to be undone, and says how it ended. Throws when the run is not
 * at its end and another runner must finish it.
 */
export async function work(run: RunContext, progress: Progress, entry: EntryPoint): Promise<Ending> {
  try {
    return await phases(run, progress, entry);
  } catch (error) {
    return recover(run, progress, asFailure(error));
  }
}

async function phases(run: RunContext, progress: Progress, entry: EntryPoint): Promise<Ending> {
  const due = (phase: EntryPoint): boolean => ORDER.indexOf(phase) >= ORDER.indexOf(entry);
  const { control } = run;

  if (due('pulling')) {
    control.enter('pulling');
    progress.checkout ??= await openCheckout(run, open => record(run, open));
    await pull(run, progress.checkout, progress.doings);
  }
  const { checkout } = progress;
  if (!checkout) throw new Error('the checkout is not known');
  if (due('locking')) {
    control.enter('locking');
    await lock(run, checkout, progress.doings);
  }
  if (due('building')) {
    control.enter('building');
    progress.built = await build(run, checkout);
    if (await isUpToDate(run, progress.built)) {
      run.steps.say('nothing to update: the host runs this generation and its agent already');
      return { outcome: 'succeeded', changed: false };
    }
  }
  if (!progress.built) throw new Error('what was built is not known');
  if (due('activating')) {
    control.enter('activating');
    const activated = await activate(run, checkout, progress.built);
    const { toplevel } = activated;
    progress.activatedAt = Date.now();
    judgeFailedUnits(run, activated);
    if (toplevel !== progress.built.toplevel) progress.built = builtBySystem(toplevel);
  }
  const { built } = progress;
  if (due('confirming')) {
    control.safePoint();
    control.enter('confirming');
    await prove(run, built, progress.activatedAt ?? Date.now());
  }
  control.enter('committing');
  await commit(run, built.toplevel);
  const because = hostRebootReasons(run.config);
  if (because) run.journal.append({ type: 'reboot', because });
  if (control.cancelledBy !== undefined) warn(run, 'the wish to cancel came when there was nothing left to undo');
  return { outcome: 'succeeded', changed: built.toplevel !== checkout.recorded.before.generation?.toplevel };
}

async function prove(run: RunContext, { toplevel, manifest }: Built, since: number): Promise<void> {
  const safePoint = (): void => run.control.safePoint();
  const { pid, proof } = await confirm(run, { toplevel, manifest, ...proofTimes(run), since, safePoint });
  run.journal.append({ type: 'confirmed', agent: manifest, pid, proof });
  const how = proof === 'hello' ? 'the relay has greeted it' : 'it is healthy, and the relay cannot be reached';
  run.steps.say(`agent ${manifest.version} is proven: ${how}`);
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
  if (manifest.ok) return { toplevel, manifest: manifest.manifest };
  throw new ActivationFailure({
    kind: 'no-agent-in-configuration',
    message: `the generation that was activated carries no NixFleet agent: ${manifest.message}`,
    advice: 'Enable services.nixfleet-agent for this host in nixcfg, push, and run the update again.',
  });
}
