import * as vscode from 'vscode';
import type { RunId } from '../protocol/index.ts';
import { Disposable } from './base/disposable.ts';
import { anyOf } from './base/event.ts';
import type { Locale } from './base/locale.ts';
import { FirstRun } from './first-run/first-run.ts';
import { HostChannels } from './channel/host-channels.ts';
import { panelActions } from './commands/panel-actions.ts';
import { connectToRelay } from './commands/connect.ts';
import { Commands, type CommandServices } from './commands/register.ts';
import { Targets } from './commands/targets.ts';
import { sayOffline } from './commands/asking.ts';
import { Calls } from './connection/calls.ts';
import { Link } from './connection/link.ts';
import { Outage } from './connection/outage.ts';
import { Relays } from './connection/relays.ts';
import { tryRelay } from './connection/try-relay.ts';
import { ContextKeys } from './context-keys.ts';
import { liveRun } from './fleet/fleet.ts';
import { FleetStore } from './fleet/fleet-store.ts';
import { LockDocuments } from './lock/lock-documents.ts';
import { Nixcfg } from './nixcfg/nixcfg.ts';
import { panelWorkspace } from './nixcfg/panel-workspace.ts';
import { Rollouts } from './rollouts/ask-rollout.ts';
import { RolloutNotifications } from './rollouts/rollout-notifications.ts';
import { RolloutStore } from './rollouts/rollout-store.ts';
import { WatchedRollouts } from './rollouts/watched-rollouts.ts';
import { RunPanels } from './run-panel/run-panels.ts';
import { claimCopyFolder, type CopyFolder } from './runs/copy-folder.ts';
import { RunSessions } from './runs/run-sessions.ts';
import { StatusBar } from './status-bar/status-bar.ts';
import { presentHost } from './tree/host-row.ts';
import { HostsView } from './tree/hosts-view.ts';
import { KeptFilter } from './tree/kept-filter.ts';
import { OutcomeNotifications } from './updates/outcome-notifications.ts';
import { isFirstToTell } from './updates/told-once.ts';
import { Updates } from './updates/updates.ts';
import { WatchedRuns } from './updates/watched-runs.ts';
import type { LinkTargets } from './uri/link-targets.ts';

declare const __NIXFLEET_VERSION__: string;

/**
 * Builds the services of the extension and ties them together. State flows one way: relays and link, then the fleet and
 * the runs, then what is seen of them.
 */
export class NixFleet extends Disposable {
  readonly relays: Relays;
  readonly link: Link;
  readonly fleet: FleetStore;
  readonly sessions: RunSessions;
  readonly channels: HostChannels;
  readonly view: HostsView;
  readonly statusBar: StatusBar;
  readonly nixcfg: Nixcfg;
  #copies: Promise<CopyFolder> | undefined;
  #closed: Promise<void> = Promise.resolve();

