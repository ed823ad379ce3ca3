import * as vscode from 'vscode';
import type { RunId } from '../protocol/index.ts';
import { Disposable } from './base/disposable.ts';
import type { Locale } from './base/locale.ts';
import { HostChannels } from './channel/host-channels.ts';
import { panelActions } from './commands/panel-actions.ts';
import { Commands, type CommandServices } from './commands/register.ts';
import { Targets } from './commands/targets.ts';
import { Calls } from './connection/calls.ts';
import { Link } from './connection/link.ts';
import { Relays } from './connection/relays.ts';
import { ContextKeys } from './context-keys.ts';
import { liveRun } from './fleet/fleet.ts';
import { FleetStore } from './fleet/fleet-store.ts';
import { LockDocuments } from './lock/lock-documents.ts';
import { Nixcfg } from './nixcfg/nixcfg.ts';
import { panelWorkspace } from './nixcfg/panel-workspace.ts';
import { RunPanels } from './run-panel/run-panels.ts';
import { claimCopyFolder, type CopyFolder } from './runs/copy-folder.ts';
import { RunSessions } from './runs/run-sessions.ts';
import { StatusBar } from './status-bar/status-bar.ts';
import { presentHost } from './tree/host-row.ts';
import { HostsView } from './tree/hosts-view.ts';
import { OutcomeNotifications } from './updates/outcome-notifications.ts';
import { Updates } from './updates/updates.ts';
import { WatchedRuns } from './updates/watched-runs.ts';

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
    const calls = this.own(new Calls(link, locale));
    const fleet = this.own(new FleetStore(link));
    const folder = async (): Promise<string> => (await this.#claimCopies(context)).path;
    const sessions = this.own(new RunSessions({ link, calls, fleet, folder, log }));
    const watched = this.own(new WatchedRuns(fleet, context.workspaceState));

    const channels = this.own(new HostChannels(sessions, locale, log));
    const updates = new Updates(calls, fleet);
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
    const services: CommandServices = {
      ...{ relays, link, calls, fleet, watched, channels, client, locale, log, updates },
      locks: this.own(new LockDocuments(sessions, locale)),
      targets: new Targets(fleet, locale),
      showRun: (runId: RunId) => panels.show(runId),
      nixcfg,
      reveal: host => view.reveal(host),
      reconnect: () => (link.url === undefined ? connect() : link.retry()),
      showLog: () => log.show(),
    };
    const hosts = { isOnline: (host: string) => fleet.host(host)?.online, onDidChange: fleet.onDidChange };
    const workspace = panelWorkspace(nixcfg);
    const panels = this.own(
      new RunPanels(context, sessions, panelActions(services), { hosts, workspace, locale, log }),
    );
    const view = this.own(new HostsView({ link, relays, fleet, nixcfg, locale }));
    const statusBar = this.own(new StatusBar(link, fleet, locale));
    this.own(new OutcomeNotifications(watched, locale, services.showRun));
    this.own(new ContextKeys(link, relays, nixcfg));
    this.own(new Commands(services));

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
