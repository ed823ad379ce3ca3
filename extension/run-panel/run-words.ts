import type { Delivery, Outcome, Phase } from '../../protocol/index.ts';
import type { Mark } from '../../protocol/panel.ts';
import type { Locale } from '../base/locale.ts';

/** Where a run is, or how it ended. */
export interface RunFacts {
  readonly host: string;
  readonly delivery: Delivery;
  /** Its turn in a rollout has not come. */
  readonly held: boolean;
  readonly phase: Phase;
  readonly outcome: Outcome | undefined;
  /** Whether the host runs another generation than before. */
  readonly changed: boolean | undefined;
  /** False when the agent before and after is the same one. Undefined when that is not known. */
  readonly agentChanged: boolean | undefined;
  /** Whether the host is connected. Undefined when nobody knows. */
  readonly online: boolean | undefined;
  readonly cancelAsked: boolean;
  /** The run has reached its goal, and its lock is published. */
  readonly publishing: boolean;
}

export interface RunWords {
  readonly mark: Mark;
  /** A few words: `Building`, `Failed while building`, `Updated`. */
  readonly title: string;
  /** A sentence: what state the host is in now. */
  readonly detail: string;
}

/** What a person is told first about a run. */
export function runWords(run: RunFacts, locale: Locale): RunWords {
  if (run.outcome !== undefined) return endWords(run, run.outcome, locale);
  const { host } = run;
  switch (run.delivery) {
    case 'refused':
      return {
        mark: 'failed',
        title: locale.t('Refused'),
        detail: locale.t('{0} did not take the update. Nothing was started.', host),
      };
    case 'expired':
      return {
        mark: 'failed',
        title: locale.t('Expired'),
        detail: locale.t('{0} did not come back in time. It was never touched.', host),
      };
    case 'cancelled':
      return { mark: 'cancelled', title: locale.t('Cancelled before it began'), detail: untouched(host, locale) };
    case 'queued':
    case 'sent':
    case 'begun':
      return liveWords(run, locale);
  }
}

function liveWords(
  { host, phase, delivery, held, online, cancelAsked, publishing }: RunFacts,
  locale: Locale,
): RunWords {
  if (phase === 'queued') {
    const title = locale.t('Queued');
    if (delivery !== 'queued')
      return { mark: 'waiting', title, detail: locale.t('Handed to {0}, which has not begun yet.', host) };
    if (online === false)
      return {
        mark: 'waiting',
        title: locale.t('Queued · host offline'),
        detail: locale.t('{0} is offline. The update begins when it comes back.', host),
      };
    if (held)
      return {
        mark: 'waiting',
        title: locale.t('Queued · waits its turn'),
        detail: locale.t('{0} is updated with other hosts, a few at a time. Its turn has not come.', host),
      };
    return { mark: 'waiting', title, detail: locale.t('Waiting to be handed to {0}.', host) };
  }
  if (publishing)
    return {
      mark: 'running',
      title: locale.t('Publishing the lock'),
      detail: locale.t('{0} is up to date. Its flake.lock is committed and pushed.', host),
    };
  const cancelling = locale.t(
    'Cancel was asked for: the run ends at the next point where {0} can be left as it was.',
    host,
  );
  return {
    mark: 'running',
    title: phaseTitle(phase, locale),
    detail: cancelAsked ? cancelling : phaseDetail(phase, host, locale),
  };
}

function phaseTitle(phase: Phase, locale: Locale): string {
  switch (phase) {
    case 'queued':
      return locale.t('Queued');
    case 'accepted':
      return locale.t('Starting');
    case 'pulling':
      return locale.t('Pulling nixcfg');
    case 'locking':
      return locale.t('Updating the lock');
    case 'building':
      return locale.t('Building');
    case 'activating':
      return locale.t('Activating');
    case 'confirming':
      return locale.t('Confirming');
    case 'committing':
      return locale.t('Committing');
  }
}

function phaseDetail(phase: Phase, host: string, locale: Locale): string {
  switch (phase) {
    case 'queued':
    case 'accepted':
      return locale.t('{0} has taken the update and begins.', host);
    case 'pulling':
      return locale.t('{0} fetches the newest nixcfg. Its system is untouched.', host);
    case 'locking':
      return locale.t('{0} updates the flake input of its agent. Its system is untouched.', host);
    case 'building':
      return locale.t('{0} builds its next generation. Its system is untouched.', host);
    case 'activating':
      return locale.t('{0} switches to the new generation. It boots the previous one until the run is through.', host);
    case 'confirming':
      return locale.t('{0} runs the new generation, whose agent has to prove itself before it is kept.', host);
    case 'committing':
      return locale.t('The new agent is proven. {0} makes its generation the boot default.', host);
  }
}

