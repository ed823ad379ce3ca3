import type { FleetHost, RunSummary } from '../../protocol/index.ts';
import type { Locale } from '../base/locale.ts';
import { progressText } from '../base/progress-words.ts';
import {
  ago,
  duration,
  elapsed,
  hostAfter,
  outcomeWords,
  phaseWord,
  shortRev,
  storeName,
  wentWrong,
} from '../base/words.ts';
import { isOutdated } from '../fleet/fleet.ts';
import type { Mark } from '../nixcfg/configurations.ts';
import { isOver } from '../../protocol/index.ts';
import type { RowIcon } from './host-row.ts';

/** One line below a host. */
export interface DetailRow {
  /** Stable below its host. */
  readonly key: string;
  readonly label: string;
  readonly description: string;
  readonly icon: RowIcon;
  readonly tooltip: string;
}

/** What is known of a host: agent, nixcfg, lock, system, and what it could not find out. */
export function hostDetails(host: FleetHost, now: number, locale: Locale, mark?: Mark): readonly DetailRow[] {
  const { t } = locale;
  const unknown = t('unknown');
  const { agent, status } = host;
  const rows: DetailRow[] = [];
  const add = (
    key: string,
    label: string,
    icon: string,
    parts: readonly (string | undefined)[],
    tooltip = '',
  ): void => {
    const description = parts.filter(part => part !== undefined && part !== '').join(' · ');
    rows.push({ key, label, icon: { id: icon }, description: description || unknown, tooltip });
  };
  add('agent', t('Agent'), 'server-process', [agent?.version, agent && shortRevOf(agent.rev)], agent?.storePath);
  const { nixcfg } = status ?? {};
  add(
    'nixcfg',
    'nixcfg',
    'repo',
    [
      nixcfg?.branch,
      nixcfg?.head && shortRev(nixcfg.head),
      nixcfg?.dirty ? t('uncommitted changes') : undefined,
      mark === 'unconfigured' ? t('this workspace does not configure it') : undefined,
    ],
    nixcfg?.path,
  );
  add(
    'lock',
    'flake.lock',
    'lock',
    [...lockParts(host, now, locale), mark === 'behind' ? t('behind this workspace') : undefined],
    status?.input?.url,
  );
  const { generation } = status ?? {};
  add(
    'system',
    t('System'),
    'package',
    [
      generation?.number === undefined ? undefined : t('generation {0}', generation.number),
      generation && storeName(generation.toplevel),
    ],
    generation?.toplevel,
  );
  const { reboot = [] } = status ?? {};
  if (reboot.length > 0)
    rows.push({
      key: 'reboot',
      label: t('Needs a reboot'),
      description: reboot.join(', '),
      icon: { id: 'debug-restart', color: 'list.warningForeground' },
      tooltip: t('Until a reboot it runs what it has booted, and not what its generation has: {0}', reboot.join(', ')),
    });
  status?.problems.forEach((problem, index) =>
    rows.push({
      key: `problem/${index}`,
      label: problem,
      description: '',
      icon: { id: 'warning', color: 'list.warningForeground' },
      tooltip: problem,
    }),
  );
  return rows;
}

function lockParts(host: FleetHost, now: number, locale: Locale): (string | undefined)[] {
  const { input, upstream } = host.status ?? {};
  const age =
    input?.lastModified === undefined
      ? undefined
      : locale.t('{0} old', duration(now - input.lastModified * 1000, locale));
  const newer = isOutdated(host) && upstream ? locale.t('{0} available', shortRev(upstream.rev)) : undefined;
  return [input?.rev && shortRev(input.rev), age, newer];
}

/** A run as a line below its host. */
export function presentRun(run: RunSummary, now: number, locale: Locale): Omit<DetailRow, 'key'> {
  const versions =
    run.versionBefore !== undefined && run.versionAfter !== undefined && run.versionBefore !== run.versionAfter
      ? `${run.versionBefore} → ${run.versionAfter}`
      : undefined;
  if (!isOver(run)) {
    const progress = run.progress && progressText(run.progress, locale);
    const queued = run.delivery === 'queued';
    return {
      label: queued ? locale.t('queued') : phaseWord(run.phase, locale),
      description: [elapsed(now - run.phaseSince, locale), progress].filter(part => part !== undefined).join(' · '),
      icon: queued ? { id: 'watch', color: 'charts.blue' } : { id: 'sync~spin', color: 'charts.blue' },
      tooltip: '',
    };
  }
  const when = ago(now - (run.endedAt ?? run.requestedAt), locale);
  return {
    label: outcomeWords(run, locale),
    description: [versions, when].filter(part => part !== undefined).join(' · '),
    icon: wentWrong(run)
      ? { id: 'error', color: 'list.errorForeground' }
      : run.outcome === 'succeeded'
        ? { id: 'pass', color: 'charts.green' }
        : { id: 'circle-slash', color: 'disabledForeground' },
    tooltip: [hostAfter(run, locale), reasonOf(run)].filter(Boolean).join('\n'),
  };
}

/** All that stands below a host, as one text: what reads the same need not be drawn again. */
export function detailsText(host: FleetHost, now: number, locale: Locale, mark?: Mark): string {
  const runs = host.runs.map(run => [run.runId, presentRun(run, now, locale)]);
  return JSON.stringify([hostDetails(host, now, locale, mark), runs]);
}

/** Name and value of what the tooltip of a host says, in order. */
export function hostFacts(
  host: FleetHost,
  now: number,
  locale: Locale,
  mark?: Mark,
): readonly (readonly [string, string])[] {
  const { t } = locale;
  const { agent, status } = host;
  const facts: [string, string | undefined][] = [
    [t('Platform'), agent && `${agent.platform} · ${agent.system}`],
    [t('Attribute'), agent?.attribute],
    ...hostDetails(host, now, locale, mark)
      .filter(row => !row.key.startsWith('problem/') && row.description !== t('unknown'))
      .map(row => [row.label, row.description] as [string, string]),
    [t('Checked'), status && ago(now - status.at, locale)],
    [t('Last seen'), host.online || host.lastSeenAt === undefined ? undefined : ago(now - host.lastSeenAt, locale)],
    ...lastRunFacts(host.runs[0], now, locale),
    ...(status?.problems ?? []).map(problem => [t('Problem'), problem] as [string, string]),
  ];
  return facts.filter((fact): fact is [string, string] => fact[1] !== undefined);
}

function lastRunFacts(run: RunSummary | undefined, now: number, locale: Locale): [string, string][] {
  if (!run) return [];
  const { label, description } = presentRun(run, now, locale);
  const words = [label, description].filter(part => part !== '').join(' · ');
  const facts: [string, string][] = [[locale.t('Last run'), words]];
  const after = hostAfter(run, locale);
  if (after !== undefined) facts.push([locale.t('Now'), after]);
  const reason = reasonOf(run);
  if (reason) facts.push([locale.t('Reason'), reason]);
  return facts;
}

function reasonOf({ reason }: RunSummary): string {
  return [reason?.message, reason?.advice].filter(Boolean).join('\n');
}

function shortRevOf(rev: string): string {
  return /^[0-9a-f]{40,}(?:-dirty)?$/.test(rev) ? shortRev(rev) : '';
}
