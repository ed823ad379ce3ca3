import * as vscode from 'vscode';
import type { FleetHost, Reason, RunId } from '../../protocol/index.ts';
import type { Locale } from '../base/locale.ts';
import { unlinked } from '../base/unlinked.ts';
import { withReason } from '../base/words.ts';
import type { HostChannels } from '../channel/host-channels.ts';
import type { Calls } from '../connection/calls.ts';
import type { Link } from '../connection/link.ts';
import type { Outage } from '../connection/outage.ts';
import { isOutdated, liveRun } from '../fleet/fleet.ts';
import type { FleetStore } from '../fleet/fleet-store.ts';
import { HOSTS_VIEW } from '../tree/hosts-view.ts';
import { resolveNewestRevision } from '../updates/newest-revision.ts';
import type { AskedUpdate, HowToUpdate, Updates } from '../updates/updates.ts';
import type { WatchedRun, WatchedRuns } from '../updates/watched-runs.ts';
import { showProgress } from './run-progress.ts';
import type { CommandRows, Targets } from './targets.ts';

/** Runs of one go whose output goes to the channels by itself; of more, only of those that somebody looks at. */
const FOLLOW_AT_MOST = 8;

export interface UpdateServices {
  readonly link: Pick<Link, 'isOnline' | 'url'>;
  /** Why there is no link. */
  readonly outage: Pick<Outage, 'reason'>;
  readonly calls: Pick<Calls, 'ask'>;
  readonly fleet: FleetStore;
  readonly targets: Targets;
  readonly updates: Updates;
  readonly watched: WatchedRuns;
  readonly channels: HostChannels;
  readonly locale: Locale;
  readonly showRun: (runId: RunId) => void;
}

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
  if (rows.length === 0 && asked.length > 0) showProgress(services, asked);
}

/** Asks for an update of these hosts, and says what could not be asked. The runs that were. */
export async function updateHosts(
  services: UpdateServices,
  hosts: readonly FleetHost[],
  how: HowToUpdate = {},
): Promise<readonly WatchedRun[]> {
  const { locale, updates, watched, channels } = services;
  const free = hosts.filter(host => !liveRun(host)).map(({ host }) => host);
  const busy = hosts.filter(host => liveRun(host)).map(({ host }) => host);
  if (busy.length > 0) {
    void vscode.window.showInformationMessage(locale.t('Being updated already: {0}', busy.join(', ')));
  }
  const [first, ...more] = free;
  if (first === undefined) return [];
  const rev = more.length > 0 ? await newestRevision(services, free) : undefined;
  if (rev && !rev.ok) {
    sayFailure(locale.t('NixFleet could not update {0} hosts.', free.length), rev.reason, locale);
    return [];
  }
  // without a link this waits for the next one
  const asked = await vscode.window.withProgress({ location: { viewId: HOSTS_VIEW } }, () =>
    Promise.all(free.map(host => updates.ask(host, { ...how, ...(rev && { targetRev: rev.rev }) }))),
  );
  const runs = asked.filter(update => update.ok);
  watched.watch(runs);
  for (const { host, runId } of runs.slice(0, FOLLOW_AT_MOST)) channels.follow(host, runId);
  sayRefusals(asked, locale);
  const [only] = runs;
  if (only && asked.length === 1) services.showRun(only.runId);
  return runs;
}

/** Whether there is a relay to speak to; says it when there is none. */
export function isOnline(services: Pick<UpdateServices, 'link' | 'outage' | 'locale'>): boolean {
  if (!services.link.isOnline) sayOffline(services);
  return services.link.isOnline;
}

/** Says that there is no relay to speak to, why, and offers what helps. */
export function sayOffline({ link, outage, locale }: Pick<UpdateServices, 'link' | 'outage' | 'locale'>): void {
  const isSignedOut = link.url === undefined;
  const button = isSignedOut ? locale.t('Connect to a Relay…') : locale.t('Reconnect Now');
  const why = isSignedOut ? undefined : outage.reason;
  const said = [locale.t('NixFleet is not connected to a relay.'), why].filter(part => part !== undefined).join(' ');
  void vscode.window.showErrorMessage(unlinked(said), button).then(choice => {
    if (choice === button) void vscode.commands.executeCommand(isSignedOut ? 'nixfleet.connect' : 'nixfleet.reconnect');
  });
}

/** A reason of the relay or of a host, behind what was wanted. */
export function sayFailure(what: string, reason: Reason, locale: Locale): void {
  void vscode.window.showErrorMessage(unlinked(withReason(what, reason, locale)));
}

async function newestRevision(
  { calls, fleet, locale }: UpdateServices,
  hosts: readonly string[],
): Promise<Awaited<ReturnType<typeof resolveNewestRevision>>> {
  return vscode.window.withProgress({ location: { viewId: HOSTS_VIEW } }, () =>
    resolveNewestRevision(hosts, { calls, fleet, locale }),
  );
}

function sayRefusals(asked: readonly AskedUpdate[], locale: Locale): void {
  const refused = asked.filter(update => !update.ok);
  const [first] = refused;
  if (!first) return;
  if (refused.length === 1) {
    sayFailure(locale.t('NixFleet could not update {0}.', first.host), first.reason, locale);
    return;
  }
  const lines = refused.map(({ host, reason }) => `${host}: ${reason.message}`);
  void vscode.window.showErrorMessage(
    locale.t('NixFleet could not update {0} hosts. {1}', refused.length, unlinked(lines.join(' '))),
  );
}
