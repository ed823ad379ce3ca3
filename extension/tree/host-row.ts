import { isHeld, type FleetHost } from '../../protocol/index.ts';
import type { Locale } from '../base/locale.ts';
import { progressText } from '../base/progress-words.ts';
import { duration, elapsed, outcomeWords, phaseWord, shortRev } from '../base/words.ts';
import { isOutdated, liveRun } from '../fleet/fleet.ts';
import { builtFrom, type Mark } from '../nixcfg/configurations.ts';
import { compareNames } from './compare-names.ts';
import { rankOf, situationOf, type Situation } from './situation.ts';

/** A codicon and, besides, a colour of the theme: what it says is never said by the colour alone. */
export interface RowIcon {
  readonly id: string;
  readonly color?: string;
}

/** What is shown of a host. Two rows with the same fields look the same. */
export interface HostRow {
  readonly label: string;
  readonly description: string;
  readonly icon: RowIcon;
  /** Words between semicolons, such as `;host;online;idle;outdated;`, that menus match by `/;word;/`. */
  readonly contextValue: string;
  /** For screen readers. */
  readonly accessibleLabel: string;
  readonly rank: number;
}

export interface RowContext {
  /** By the relay's clock. */
  readonly now: number;
  /** The link is down: what is shown is what was last known. */
  readonly stale: boolean;
  /** What this window's nixcfg says of hosts. */
  readonly marks?: ReadonlyMap<string, Mark>;
}

export function presentHost(host: FleetHost, context: RowContext, locale: Locale): HostRow {
  const situation = situationOf(host);
  const mark = context.marks?.get(host.host);
  const description = marked(describe(host, situation, context.now, locale), situation, mark, locale);
  const icon = iconOf(situation, mark);
  return {
    label: host.host,
    description,
    icon: context.stale ? { id: icon.id.replace('~spin', ''), color: 'disabledForeground' } : icon,
    contextValue: contextValueOf(host, mark),
    accessibleLabel: [
      locale.t('Host {0}', host.host),
      ...(context.stale ? [locale.t('last known')] : []),
      ...(situation.kind === 'idle' ? [locale.t('online')] : []),
      description,
    ].join(', '),
    rank: rankOf(situation),
  };
}

export function sameRow(a: HostRow, b: HostRow): boolean {
  return (
    a.label === b.label &&
    a.description === b.description &&
    a.icon.id === b.icon.id &&
    a.icon.color === b.icon.color &&
    a.contextValue === b.contextValue &&
    a.accessibleLabel === b.accessibleLabel
  );
}

/** What needs attention first, then by name. */
export function compareRows(a: HostRow, b: HostRow): number {
  return a.rank - b.rank || compareNames(a.label, b.label);
}

function describe(host: FleetHost, situation: Situation, now: number, locale: Locale): string {
  const version = host.agent?.version;
  const after = (words: string): string => (version === undefined ? words : `${version} · ${words}`);
  switch (situation.kind) {
    case 'queued':
      if (!host.online) return locale.t('queued · waits for host');
      return isHeld(situation.run) ? locale.t('queued · waits its turn') : locale.t('queued');
    case 'updating': {
      const { phase, phaseSince, delivery } = situation.run;
      if (delivery === 'sent' || phase === 'queued') return locale.t('updating · starting');
      const time = elapsed(now - phaseSince, locale);
      const words =
        time === undefined
          ? locale.t('updating · {0}', phaseWord(phase, locale))
          : locale.t('updating · {0} {1}', phaseWord(phase, locale), time);
      if (!host.online) return locale.t('{0} · host offline', words);
      const progress = situation.run.progress && progressText(situation.run.progress, locale);
      return progress === undefined ? words : `${words} · ${progress}`;
    }
    case 'failed':
      return after(failure(situation, locale));
    case 'never-connected':
      return locale.t('never connected');
    case 'offline':
      return after(
        situation.since === undefined
          ? locale.t('offline')
          : now - situation.since < 60_000
            ? locale.t('offline just now')
            : locale.t('offline {0}', duration(now - situation.since, locale)),
      );
    case 'problem':
      return after(situation.count === 1 ? locale.t('1 problem') : locale.t('{0} problems', situation.count));
    case 'outdated':
      return version === undefined
        ? locale.t('{0} available', shortRev(situation.newest))
        : locale.t('{0} → {1} available', version, shortRev(situation.newest));
    case 'idle':
      if (host.status?.reboot?.length) return after(locale.t('needs a reboot'));
      return version ?? '';
  }
}

/** Behind what the host is, what nixcfg says of it, unless something more is going on. */
function marked(words: string, { kind }: Situation, mark: Mark | undefined, { t }: Locale): string {
  const isQuiet = kind === 'idle' || kind === 'offline';
  if (mark === 'unconfigured' && kind !== 'updating' && kind !== 'queued')
    return joined(words, t('no longer configured'));
  return mark === 'behind' && isQuiet ? joined(words, t('behind this workspace')) : words;
}

function joined(words: string, more: string): string {
  return words === '' ? more : `${words} · ${more}`;
}

function failure({ run }: Extract<Situation, { kind: 'failed' }>, locale: Locale): string {
  if (run.outcome === 'failed') return locale.t('update failed');
  return locale.t('update {0}', outcomeWords(run, locale));
}

function iconOf(situation: Situation, mark: Mark | undefined): RowIcon {
  switch (situation.kind) {
    case 'updating':
      return { id: 'sync~spin', color: 'charts.blue' };
    case 'queued':
      return { id: 'watch', color: 'charts.blue' };
    case 'failed':
      return { id: 'error', color: 'list.errorForeground' };
    case 'problem':
      return { id: 'warning', color: 'list.warningForeground' };
    case 'outdated':
      return { id: 'arrow-circle-up', color: 'charts.yellow' };
    case 'idle':
      if (mark === 'unconfigured') return { id: 'question', color: 'list.warningForeground' };
      if (mark === 'behind') return { id: 'arrow-circle-up', color: 'charts.blue' };
      return { id: 'pass', color: 'charts.green' };
    case 'offline':
      return { id: 'circle-outline', color: 'disabledForeground' };
    case 'never-connected':
      return { id: 'circle-slash', color: 'disabledForeground' };
  }
}

function contextValueOf(host: FleetHost, mark: Mark | undefined): string {
  const words = ['host', host.online ? 'online' : 'offline', liveRun(host) ? 'live' : 'idle'];
  if (isOutdated(host)) words.push('outdated');
  if (host.runs.length > 0) words.push('runs');
  if (host.agent) words.push('agent');
  if (builtFrom(host)) words.push('configuration');
  if (mark) words.push(mark);
  return `;${words.join(';')};`;
}
