import { isHeld } from '../../protocol/index.ts';
import type { Locale } from '../base/locale.ts';
import type { OutageWords } from '../connection/outage-words.ts';
import { liveRun, type Fleet } from '../fleet/fleet.ts';
import { countOutdated } from '../tree/view-state.ts';

export interface StatusText {
  readonly text: string;
  readonly tooltip: string;
  /** Something is wrong that a person has to mend. */
  readonly isWarning: boolean;
}

/**
 * One line: `3 online · 1 update`. Undefined while there is no relay to speak of.
 * @param relay its `host:port`
 */
export function presentStatus(
  relay: string | undefined,
  outage: OutageWords | undefined,
  fleet: Fleet,
  locale: Locale,
): StatusText | undefined {
  if (relay === undefined) return undefined;
  if (outage) {
    const { label, what, when, since, isRefused } = outage;
    const icon = isRefused ? 'error' : 'debug-disconnect';
    return {
      text: `$(${icon}) ${locale.t('NixFleet: {0}', label)}`,
      tooltip: [what, when, since && locale.t('Not connected for {0}.', since)].filter(Boolean).join(' '),
      isWarning: isRefused,
    };
  }
  if (!fleet.known)
    return { text: `$(sync~spin) ${locale.t('NixFleet: connecting')}`, tooltip: relay, isWarning: false };
  return {
    text: `$(server) ${countWords(fleet, locale)}`,
    tooltip: locale.t('NixFleet: hosts of {0}', relay),
    isWarning: false,
  };
}

function countWords(fleet: Fleet, { t }: Locale): string {
  let online = 0;
  let updating = 0;
  for (const host of fleet.hosts.values()) {
    if (host.online) online += 1;
    const live = liveRun(host);
    if (live && !isHeld(live)) updating += 1;
  }
  const updates = countOutdated(fleet);
  const parts = [t('{0} online', online)];
  if (updating > 0) parts.push(t('{0} updating', updating));
  if (updates > 0) parts.push(updates === 1 ? t('1 update') : t('{0} updates', updates));
  return parts.join(' · ');
}
