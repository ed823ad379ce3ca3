/** What the commands that ask for updates share: the services they stand on, asking, and saying what could not be asked. */
import * as vscode from 'vscode';
import type { Reason, RunId } from '../../protocol/index.ts';
import type { Locale } from '../base/locale.ts';
import { unlinked } from '../base/unlinked.ts';
import { withReason } from '../base/words.ts';
import type { HostChannels } from '../channel/host-channels.ts';
import type { Calls } from '../connection/calls.ts';
import type { Link } from '../connection/link.ts';
import type { Outage } from '../connection/outage.ts';
import type { FleetStore } from '../fleet/fleet-store.ts';
import type { Rollouts } from '../rollouts/ask-rollout.ts';
import type { RolloutStore } from '../rollouts/rollout-store.ts';
import type { WatchedRollouts } from '../rollouts/watched-rollouts.ts';
import { HOSTS_VIEW } from '../tree/hosts-view.ts';
import { resolveNewestRevision } from '../updates/newest-revision.ts';
import type { HowToUpdate, Updates } from '../updates/updates.ts';
import type { WatchedRun, WatchedRuns } from '../updates/watched-runs.ts';
import type { Targets } from './targets.ts';

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
  readonly rollouts: Rollouts;
  readonly rolloutStore: RolloutStore;
  readonly watchedRollouts: WatchedRollouts;
  readonly channels: HostChannels;
  readonly locale: Locale;
  readonly showRun: (runId: RunId) => void;
}

/** Asks for a run on each of these hosts; gives those that there are then. */
export async function askEach(
  services: UpdateServices,
  hosts: readonly string[],
  how: HowToUpdate,
): Promise<readonly WatchedRun[]> {
  const { locale, updates, watched, channels } = services;
  // without a link this waits for the next one
  const asked = await vscode.window.withProgress({ location: { viewId: HOSTS_VIEW } }, () =>
    Promise.all(hosts.map(host => updates.ask(host, how))),
  );
  const runs = asked.filter(update => update.ok);
  watched.watch(runs);
  for (const { host, runId } of runs.slice(0, FOLLOW_AT_MOST)) channels.follow(host, runId);
  sayRefusals(
    asked.filter(update => !update.ok),
    locale,
  );
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

export async function newestRevision(
  { calls, fleet, locale }: UpdateServices,
  hosts: readonly string[],
): Promise<Awaited<ReturnType<typeof resolveNewestRevision>>> {
  return vscode.window.withProgress({ location: { viewId: HOSTS_VIEW } }, () =>
    resolveNewestRevision(hosts, { calls, fleet, locale }),
  );
}

export function sayRefusals(
  refused: readonly { readonly host: string; readonly reason: Reason }[],
  locale: Locale,
): void {
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
