import * as vscode from 'vscode';
import type { Locale } from '../base/locale.ts';
import { relayName } from '../connection/relay-url.ts';
import type { LinkTargets } from './link-targets.ts';
import { parseUriRequest } from './uri-request.ts';

/** Does what a link from outside asks for, or asks whether to. */
export async function openLink(uri: vscode.Uri, targets: LinkTargets, locale: Locale): Promise<void> {
  const { isHost, isRun, reveal, showRun } = targets;
  const { t } = locale;
  const request = parseUriRequest(uri);
  switch (request.kind) {
    case 'connect':
      return askToConnect(request.url, targets, locale);
    case 'host':
      if (isHost(request.host)) return reveal(request.host);
      void vscode.window.showInformationMessage(t('This window knows no host {0}.', request.host));
      return;
    case 'run':
      if (isRun(request.runId)) showRun(request.runId);
      else void vscode.window.showInformationMessage(t('This window knows no run {0}.', request.runId));
      return;
    case 'refused':
      void vscode.window.showWarningMessage(refusal(request.why, locale));
  }
}

async function askToConnect(url: string, { relay, connect }: LinkTargets, { t }: Locale): Promise<void> {
  const present = relay();
  const go = t('Connect…');
  const words =
    present === undefined || present === url
      ? t('A link asks NixFleet to connect to {0}. Go on only if you trust where it came from.', relayName(url))
      : t(
          'A link asks NixFleet to connect to {0} instead of {1}. Go on only if you trust where it came from.',
          relayName(url),
          relayName(present),
        );
  if ((await vscode.window.showInformationMessage(words, go)) === go) await connect(url);
}

function refusal(why: 'unknown' | 'relay' | 'secret', { t }: Locale): string {
  switch (why) {
    case 'unknown':
      return t('A link was not opened: NixFleet does not know it.');
    case 'relay':
      return t('A link was not opened: it names no relay by a wss:// URL.');
    case 'secret':
      return t('A link was not opened: it brings more than a relay’s URL. A token is never put into a link.');
  }
}