  constructor(context: vscode.ExtensionContext) {
    super();
    const locale: Locale = { language: vscode.env.language, t: (message, ...args) => vscode.l10n.t(message, ...args) };
    const log = this.own(vscode.window.createOutputChannel('NixFleet', { log: true }));
    const client = { name: `vscode ${vscode.version}`, version: __NIXFLEET_VERSION__ };

    const relays = this.own(new Relays(context.secrets, process.env, log));
    const link = this.own(new Link({ client, log }));
    const outage = this.own(new Outage(link, locale));
    const calls = this.own(new Calls(link, locale));
    const fleet = this.own(new FleetStore(link));
    const folder = async (): Promise<string> => (await this.#claimCopies(context)).path;
    const sessions = this.own(new RunSessions({ link, calls, fleet, folder, log }));
    const rolloutStore = this.own(new RolloutStore(link));
    const watchedRollouts = this.own(new WatchedRollouts(rolloutStore, context.workspaceState));
    const watched = this.own(new WatchedRuns(fleet, context.workspaceState));

    const filter = this.own(new KeptFilter(context.workspaceState));
    const channels = this.own(new HostChannels(sessions, locale, log));
    const updates = new Updates(calls, fleet);
    const rollouts = new Rollouts(calls, fleet);
    const nixcfg = this.own(
      new Nixcfg({
        ...{ locale, log, fleet, sessions },
        dist: vscode.Uri.joinPath(context.extensionUri, 'dist').fsPath,
        memory: context.workspaceState,
        words: vscode.l10n.bundle,
        describe: host => {
          const { icon, description } = presentHost(host, { now: fleet.now(), stale: false }, locale);
          return { icon: icon.id, words: description, idle: !liveRun(host) };
        },
        askForUpdate: async host => {
          const asked = await updates.ask(host);
          if (asked.ok) watched.watch([asked]);
          return asked;
        },
        cancelUpdate: runId => void updates.cancel(runId),
      }),
    );
    const showLog = (): void => log.show();
    const firstRun = this.own(
      new FirstRun(
        {
          ...{ locale, log, relays, fleet, nixcfg, showLog },
          dist: vscode.Uri.joinPath(context.extensionUri, 'dist').fsPath,
          storage: context.globalStorageUri.fsPath,
          tryRelay: target => tryRelay(target, client),
        },
        link,
      ),
    );
    const services: CommandServices = {
      ...{ relays, link, outage, calls, fleet, filter, watched, channels, client, locale, log, updates },
      ...{ rollouts, rolloutStore, watchedRollouts },
      locks: this.own(new LockDocuments(sessions, locale)),
      targets: new Targets(fleet, locale, () => sayOffline({ link, outage, locale })),
      showRun: (runId: RunId) => panels.show(runId),
      nixcfg,
      firstRun,
      reveal: host => view.reveal(host),
      reconnect: () => (link.url === undefined ? connect() : link.retry()),
      showLog,
    };
    const hosts = {
      isOnline: (host: string) => fleet.host(host)?.online,
      outage: () => outage.lost,
      onDidChange: anyOf(fleet.onDidChange, outage.onDidChange),
    };
    const workspace = panelWorkspace(nixcfg);
    const panels = this.own(
      new RunPanels(context, sessions, panelActions(services), { hosts, workspace, locale, log }),
    );
    const view = this.own(new HostsView({ link, relays, fleet, rollouts: rolloutStore, nixcfg, filter, locale }));
    const statusBar = this.own(new StatusBar(link, outage, fleet, locale));
    const told = vscode.Uri.joinPath(context.globalStorageUri, 'told').fsPath;
    const isFirst = (name: string): Promise<boolean> => isFirstToTell(told, name);
    this.own(new OutcomeNotifications(watched, locale, services.showRun, isFirst));
    this.own(new RolloutNotifications(watchedRollouts, locale, services.showRun, isFirst));
    this.own(new ContextKeys(link, relays, fleet, nixcfg));
    this.own(new Commands(services));
    const targets: LinkTargets = {
      ...{ showRun: services.showRun, reveal: services.reveal },
      relay: () => relays.url,
      isHost: host => fleet.host(host) !== undefined,
      isRun: runId => fleet.run(runId) !== undefined,
      connect: url => connectToRelay(services, url),
    };
    const handleUri = async (uri: vscode.Uri): Promise<void> => (await firstRun.features()).openLink(uri, targets);
    this.own(vscode.window.registerUriHandler({ handleUri }));

    const connect = (): void => {
      if (relays.target) link.signIn(relays.target);
      else link.signOut();
    };
    this.own(relays.onDidChange(connect));
    this.own(vscode.window.onDidChangeWindowState(({ focused }) => focused && link.wake()));
    void relays.load();

    this.relays = relays;
    this.link = link;
    this.fleet = fleet;
    this.sessions = sessions;
    this.channels = channels;
    this.view = view;
    this.statusBar = statusBar;
    this.nixcfg = nixcfg;
  }

  /** Resolves after the end, when everything that was received is on disk. */
  get closed(): Promise<void> {
    return this.#closed;
  }

  override dispose(): void {
    if (this.isDisposed) return;
    super.dispose();
    this.#closed = this.sessions.closeAll().then(async () => (await this.#copies)?.release());
  }

  #claimCopies(context: vscode.ExtensionContext): Promise<CopyFolder> {
    const storage = context.storageUri ?? context.globalStorageUri;
    this.#copies ??= claimCopyFolder(vscode.Uri.joinPath(storage, 'runs').fsPath).catch((error: unknown) => {
      this.#copies = undefined;
      throw error;
    });
    return this.#copies;
  }
}
