import { isOver, type RunSummary } from '../../protocol/index.ts';
import type { Locale } from '../base/locale.ts';
import { duration, hostAfter, outcomeWords, phaseWord, wentWrong, withReason } from '../base/words.ts';

export interface OutcomeText {
  readonly severity: 'info' | 'warning' | 'error';
  readonly text: string;
}

/** How one run went, in a sentence or three: on which host, in which phase, and what to do. */
export function outcomeText(run: RunSummary, locale: Locale): OutcomeText {
  const { t } = locale;
  const { host } = run;
  const say = (severity: OutcomeText['severity'], sentence: string): OutcomeText => ({
    severity,
    text: severity === 'info' ? sentence : withReason(sentence, run.reason, locale),
  });
  switch (run.outcome) {
    case 'succeeded':
      return say('info', successWords(run, locale));
    case 'failed':
      return say(
        'error',
        [t('Updating {0} failed while {1}.', host, phaseWord(run.phase, locale)), hostAfter(run, locale)].join(' '),
      );
    case 'rolled-back':
      return say(
        'error',
        t('Updating {0} failed while {1}; it runs its old generation again.', host, phaseWord(run.phase, locale)),
      );
    case 'inconsistent':
      return say(
        'error',
        t('Updating {0} failed while {1}, and not everything could be put back.', host, phaseWord(run.phase, locale)),
      );
    case 'cancelled':
      return say('info', t('Updating {0} was cancelled.', host));
    case undefined:
      break;
  }
  switch (run.delivery) {
    case 'refused':
      return say('error', t('{0} refused the update.', host));
    case 'expired':
      return say('warning', t('The update of {0} expired before the host came online. It was not touched.', host));
    case 'cancelled':
      return say('info', t('Updating {0} was cancelled.', host));
    case 'queued':
    case 'sent':
    case 'begun':
      return say('info', t('{0}: {1}', host, phaseWord(run.phase, locale)));
  }
}

/** How several runs went together: a count of each way, and the hosts that need somebody. */
export function summaryText(runs: readonly RunSummary[], locale: Locale): OutcomeText {
  const { t } = locale;
  const over = runs.filter(isOver);
  const waiting = runs.length - over.length;
  const wrong = over.filter(wentWrong);
  const good = over.filter(run => run.outcome === 'succeeded');
  const cancelled = over.length - wrong.length - good.length;
  const parts = [t('{0} of {1} hosts updated', good.length, runs.length)];
  if (wrong.length > 0) {
    parts.push(wrong.map(run => t('{0}: {1}', run.host, outcomeWords(run, locale))).join(', '));
  }
  if (cancelled > 0) parts.push(t('{0} cancelled', cancelled));
  if (waiting > 0) parts.push(t('{0} waiting for their host', waiting));
  return { severity: wrong.length > 0 ? 'error' : 'info', text: `${parts.join('; ')}.` };
}

function successWords(run: RunSummary, locale: Locale): string {
  const { t } = locale;
  const { host, versionBefore, versionAfter, changed } = run;
  if (changed === false) {
    return versionAfter === undefined
      ? t('{0} is up to date: there was nothing to update.', host)
      : t('{0} is up to date: there was nothing to update, its agent stays {1}.', host, versionAfter);
  }
  const time = duration((run.endedAt ?? run.phaseSince) - run.requestedAt, locale);
  if (versionBefore === undefined || versionAfter === undefined) return t('{0} was updated in {1}.', host, time);
  return versionBefore === versionAfter
    ? t('{0} was updated in {1}; its agent stays {2}.', host, time, versionAfter)
    : t('{0} was updated: agent {1} → {2} in {3}.', host, versionBefore, versionAfter, time);
}
