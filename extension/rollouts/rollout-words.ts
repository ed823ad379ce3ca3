import { hostsOf, type Rollout } from '../../protocol/index.ts';
import type { Locale } from '../base/locale.ts';
import { shortRev } from '../base/words.ts';
import type { RowIcon } from '../tree/host-row.ts';
import type { OutcomeText } from '../updates/outcome-words.ts';

/** What is shown of a rollout that is not over. */
export interface RolloutRow {
  readonly label: string;
  readonly description: string;
  readonly icon: RowIcon;
  readonly contextValue: string;
  readonly tooltip: string;
  /** For screen readers. */
  readonly accessibleLabel: string;
}

/** Names in a sentence at the most. */
const NAMES = 5;

/** @param stale the link is down: it is shown as it was last known */
export function presentRollout(rollout: Rollout, stale: boolean, locale: Locale): RolloutRow {
  const { t } = locale;
  const { counts, stopped, failed } = rollout;
  const hosts = hostsOf(counts);
  const updating = hosts === 1 ? t('Updating 1 host') : t('Updating {0} hosts', hosts);
  const label = stopped ? t('Rollout stopped') : updating;
  const description = countWords(rollout, locale);
  const isBusy = counts.running > 0;
  return {
    label,
    description,
    icon: stale
      ? { id: 'sync', color: 'disabledForeground' }
      : { id: isBusy ? 'sync~spin' : 'watch', color: 'charts.blue' },
    contextValue: `;rollout;${stopped ? '' : 'stoppable;'}${failed.length > 0 ? 'failures;' : ''}`,
    tooltip: [label, description, ...paceWords(rollout, locale)].join('\n'),
    accessibleLabel: [label, ...(stale ? [t('last known')] : []), description].join(', '),
  };
}

/** `1 failed · 3 done · 2 running · 6 waiting`: what needs somebody first, as a view may be narrow; nothing of what there is none of. */
export function countWords({ counts }: Pick<Rollout, 'counts'>, { t }: Locale): string {
  const { waiting, offline, running, succeeded, failed, cancelled } = counts;
  const parts = [
    [failed, t('{0} failed', failed)],
    [succeeded, t('{0} done', succeeded)],
    [running, t('{0} running', running)],
    [cancelled, t('{0} cancelled', cancelled)],
    [waiting, t('{0} waiting', waiting)],
    [offline, t('{0} offline', offline)],
  ] as const;
  return parts
    .filter(([count]) => count > 0)
    .map(([, words]) => words)
    .join(' · ');
}

function paceWords({ requestedBy, targetRev, width, stopAfterFailures }: Rollout, { t }: Locale): readonly string[] {
  return [
    ...(targetRev === undefined ? [] : [t('To revision {0}', shortRev(targetRev))]),
    t('Asked for by {0}', requestedBy),
    t('{0} at a time; stops after {1} failures', width, stopAfterFailures),
    t('It goes on when this window is closed.'),
  ];
}

/** How a rollout went, or how far it got before it waits for hosts that are offline. */
export function rolloutText(rollout: Rollout, locale: Locale): OutcomeText {
  const { t } = locale;
  const { counts, stopped, failed } = rollout;
  const parts = [t('{0} of {1} hosts updated', counts.succeeded, hostsOf(counts))];
  if (counts.failed > 0)
    parts.push(
      t(
        '{0} failed: {1}',
        counts.failed,
        names(
          failed.map(({ host }) => host),
          counts.failed,
          locale,
        ),
      ),
    );
  if (counts.cancelled > 0) parts.push(t('{0} cancelled', counts.cancelled));
  if (counts.offline > 0) parts.push(t('{0} waiting for their host', counts.offline));
  const summary = `${parts.join(', ')}.`;
  const isWrong = counts.failed > 0;
  if (!stopped) return { severity: isWrong ? 'error' : 'info', text: summary };
  const why =
    stopped.by === undefined
      ? t('The rollout was stopped after {0} failures.', rollout.stopAfterFailures)
      : t('The rollout was stopped by {0}.', stopped.by);
  return { severity: isWrong ? 'error' : 'info', text: `${why} ${summary}` };
}

/** Some names, and how many more there are. */
export function names(some: readonly string[], all: number, { t }: Locale): string {
  const shown = some.slice(0, NAMES);
  const more = all - shown.length;
  return more > 0 ? t('{0} and {1} more', shown.join(', '), more) : shown.join(', ');
}

/** Whether nothing more happens in it until a host that is offline comes. */
export function waitsForHosts({ counts, endedAt }: Pick<Rollout, 'counts' | 'endedAt'>): boolean {
  return endedAt === undefined && counts.waiting + counts.running === 0;
}
