/** Ties every command of package.json to what it does. A command without a handler does not compile. */
import * as vscode from 'vscode';
import { liveRun } from '../fleet/fleet.ts';
import { Disposable } from '../base/disposable.ts';
import { messageOf, type Log } from '../base/log.ts';
import type { Locale } from '../base/locale.ts';
import type { LockDocuments } from '../lock/lock-documents.ts';
import { builtFrom } from '../nixcfg/configurations.ts';
import type { Nixcfg } from '../nixcfg/nixcfg.ts';
import { relayName } from '../connection/relay-url.ts';
import { isOnline, sayFailure, type UpdateServices } from './asking.ts';
import { cancelRun } from './cancel.ts';
import type { FirstRun } from '../first-run/first-run.ts';
import { connectToRelay, type ConnectOptions } from './connect.ts';
import { filterHosts, type FilterServices } from './filter-hosts.ts';
import type { CommandId } from './ids.ts';
import { oneRollout, showFailed, stopRollout } from './stop-rollout.ts';
import { showLockDiff } from './show-lock-diff.ts';
import { commandRows, type CommandRows } from './targets.ts';
import { NO_FILTER } from '../tree/host-filter.ts';
import { HOSTS_VIEW } from '../tree/hosts-view.ts';
import { updateAgent, updateAllOutdated } from './update.ts';
import type { TreeNode } from '../tree/nodes.ts';

export interface CommandServices extends UpdateServices, ConnectOptions, FilterServices {
  readonly locks: LockDocuments;
  readonly nixcfg: Pick<Nixcfg, 'features'>;
  readonly firstRun: Pick<FirstRun, 'features'>;
  /** Brings a host's row into sight. */
  readonly reveal: (host: string) => Promise<void>;
  readonly reconnect: () => void;
  readonly showLog: () => void;
}

export class Commands extends Disposable {
  constructor(services: CommandServices) {
    super();
    for (const [id, run] of Object.entries(handlers(services))) {
      this.own(
        vscode.commands.registerCommand(id, async (node?: TreeNode, nodes?: readonly TreeNode[]) => {
          try {
            await run(commandRows(node, nodes));
          } catch (error) {
            report(id, error, services.log);
          }
        }),
      );
    }
  }
}

/** Milliseconds that a short answer stands in the status bar. */
const SAID_FOR = 5000;

