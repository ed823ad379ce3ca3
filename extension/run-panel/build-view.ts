import { plainText } from '../../flake-lock/index.ts';
import type { PackageChange, RunState } from '../../protocol/index.ts';
import type { PackagesView, ProgressBarView, ProgressView } from '../../protocol/panel.ts';
import type { Locale } from '../base/locale.ts';
import { amountText, bytesAmountText, bytesText } from '../base/progress-words.ts';
import { isOver, phaseOf, type RunSource } from './run-source.ts';

/** How far the build is; null while there is none. */
export function progressView(source: RunSource, locale: Locale): ProgressView | null {
  if (isOver(source) || phaseOf(source) !== 'building') return null;
  const { t } = locale;
  const progress = source.summary?.progress;
  const { builds, downloads, bytes, now = [], more = 0 } = progress ?? {};
  const bars: ProgressBarView[] = [];
  if (downloads)
    bars.push({
      label: t('Downloaded'),
      text: [t('{0} paths', amountText(downloads, locale)), ...(bytes ? [bytesAmountText(bytes, locale)] : [])].join(
        ' · ',
      ),
      ...(bytes ? share(bytes) : share(downloads)),
    });
  if (builds)
    bars.push({ label: t('Built'), text: t('{0} derivations', amountText(builds, locale)), ...share(builds) });
  if (bars.length === 0)
    bars.push({
      label: t('Build'),
      text: t('How much there is to build is not known yet.'),
      done: 0,
      total: null,
    });
  const names = now.map(({ kind, name }) =>
    kind === 'build' ? t('building {0}', plainText(name, 200)) : t('downloading {0}', plainText(name, 200)),
  );
  return { bars, now: names, more: more === 0 ? null : t('and {0} more', more) };
}

function share({ done, total }: { done: number; total?: number | undefined }): { done: number; total: number | null } {
  return { done, total: total ?? null };
}

/** What the build came to, in words. */
export function totalsText({ totals }: RunState, locale: Locale): string | undefined {
  if (!totals) return undefined;
  const { builds, downloads, bytes } = totals;
  const { t } = locale;
  if (builds + downloads === 0) return t('nothing to build or to download');
  return [
    ...(builds > 0 ? [builds === 1 ? t('1 derivation built') : t('{0} derivations built', builds)] : []),
    ...(downloads > 0 ? [downloads === 1 ? t('1 path downloaded') : t('{0} paths downloaded', downloads)] : []),
    ...(bytes > 0 ? [bytesText(bytes, locale)] : []),
  ].join(', ');
}

/** The packages that differ between the generation before and the one that was built; null while that is not known. */
export function packagesView({ state: { packages } }: RunSource, locale: Locale): PackagesView | null {
  if (!packages) return null;
  const { t } = locale;
  const count = packages.changes.length + packages.more;
  return {
    title:
      count === 0 ? t('no package changes') : count === 1 ? t('1 package changes') : t('{0} packages change', count),
    rows: packages.changes.map(change => ({
      name: plainText(change.name, 200),
      before: versionsText(change, 'before', locale),
      after: versionsText(change, 'after', locale),
      size: sizeText(change, locale),
    })),
    more: packages.more === 0 ? null : t('and {0} more', packages.more),
  };
}

function versionsText(change: PackageChange, side: 'before' | 'after', { t }: Locale): string | null {
  const versions = change[side];
  if (versions.length === 0) return null;
  return versions.map(version => (version === '' ? t('no version') : plainText(version, 100))).join(', ');
}

function sizeText({ bytes }: PackageChange, locale: Locale): string | null {
  if (bytes === undefined || bytes === 0) return null;
  return bytes > 0 ? `+${bytesText(bytes, locale)}` : bytesText(bytes, locale).replace('-', '−');
}