function endWords(run: RunFacts, outcome: Outcome, locale: Locale): RunWords {
  const { host } = run;
  switch (outcome) {
    case 'succeeded':
      if (run.changed === false)
        return {
          mark: 'unchanged',
          title: locale.t('Already up to date'),
          detail: locale.t('There was nothing to update. {0} runs what it ran before.', host),
        };
      return {
        mark: 'done',
        title: locale.t('Updated'),
        detail:
          run.agentChanged === false
            ? locale.t('{0} runs a new generation and boots into it. Its agent is the one from before.', host)
            : locale.t('{0} runs the new agent and boots into its generation.', host),
      };
    case 'failed':
      return { mark: 'failed', title: failedTitle(run.phase, locale), detail: leftAs(run, locale) };
    case 'cancelled':
      return { mark: 'cancelled', title: cancelledTitle(run.phase, locale), detail: leftAs(run, locale) };
    case 'rolled-back':
      return {
        mark: 'rolled-back',
        title: locale.t('Rolled back'),
        detail: locale.t('The new generation was taken back. {0} runs its previous generation and agent again.', host),
      };
    case 'inconsistent':
      return {
        mark: 'attention',
        title: locale.t('Left inconsistent'),
        detail: locale.t('Something on {0} could not be put back. Read what is known before you try again.', host),
      };
  }
}

function failedTitle(phase: Phase, locale: Locale): string {
  switch (phase) {
    case 'queued':
      return locale.t('Failed before it began');
    case 'accepted':
      return locale.t('Failed to start');
    case 'pulling':
      return locale.t('Failed while pulling nixcfg');
    case 'locking':
      return locale.t('Failed while updating the lock');
    case 'building':
      return locale.t('Failed while building');
    case 'activating':
      return locale.t('Failed while activating');
    case 'confirming':
      return locale.t('Failed while confirming the new agent');
    case 'committing':
      return locale.t('Failed while committing');
  }
}

function cancelledTitle(phase: Phase, locale: Locale): string {
  switch (phase) {
    case 'queued':
    case 'accepted':
      return locale.t('Cancelled before it began');
    case 'pulling':
      return locale.t('Cancelled while pulling nixcfg');
    case 'locking':
      return locale.t('Cancelled while updating the lock');
    case 'building':
      return locale.t('Cancelled while building');
    case 'activating':
      return locale.t('Cancelled while activating');
    case 'confirming':
      return locale.t('Cancelled while confirming the new agent');
    case 'committing':
      return locale.t('Cancelled while committing');
  }
}

function leftAs({ host, changed, phase }: RunFacts, locale: Locale): string {
  if (changed) return locale.t('{0} runs the new generation: it was not taken back.', host);
  if (phase === 'queued') return untouched(host, locale);
  return locale.t('Checkout, lock, generation and agent of {0} are as they were before.', host);
}

function untouched(host: string, locale: Locale): string {
  return locale.t('{0} was never touched.', host);
}

/** A phase in one word. */
export function phaseLabel(phase: Phase, locale: Locale): string {
  switch (phase) {
    case 'queued':
      return locale.t('Queue');
    case 'accepted':
      return locale.t('Start');
    case 'pulling':
      return locale.t('Pull');
    case 'locking':
      return locale.t('Lock');
    case 'building':
      return locale.t('Build');
    case 'activating':
      return locale.t('Activate');
    case 'confirming':
      return locale.t('Confirm');
    case 'committing':
      return locale.t('Commit');
  }
}

/** A mark for those who do not see its icon. */
export function markLabel(mark: Mark, outcome: Outcome | undefined, locale: Locale): string {
  switch (mark) {
    case 'ahead':
      return locale.t('to come');
    case 'waiting':
      return locale.t('waiting');
    case 'running':
      return locale.t('in progress');
    case 'done':
      return locale.t('done');
    case 'unchanged':
      return locale.t('unchanged');
    case 'failed':
      return locale.t('failed');
    case 'cancelled':
      return locale.t('cancelled');
    case 'rolled-back':
      return locale.t('rolled back');
    case 'attention':
      return locale.t('needs attention');
    case 'skipped':
      return outcome === 'succeeded' ? locale.t('not needed') : locale.t('not reached');
  }
}
