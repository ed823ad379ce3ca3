import * as vscode from 'vscode';
import type { Locale } from '../base/locale.ts';
import type { FleetStore } from '../fleet/fleet-store.ts';
import { HOST_STATES, isIn, stateWords, type HostState } from '../tree/host-filter.ts';
import type { KeptFilter } from '../tree/kept-filter.ts';

export interface FilterServices {
  readonly fleet: FleetStore;
  readonly filter: KeptFilter;
  readonly locale: Locale;
}

/** Asks which states of hosts the view shows; with none ticked it shows all. */
export async function filterHosts({ fleet, filter, locale }: FilterServices): Promise<void> {
  const { t } = locale;
  const hosts = [...fleet.fleet.hosts.values()];
  const items = HOST_STATES.map(state => {
    const count = hosts.filter(host => isIn(state, host)).length;
    return {
      label: stateWords(state, locale),
      description: count === 1 ? t('1 host') : t('{0} hosts', count),
      picked: filter.filter.has(state),
      state,
    };
  });
  const picked = await vscode.window.showQuickPick<vscode.QuickPickItem & { state: HostState }>(items, {
    title: t('Filter Hosts by State'),
    placeHolder: t('Hosts in these states are shown; all, where none is ticked'),
    canPickMany: true,
  });
  if (picked) await filter.set(new Set(picked.map(({ state }) => state)));
}
