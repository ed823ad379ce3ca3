import type { Amount, BuildProgress } from '../../protocol/index.ts';
import type { Locale } from './locale.ts';

/** `3 of 7`, or `3` where nobody knows of how many. */
export function amountText({ done, total }: Amount, { t }: Locale): string {
  return total === undefined ? String(done) : t('{0} of {1}', done, total);
}

/** `12.3 of 90.1 MB`, or `12.3 MB`. */
export function bytesAmountText({ done, total }: Amount, locale: Locale): string {
  if (total === undefined) return bytesText(done, locale);
  const unit = unitOf(total);
  return locale.t('{0} of {1}', inUnit(done, unit, locale), `${inUnit(total, unit, locale)} ${unit.name}`);
}

/** `12.3 MB`. */
export function bytesText(bytes: number, locale: Locale): string {
  const unit = unitOf(Math.abs(bytes));
  return `${inUnit(bytes, unit, locale)} ${unit.name}`;
}

/**
 * How far a build is, in a few words for a row: no bytes, and of many only every so many, so that a row is not drawn again all
 * the time. Undefined: nobody knows.
 */
export function progressText({ builds, downloads }: BuildProgress, locale: Locale): string | undefined {
  const { t } = locale;
  const isDownloading = downloads !== undefined && downloads.done < (downloads.total ?? Infinity);
  if (builds && (builds.done > 0 || !isDownloading)) return t('{0} built', amountText(calm(builds), locale));
  return downloads && t('{0} downloaded', amountText(calm(downloads), locale));
}

/** Rounded down to a fortieth of the whole. */
function calm({ done, total }: Amount): Amount {
  const step = Math.max(1, Math.floor((total ?? done) / 40));
  return { done: done === total ? done : Math.floor(done / step) * step, total };
}

/** The same with bytes, and what is at work, for a notification. */
export function progressSentence(progress: BuildProgress, locale: Locale): string | undefined {
  const { builds, downloads, bytes, now } = progress;
  const parts = [
    builds && locale.t('{0} built', amountText(builds, locale)),
    downloads && locale.t('{0} downloaded', bytes ? bytesAmountText(bytes, locale) : amountText(downloads, locale)),
    now[0]?.name,
  ].filter(part => part !== undefined);
  return parts.length === 0 ? undefined : parts.join(' · ');
}

interface Unit {
  readonly name: string;
  readonly bytes: number;
  readonly digits: number;
}

function unitOf(bytes: number): Unit {
  if (bytes >= 1e9) return { name: 'GB', bytes: 1e9, digits: 1 };
  if (bytes >= 1e6) return { name: 'MB', bytes: 1e6, digits: 1 };
  return { name: 'kB', bytes: 1e3, digits: 0 };
}

function inUnit(bytes: number, { bytes: size, digits }: Unit, { language }: Locale): string {
  return (bytes / size).toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
