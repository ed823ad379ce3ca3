import * as vscode from 'vscode';
import { DEFAULT_WIDTH, defaultStopAfterFailures, type FleetHost } from '../../protocol/index.ts';
import { shortRev } from '../base/words.ts';
import { isOutdated, liveRun } from '../fleet/fleet.ts';
import { names } from '../rollouts/rollout-words.ts';
import type { HowToUpdate } from '../updates/updates.ts';
import { askEach, isOnline, newestRevision, sayFailure, type UpdateServices } from './asking.ts';
import type { CommandRows } from './targets.ts';
import { askSeveral, followAsked, type AskedHosts } from './update-several.ts';

/** Update Agent on the chosen hosts: of several, all end on the same revision. */
export async function updateAgent(services: UpdateServices, rows: CommandRows): Promise<void> {
  const { targets, locale } = services;
  if (!isOnline(services)) return;
  const chosen = await targets.someHosts(rows, {
    title: locale.t('Update Agent'),
    nothing: locale.t('There is no host to update.'),
    filter: host => !liveRun(host),
    ticked: host => host.online && isOutdated(host) === true,
  });
  if (chosen.length === 0) return;
  const asked = await updateHosts(services, chosen);
  if (rows.length === 0) followAsked(services, asked);
}

/** Asks for an update of these hosts, and says what could not be asked. */
export async function updateHosts(
  services: UpdateServices,
  hosts: readonly FleetHost[],
  how: HowToUpdate = {},
): Promise<AskedHosts> {
  const { locale } = services;
  const free = hosts.filter(host => !liveRun(host)).map(({ host }) => host);
  const busy = hosts.filter(host => liveRun(host)).map(({ host }) => host);
  if (busy.length > 0) {
    void vscode.window.showInformationMessage(locale.t('Being updated already: {0}', busy.join(', ')));
  }
  const [first, ...more] = free;
  if (first === undefined) return NOTHING_ASKED;
  if (more.length === 0) return { kind: 'runs', runs: await askEach(services, [first], how) };
  const rev = await newestRevision(services, free);
  if (rev.ok) return askSeveral(services, free, { ...how, targetRev: rev.rev });
  sayFailure(locale.t('NixFleet could not update {0} hosts.', free.length), rev.reason, locale);
  return NOTHING_ASKED;
}

const NOTHING_ASKED: AskedHosts = { kind: 'runs', runs: [] };

/** Update All Outdated: every host that has an update and is not at one, after one question that says which revision. */
export async function updateAllOutdated(services: UpdateServices): Promise<void> {
  const { fleet, locale } = services;
  const { t } = locale;
  if (!isOnline(services)) return;
  const outdated = [...fleet.fleet.hosts.values()].filter(host => isOutdated(host) === true && !liveRun(host));
  const [first, ...more] = outdated;
  if (!first) {
    void vscode.window.showInformationMessage(t('No host has an update.'));
    return;
  }
  if (more.length === 0) {
    await updateHosts(services, [first]);
    return;
  }
  const hosts = outdated.map(({ host }) => host);
  const newest = await newestRevision(services, hosts);
  if (!newest.ok) {
    sayFailure(t('NixFleet could not update {0} hosts.', hosts.length), newest.reason, locale);
    return;
  }
  const update = t('Update {0} Hosts', hosts.length);
  const pace = t(
    '{0} at a time. It stops by itself after {1} failures, and goes on when this window is closed.',
    ...[DEFAULT_WIDTH, defaultStopAfterFailures(hosts.length)],
  );
  const offline = outdated.filter(host => !host.online).length;
  const detail = [
    names(hosts, hosts.length, locale),
    ...(offline > 0 ? [t('{0} offline: updated once back online.', offline)] : []),
    ...(services.rolloutStore.isSupported ? [pace] : []),
  ].join('\n\n');
  const question = t('Update {0} hosts to revision {1}?', hosts.length, shortRev(newest.rev));
  const choice = await vscode.window.showInformationMessage(question, { modal: true, detail }, update);
  if (choice === update) await askSeveral(services, hosts, { targetRev: newest.rev });
}
