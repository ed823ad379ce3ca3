import { networkInterfaces, userInfo } from 'node:os';
import * as vscode from 'vscode';
import { hostNameSchema } from '../../protocol/index.ts';
import { messageOf } from '../base/log.ts';
import { relayName } from '../connection/relay-url.ts';
import { LOOPBACK, machineAddresses } from '../local-relay/addresses.ts';
import type { LocalRelay, RunningRelay } from '../local-relay/local-relay.ts';
import { NoRuntime } from '../local-relay/runtime.ts';
import type { FirstRunServices } from './features-api.ts';

/** Where the progress of it shows. */
const HOSTS_VIEW = 'nixfleet.hosts';

export async function startLocalRelay(services: FirstRunServices, local: LocalRelay): Promise<void> {
  const { t } = services.locale;
  if (process.platform === 'win32') {
    void vscode.window.showErrorMessage(
      t('A local relay runs on Linux and macOS. On Windows, open nixcfg in WSL and start it there.'),
    );
    return;
  }
  if (!(await mayLeavePresentRelay(services))) return;
  const wasRunning = (await local.running()) !== undefined;
  const host = wasRunning ? undefined : await askWhere(services, local);
  if (!wasRunning && host === undefined) return;
  try {
    const relay = await vscode.window.withProgress({ location: { viewId: HOSTS_VIEW } }, () =>
      local.start(host, started => signIn(services, local, started)),
    );
    await vscode.commands.executeCommand(`${HOSTS_VIEW}.focus`);
    await sayStarted(services, relay, wasRunning);
  } catch (error) {
    await sayWhyNot(services, error);
  }
}

export async function stopLocalRelay({ relays, locale }: FirstRunServices, local: LocalRelay): Promise<void> {
  const { t } = locale;
  // windows leave it before it goes: nobody tries to reach it afterwards
  if (relays.target?.local !== undefined) await relays.signOut();
  const stopped = await local.stop();
  void vscode.window.showInformationMessage(
    stopped
      ? t('The local relay is stopped. Its hosts and their tokens are kept for when it starts again.')
      : t('The local relay is not running.'),
  );
}

/** Who starts a relay here leaves another one, whose token is then forgotten. */
async function mayLeavePresentRelay({ relays, locale: { t } }: FirstRunServices): Promise<boolean> {
  const { target } = relays;
  if (!target || target.local !== undefined) return true;
  const go = t('Start and Connect');
  const answer = await vscode.window.showWarningMessage(
    t('NixFleet is connected to {0}.', relayName(target.url)),
    {
      modal: true,
      detail: t('It would connect to the local relay instead, and forget the token for {0}.', relayName(target.url)),
    },
    go,
  );
  return answer === go;
}

/** Where it is to listen; undefined when the person thought better of it. */
async function askWhere({ locale: { t } }: FirstRunServices, local: LocalRelay): Promise<string | undefined> {
  const before = (await local.listen())?.host;
  const asBefore = (host: string): string => (host === before ? t('as before') : '');
  const here = {
    label: `$(vm) ${t('On This Machine Only')}`,
    description: asBefore(LOOPBACK),
    detail: t('To try it out: for hosts on this machine, or through a tunnel.'),
    host: LOOPBACK,
  };
  const others = machineAddresses(networkInterfaces()).map(({ address, network }) => ({
    label: `$(globe) ${address}`,
    description: [network, asBefore(address)].filter(text => text !== '').join(' · '),
    detail: t('For other machines, too. With TLS: hosts are told the relay’s fingerprint.'),
    host: address,
  }));
  const items = [here, ...others].sort((a, b) => Number(b.host === before) - Number(a.host === before));
  const picked = await vscode.window.showQuickPick(items, {
    title: t('Start a Local Relay'),
    placeHolder: t('Where may hosts reach it? It runs until it is stopped, for all windows of this machine.'),
    ignoreFocusOut: true,
  });
  return picked?.host;
}

/** Connects every window to it: with the token that they have, if the relay takes it. */
async function signIn(
  { relays, tryRelay, log }: FirstRunServices,
  local: LocalRelay,
  relay: RunningRelay,
): Promise<void> {
  await relays.load(); // another window may have done it a moment ago
  const { url, fingerprint, id } = relay;
  const known = relays.target;
  if (known?.local === id && known.url === url && (await tryRelay(known)).ok) return;
  const token = await local.token('operator', operatorName(), { replace: true });
  try {
    await relays.signIn({ url, token, fingerprint, local: id });
  } catch (error) {
    log.warn(`the token of the local relay could not be kept: ${messageOf(error)}`);
  }
}

function operatorName(): string {
  const name = userInfo().username.replace(/[^A-Za-z0-9._-]/g, '-');
  return hostNameSchema.safeParse(name).success ? name : 'operator';
}

async function sayStarted(
  { locale: { t } }: FirstRunServices,
  relay: RunningRelay,
  wasRunning: boolean,
): Promise<void> {
  const name = relayName(relay.url);
  const enroll = t('Enroll a Host…');
  const answer = await vscode.window.showInformationMessage(
    wasRunning
      ? t('The local relay is already running at {0}. This window is connected to it.', name)
      : t('The local relay is running at {0}. It keeps running when VS Code is closed, until it is stopped.', name),
    enroll,
  );
  if (answer === enroll) await vscode.commands.executeCommand('nixfleet.enrollHost');
}

async function sayWhyNot({ locale: { t }, log, showLog }: FirstRunServices, error: unknown): Promise<void> {
  if (error instanceof NoRuntime) for (const line of error.tried) log.error(`cannot run the relay: ${line}`);
  else log.error(`the local relay: ${messageOf(error)}`);
  const words =
    error instanceof NoRuntime
      ? t(
          'The relay needs Node 24, and neither VS Code’s own runtime ({0}) nor a “node” in its PATH is new enough. Install Node 24, for instance with “nix profile install nixpkgs#nodejs_24”, start VS Code again from there, and try again.',
          `Node ${process.versions.node}`,
        )
      : t('The local relay could not be started: {0}', messageOf(error));
  const show = t('Show Log');
  const answer = await vscode.window.showErrorMessage(words, show);
  if (answer === show) showLog();
}
