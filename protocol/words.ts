/**
 * What a person is told about a run: where it is or how it ended, and what state that leaves the host in. Tree, panel
 * and notifications say the same because they ask here. English; `Say` puts a sentence into the reader's language.
 */
import type { Delivery } from './fleet.ts';
import type { Outcome, Phase } from './phase.ts';

/** Translates a message and fills in `{0}`, `{1}`, …; `vscode.l10n.t` is one. */
export type Say = (message: string, ...args: (string | number)[]) => string;

/** English as it stands. */
export const sayInEnglish: Say = (message, ...args) =>
  message.replace(/\{(\d+)\}/g, (whole, index: string) => String(args[Number(index)] ?? whole));

/** How something stands; shown as an icon, always beside words. */
export const MARKS = [
  'waiting',
  'running',
  'done',
  'unchanged',
  'failed',
  'cancelled',
  'rolled-back',
  'attention',
  'skipped',
] as const;
export type Mark = (typeof MARKS)[number];

/** What is known of a run, from its summary or from its events. */
export interface RunFacts {
  readonly host: string;
  readonly delivery: Delivery;
  /** Where it is, or where it ended. */
  readonly phase: Phase;
  readonly outcome?: Outcome | undefined;
  /** Whether the host runs another generation than before. */
  readonly changed?: boolean | undefined;
  /** False when the agent before and after is the same one. Undefined when that is not known. */
  readonly agentChanged?: boolean | undefined;
  /** Whether the host is connected; undefined when nobody knows. */
  readonly online?: boolean | undefined;
  readonly cancelAsked?: boolean | undefined;
}

export interface RunWords {
  readonly mark: Mark;
  /** A few words: `Building`, `Failed while building`, `Updated`. */
  readonly title: string;
  /** A sentence: what state the host is in now. */
  readonly detail: string;
}

/** Names of the phases, as a stepper shows them. */
export const PHASE_LABELS = {
  queued: 'Queue',
  accepted: 'Accept',
  pulling: 'Pull',
  locking: 'Lock',
  building: 'Build',
  activating: 'Activate',
  confirming: 'Confirm',
  committing: 'Commit',
} as const satisfies Record<Phase, string>;

/** What happens in a phase, and what that means for the host. */
export const PHASE_WORDS = {
  queued: ['Queued', 'Waiting to be handed to {0}.'],
  accepted: ['Starting', '{0} has taken the update and begins.'],
  pulling: ['Pulling nixcfg', '{0} fetches the newest nixcfg. Nothing has changed on it yet.'],
  locking: ['Updating the lock', '{0} updates the flake input of its agent. The system is untouched.'],
  building: ['Building', '{0} builds its next generation. The system is untouched.'],
  activating: ['Activating', '{0} switches to the new generation. If that goes wrong, the previous one comes back.'],
  confirming: ['Confirming', '{0} runs the new generation. Its agent has to prove itself before it is kept.'],
  committing: ['Committing', '{0} makes the new generation its boot default.'],
} as const satisfies Record<Phase, readonly [title: string, detail: string]>;

/** How a run ended badly in a phase. */
export const FAILED_WORDS = {
  queued: 'Failed before it began',
  accepted: 'Failed to start',
  pulling: 'Failed while pulling nixcfg',
  locking: 'Failed while updating the lock',
  building: 'Failed while building',
  activating: 'Failed while activating',
  confirming: 'Failed while confirming the new agent',
  committing: 'Failed while committing',
} as const satisfies Record<Phase, string>;

export const CANCELLED_WORDS = {
  queued: 'Cancelled before it began',
  accepted: 'Cancelled before it began',
  pulling: 'Cancelled while pulling nixcfg',
  locking: 'Cancelled while updating the lock',
  building: 'Cancelled while building',
  activating: 'Cancelled while activating',
  confirming: 'Cancelled while confirming the new agent',
  committing: 'Cancelled while committing',
} as const satisfies Record<Phase, string>;

