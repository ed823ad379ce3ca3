/**
 * Decides how a run goes on whose runner died: from its journal and what the host is now, and nothing else. Pure.
 *
 * While the host is up, work that changes nothing outside the checkout is done again, and an activation is repeated
 * (it may be, any number of times). After a power loss the host booted whatever is its default: what runs decides. Where no
 * boot brings a generation back as a whole, what lies there may be half of either, and the recorded one is activated again.
 */
import { foldRun, type AnyRunEvent, type Outcome, type Phase, type Reason } from '../../protocol/index.ts';
import { findUndo } from '../run-directory/undo-decided.ts';
import type { EntryPoint } from './context.ts';

/** The host as it is now. */
export interface HostFacts {
  readonly bootId: string;
  /** Store paths of the generations that run, and that boot next. */
  readonly running?: string | undefined;
  readonly profile?: string | undefined;
  /** As a rebuilder's. */
  readonly bootsWhole: boolean;
}

/** What there is to undo: the activation, what boots next, or the checkout alone. What is later in the list includes it. */
export type UndoDepth = 'activation' | 'boot-default' | 'checkout';

export type ResumePlan =
  | { readonly kind: 'ended' }
  /** The run has reached its goal; its lock may still have to be published. */
  | { readonly kind: 'reached'; readonly changed: boolean; readonly why: string }
  /** The work goes on with this phase, from its beginning. */
  | { readonly kind: 'again'; readonly entry: EntryPoint; readonly why: string }
  /** The run ends; what it changed is put back first. */
  | {
      readonly kind: 'undo';
      readonly depth: UndoDepth;
      readonly phase: Phase;
      readonly outcome: Outcome;
      readonly reason: Reason;
      readonly lastLines?: readonly string[] | undefined;
    }
  /** The run ends and says what is: nobody knows how to put that right. */
  | { readonly kind: 'say'; readonly phase: Phase; readonly reason: Reason };

/** So many runners may die over one run before it is given up. */
export const MAX_RESUMES = 5;
/** So many may die in all: whatever then ends them ends those that put things back, too. */
export const MAX_DEATHS = 2 * MAX_RESUMES;
/** So many may die while the generation is activated: it may be the activation that kills them. */
const MAX_ACTIVATIONS = 3;

export function planResume(events: readonly AnyRunEvent[], host: HostFacts): ResumePlan {
  const run = foldRun(events);
  if (run.end) return { kind: 'ended' };
  const { phase } = run;
  const boots = events.flatMap(event =>
    event.type === 'host' || event.type === 'resumed' ? String(event['bootId']) : [],
  );
  const isOtherBoot = boots.length > 0 && boots.at(-1) !== host.bootId;
  const recorded = run.before?.generation?.toplevel;
  const built = run.activated?.toplevel ?? run.built?.toplevel;
  const runsNew = built !== undefined && host.running === built;
  const runsOld = recorded !== undefined && host.running === recorded;
  const now = `the host runs ${host.running ?? 'an unknown generation'}`;

  if (run.publishing)
    return { kind: 'reached', changed: run.publishing.changed, why: 'the runner died while it published the lock' };
  const undo = findUndo(events);
  if (run.resumes >= MAX_DEATHS) return { kind: 'say', phase, reason: hopeless(phase, now, undo?.reason) };
  if (undo) {
    const depth = isBeforeActivation(phase) ? 'checkout' : 'activation';
    return { kind: 'undo', depth, phase, outcome: undo.outcome, reason: undo.reason, lastLines: undo.lastLines };
  }
  if (!run.before) return { kind: 'again', entry: 'pulling', why: 'the run had changed nothing yet' };

  if (isBeforeActivation(phase)) {
    if (isOtherBoot)
      return {
        kind: 'undo',
        depth: 'checkout',
        phase,
        outcome: 'failed',
        reason: powerLoss(`the host went down while ${phase}; ${now}, as before`),
      };
    if (run.resumes >= MAX_RESUMES)
      return { kind: 'undo', depth: 'checkout', phase, outcome: 'failed', reason: gaveUp(phase) };
    const entry = phase === 'locking' || phase === 'building' ? phase : 'pulling';
    return { kind: 'again', entry, why: `the runner died while ${phase}` };
  }

  const mayBeHalf = !host.bootsWhole && (host.running === undefined || runsNew || runsOld);
  if (isOtherBoot && mayBeHalf && phase !== 'committing')
    return {
      kind: 'undo',
      depth: 'activation',
      phase,
      outcome: 'rolled-back',
      reason: powerLoss(`the host went down while ${phase}; the old generation is activated again`),
    };

  if (!runsNew && !runsOld)
    return {
      kind: 'say',
      phase,
      reason: {
        kind: 'interrupted',
        message: `the runner died while ${phase}, and ${now}, which is neither the one before the run nor the one that it built`,
        advice: 'Look at who activated it; when the host is as you want it, run the update again.',
      },
    };

  if (isOtherBoot && runsOld)
    return {
      kind: 'undo',
      depth: !host.bootsWhole ? 'activation' : host.profile === recorded ? 'checkout' : 'boot-default',
      phase,
      outcome: 'rolled-back',
      reason: powerLoss(
        host.bootsWhole
          ? `the host went down while ${phase} and booted its old generation; ${now}`
          : `the host went down while ${phase}; the old generation is activated again`,
      ),
    };

  if (phase === 'committing') {
    if (runsNew)
      return {
        kind: 'again',
        entry: 'committing',
        why: 'the runner died while the proven generation was made the default',
      };
    return {
      kind: 'undo',
      depth: 'activation',
      phase,
      outcome: 'rolled-back',
      reason: {
        kind: 'interrupted',
        message: `the runner died while committing, and somebody activated the old generation again meanwhile; ${now}`,
        advice: 'Run the update again if that was not meant to be the end of it.',
      },
    };
  }

  const activations = events.filter(event => event.type === 'phase' && event['phase'] === 'activating').length;
  if (run.resumes >= MAX_RESUMES || activations >= MAX_ACTIVATIONS)
    return { kind: 'undo', depth: 'activation', phase, outcome: 'rolled-back', reason: gaveUp(phase) };
  // what activated it is not known to have ended well: it is activated again, unless the journal says so
  if (runsNew && (run.activated ?? isOtherBoot))
    return { kind: 'again', entry: 'confirming', why: `the runner died while ${phase}; the new generation runs` };
  return {
    kind: 'again',
    entry: 'activating',
    why: `the runner died while ${phase}; the generation is activated again`,
  };
}

function isBeforeActivation(phase: Phase): boolean {
  return (
    phase === 'queued' || phase === 'accepted' || phase === 'pulling' || phase === 'locking' || phase === 'building'
  );
}

function powerLoss(message: string): Reason {
  return { kind: 'power-loss', message, advice: 'Run the update again.' };
}

function hopeless(phase: Phase, now: string, first?: Reason): Reason {
  const what = first ? `${first.message}; the runner` : 'the runner';
  return {
    kind: first?.kind ?? 'interrupted',
    message: `${what} died again and again while ${phase}, also while it put things back, so that was given up; ${now}`,
    advice: 'Look at what ends it (memory, an administrator, the journal of its unit), and at what the host runs.',
  };
}

function gaveUp(phase: Phase): Reason {
  return {
    kind: 'interrupted',
    message: `the runner died again and again while ${phase}, so the run was given up`,
    advice: 'Look at what ends it (memory, an administrator, the log of its unit or job), then run the update again.',
  };
}