function report(id: string, error: unknown, log: Log): void {
  log.error(`${id}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  void vscode.window.showErrorMessage(`NixFleet: ${messageOf(error)}`);
}

/** Copies, and says so where it disturbs nobody. */
async function copy(text: string, { t }: Locale): Promise<void> {
  await vscode.env.clipboard.writeText(text);
  vscode.window.setStatusBarMessage(t('Copied {0}', text.replaceAll('\n', ', ')), SAID_FOR);
}

type Handlers = Readonly<Record<CommandId, (rows: CommandRows) => unknown>>;

function handlers(services: CommandServices): Handlers {
  const { targets, locale, relays, channels, fleet, link } = services;
  const { t } = locale;
  const noRun = t('There is no run yet.');
  const noHost = t('There is no host.');
  return {
    'nixfleet.getStarted': () =>
      vscode.commands.executeCommand('workbench.action.openWalkthrough', 'nixfleet.nixfleet#start', false),
    'nixfleet.connect': () => connectToRelay(services),
    'nixfleet.startLocalRelay': async () => (await services.firstRun.features()).startLocalRelay(),
    'nixfleet.stopLocalRelay': async () => (await services.firstRun.features()).stopLocalRelay(),
    'nixfleet.enrollHost': async ([row]) =>
      (await services.firstRun.features()).enrollHost(row?.kind === 'configured' ? row.host : undefined),
    'nixfleet.disconnect': () => relays.signOut(),
    'nixfleet.reconnect': () => {
      if (link.isOnline)
        vscode.window.setStatusBarMessage(
          t('Already connected to {0}; looking again.', relayName(link.url ?? '')),
          SAID_FOR,
        );
      services.reconnect();
    },
    'nixfleet.showLog': () => services.showLog(),
    'nixfleet.updateAgent': rows => updateAgent(services, rows),
    'nixfleet.updateAllOutdated': () => updateAllOutdated(services),
    'nixfleet.stopRollout': async rows => {
      const rolloutId = await oneRollout(services, rows);
      if (rolloutId) await stopRollout(services, rolloutId);
    },
    'nixfleet.showFailed': rows => showFailed(services, rows),
    'nixfleet.cancelUpdate': async rows => {
      const run = await targets.oneRun(rows, {
        title: t('Cancel Update'),
        nothing: t('No host is being updated.'),
        filter: host => liveRun(host) !== undefined,
      });
      if (run) await cancelRun(services, run);
    },
    'nixfleet.showRun': async rows => {
      const run = await targets.oneRun(rows, { title: t('Show Run'), nothing: noRun });
      if (run) services.showRun(run.runId);
    },
    'nixfleet.showLockDiff': async rows => {
      const run = await targets.oneRun(rows, { title: t('Show flake.lock Diff'), nothing: noRun });
      if (run) await showLockDiff(services, run.runId, run.host);
    },
    'nixfleet.showOutput': async rows => {
      const run = await targets.oneRun(rows, { title: t('Show Output'), nothing: noRun });
      if (!run) return;
      channels.follow(run.host, run.runId);
      channels.show(run.host);
    },
    'nixfleet.copyHostName': async rows => {
      const hosts = await targets.someHosts(rows, { title: t('Copy Host Name'), nothing: noHost });
      if (hosts.length > 0) await copy(hosts.map(({ host }) => host).join('\n'), locale);
    },
    'nixfleet.copyRevision': async rows => {
      const host = await targets.oneHost(rows, {
        title: t('Copy Revision'),
        nothing: t('No host has said its revision yet.'),
        filter: ({ status, agent }) => (status?.input?.rev ?? agent?.rev) !== undefined,
      });
      const rev = host?.status?.input?.rev ?? host?.agent?.rev;
      if (rev !== undefined) await copy(rev, locale);
    },
    'nixfleet.refreshHost': async rows => {
      if (!isOnline(services)) return;
      const hosts = await targets.someHosts(rows, {
        title: t('Refresh Host'),
        nothing: t('No host is online.'),
        filter: ({ online }) => online,
      });
      await vscode.window.withProgress({ location: { viewId: HOSTS_VIEW } }, async () => {
        for (const { host } of hosts.filter(({ host: name }) => fleet.host(name)?.online)) {
          const result = await services.updates.refresh(host);
          if (!result.ok) sayFailure(t('{0} could not be refreshed.', host), result.reason, locale);
        }
      });
    },
    'nixfleet.useLock': async rows => {
      const run = await targets.oneRun(rows, { title: t('Use This Lock in Workspace'), nothing: noRun });
      if (run) await (await services.nixcfg.features()).useLock(run.runId);
    },
    'nixfleet.updateInput': async () => (await services.nixcfg.features()).updateInput(),
    'nixfleet.chooseNixcfg': async () => (await services.nixcfg.features()).chooseFolder(),
    'nixfleet.showConfiguration': async rows => {
      const [row] = rows;
      const host =
        row?.kind === 'configured'
          ? undefined
          : await targets.oneHost(rows, {
              title: t('Open Configuration'),
              nothing: t('No host has said what it is built from.'),
              filter: candidate => builtFrom(candidate) !== undefined,
            });
      const configuration = row?.kind === 'configured' ? { kind: row.output, name: row.host } : host && builtFrom(host);
      if (configuration) await (await services.nixcfg.features()).showConfiguration(configuration);
    },
    'nixfleet.revealHost': async rows => {
      const host = await targets.oneHost(rows, { title: t('Find Host'), nothing: noHost });
      if (host) await services.reveal(host.host);
    },
    'nixfleet.filterHosts': () => filterHosts(services),
    'nixfleet.clearHostFilter': () => services.filter.set(NO_FILTER),
  };
}