export const OUTCOME_WORDS = {
  queuedOffline: '{0} is offline. The update begins when it comes back.',
  sent: 'Handed to {0}, which has not begun yet.',
  cancelling: 'Cancel was asked for. The run ends at the next point where {0} can be left as it was.',
  updated: 'Updated',
  updatedAgent: '{0} runs the new agent, and boots into this generation from now on.',
  updatedSystem: '{0} runs a new generation, and boots into it from now on. Its agent is the same as before.',
  unchanged: 'Already up to date',
  unchangedDetail: 'There was nothing to update. {0} runs what it ran before.',
  untouched: '{0} was never touched.',
  asBefore: 'Checkout, lock, generation and agent of {0} are as they were before.',
  keptNew: '{0} runs the new generation: it was not taken back.',
  rolledBack: 'Rolled back',
  rolledBackDetail: 'The new generation was taken back. {0} runs its previous generation and agent again.',
  inconsistent: 'Left inconsistent',
  inconsistentDetail: 'Something on {0} could not be put back. Read below what is known before you try again.',
  refused: 'Refused',
  refusedDetail: '{0} did not take the update. Nothing was started.',
  expired: 'Expired',
  expiredDetail: '{0} did not come back in time. It was never touched.',
} as const satisfies Record<string, string>;

/** Where a run is, or how it ended, in words. */
export function runWords(run: RunFacts, say: Say = sayInEnglish): RunWords {
  const words = (mark: Mark, title: string, detail: string): RunWords => ({
    mark,
    title: say(title),
    detail: say(detail, run.host),
  });
  if (run.outcome !== undefined) return endWords(run, run.outcome, words);
  switch (run.delivery) {
    case 'refused':
      return words('failed', OUTCOME_WORDS.refused, OUTCOME_WORDS.refusedDetail);
    case 'expired':
      return words('failed', OUTCOME_WORDS.expired, OUTCOME_WORDS.expiredDetail);
    case 'cancelled':
      return words('cancelled', CANCELLED_WORDS.queued, OUTCOME_WORDS.untouched);
    case 'queued':
    case 'sent':
    case 'begun':
      return liveWords(run, words);
  }
}

type MakeWords = (mark: Mark, title: string, detail: string) => RunWords;

function liveWords(run: RunFacts, words: MakeWords): RunWords {
  const [title, detail] = PHASE_WORDS[run.phase];
  if (run.phase === 'queued') {
    if (run.delivery !== 'queued') return words('waiting', title, OUTCOME_WORDS.sent);
    return words('waiting', title, run.online === false ? OUTCOME_WORDS.queuedOffline : detail);
  }
  return words('running', title, run.cancelAsked ? OUTCOME_WORDS.cancelling : detail);
}

function endWords(run: RunFacts, outcome: Outcome, words: MakeWords): RunWords {
  const left = run.changed
    ? OUTCOME_WORDS.keptNew
    : run.phase === 'queued'
      ? OUTCOME_WORDS.untouched
      : OUTCOME_WORDS.asBefore;
  switch (outcome) {
    case 'succeeded':
      if (run.changed === false) return words('unchanged', OUTCOME_WORDS.unchanged, OUTCOME_WORDS.unchangedDetail);
      return words(
        'done',
        OUTCOME_WORDS.updated,
        run.agentChanged === false ? OUTCOME_WORDS.updatedSystem : OUTCOME_WORDS.updatedAgent,
      );
    case 'failed':
      return words('failed', FAILED_WORDS[run.phase], left);
    case 'cancelled':
      return words('cancelled', CANCELLED_WORDS[run.phase], left);
    case 'rolled-back':
      return words('rolled-back', OUTCOME_WORDS.rolledBack, OUTCOME_WORDS.rolledBackDetail);
    case 'inconsistent':
      return words('attention', OUTCOME_WORDS.inconsistent, OUTCOME_WORDS.inconsistentDetail);
  }
}
