import { isOver, type Phase, type Reason, type RunSummary } from '../../protocol/index.ts';
import type { Locale } from './locale.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `42 s`, `3 min`, `2 h`, `5 d`: whole units, rounded down, so that a row changes no more often than a person cares. */
export function duration(ms: number, locale: Locale): string {
  const whole = (unit: number): number => Math.floor(Math.max(0, ms) / unit);
  if (ms < MINUTE) return locale.t('{0} s', whole(SECOND));
  if (ms < HOUR) return locale.t('{0} min', whole(MINUTE));
  if (ms < 2 * DAY) return locale.t('{0} h', whole(HOUR));
  return locale.t('{0} d', whole(DAY));
}

/**
 * For how long something has gone on: as {@link duration}, but nothing for the first seconds and every fifth second
 * afterwards, so that a row is not drawn again every second while somebody reads it.
 */
export function elapsed(ms: number, locale: Locale): string | undefined {
  const step = 5 * SECOND;
  return ms < step ? undefined : duration(Math.floor(ms / step) * step, locale);
}

/** `just now`, `3 min ago`. */
export function ago(ms: number, locale: Locale): string {
  return ms < MINUTE ? locale.t('just now') : locale.t('{0} ago', duration(ms, locale));
}

/** A git revision as people write it. */
export function shortRev(rev: string): string {
  return rev.slice(0, 7);
}

/** The last part of a store path without its hash: `nixos-system-web-25.11`. */
export function storeName(path: string): string {
  return path.replace(/^.*\/(?:[0-9a-z]{32}-)?/, '');
}

export function phaseWord(phase: Phase, locale: Locale): string {
  switch (phase) {
    case 'queued':
      return locale.t('queued');
    case 'accepted':
      return locale.t('accepted');
    case 'pulling':
      return locale.t('pulling');
    case 'locking':
      return locale.t('locking');
    case 'building':
      return locale.t('building');
    case 'activating':
      return locale.t('activating');
    case 'confirming':
      return locale.t('confirming');
    case 'committing':
      return locale.t('committing');
  }
}

/** How a run that is over went, in two or three words: `updated`, `nothing to update`, `failed while building`. */
export function outcomeWords(run: RunSummary, locale: Locale): string {
  switch (run.outcome) {
    case 'succeeded':
      return run.changed === false ? locale.t('nothing to update') : locale.t('updated');
    case 'failed':
      return locale.t('failed while {0}', phaseWord(run.phase, locale));
    case 'cancelled':
      return locale.t('cancelled');
    case 'rolled-back':
      return locale.t('rolled back');
    case 'inconsistent':
      return locale.t('left inconsistent');
    case undefined:
      return deliveryWords(run, locale);
  }
}

function deliveryWords(run: RunSummary, locale: Locale): string {
  switch (run.delivery) {
    case 'refused':
      return locale.t('refused');
    case 'expired':
      return locale.t('expired');
    case 'cancelled':
      return locale.t('cancelled');
    case 'queued':
    case 'sent':
    case 'begun':
      return phaseWord(run.phase, locale);
  }
}

/** In what state a run that is over left its host, where that is not plain from how it went. */
export function hostAfter(run: RunSummary, { t }: Locale): string | undefined {
  switch (run.outcome) {
    case 'succeeded':
      return undefined;
    case 'failed':
      return run.changed === true
        ? t('The host runs the new generation: it was not taken back.')
        : t('The host is as it was before.');
    case 'cancelled':
      return t('The host is as it was before.');
    case 'rolled-back':
      return t('The host runs its old generation again, with its old agent.');
    case 'inconsistent':
      return t('The host may be between its old state and the new one.');
    case undefined:
      return isOver(run) ? t('The host was not touched.') : undefined;
  }
}

/** Whether a run ended in a way that somebody should look at. */
export function wentWrong(run: RunSummary): boolean {
  if (run.outcome !== undefined) return run.outcome !== 'succeeded' && run.outcome !== 'cancelled';
  return run.delivery === 'refused' || run.delivery === 'expired';
}

/** A sentence with its reason: `Updating web failed while building. Reason: web does not evaluate. Mend it.` */
export function withReason(
  sentence: string,
  reason: Pick<Reason, 'message' | 'advice'> | undefined,
  { t }: Locale,
): string {
  if (!reason) return sentence;
  const why = /[.!?]$/.test(reason.message) ? reason.message : `${reason.message}.`;
  return [sentence, t('Reason: {0}', why), reason.advice].filter(part => part !== undefined).join(' ');
}
