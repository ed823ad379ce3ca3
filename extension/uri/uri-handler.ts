import * as vscode from 'vscode';
import type { RunId } from '../../protocol/index.ts';
import { Disposable } from '../base/disposable.ts';
import type { Locale } from '../base/locale.ts';
import { relayName } from '../connection/relay-url.ts';
import { parseUriRequest } from './uri-request.ts';

export interface UriHandlerParts {
  readonly locale: Locale;
  /** The relay that is remembered. */
  readonly relay: () => string | undefined;
  readonly isHost: (host: string) => boolean;
  readonly isRun: (runId: RunId) => boolean;
  /** Asks for the token of a relay, whose URL a person still sees and may change. */
  readonly connect: (url: string) => Promise<void>;
  readonly reveal: (host: string) => Promise<void>;
  readonly showRun: (runId: RunId) => void;
}

/** Links from outside: `vscode://nixfleet.nixfleet/connect?relay=wss://…`, `…/host/NAME`, `…/run/ID`. They only show, or ask. */
export class UriHandler extends Disposable implements vscode.UriHandler {
  readonly #parts: UriHandlerParts;

  constructor(parts: UriHandlerParts) {
    super();
    this.#parts = parts;
    this.own(vscode.window.registerUriHandler(this));
  }

  async handleUri(uri: vscode.Uri): Promise<void> {
    const { locale, isHost, isRun, reveal, showRun } = this.#parts;
    const { t } = locale;
    const request = parseUriRequest(uri);
    switch (request.kind) {
      case 'connect':
        return this.#askToConnect(request.url);
      case 'host':
        if (isHost(request.host)) return reveal(request.host);
        void vscode.window.showInformationMessage(t('This window knows no host {0}.', request.host));
        return;
      case 'run':
        if (isRun(request.runId)) showRun(request.runId);
        else void vscode.window.showInformationMessage(t('This window knows no run {0}.', request.runId));
        return;
      case 'refused':
        void vscode.window.showWarningMessage(this.#refusal(request.why));
    }
  }

  async #askToConnect(url: string): Promise<void> {
    const { t } = this.#parts.locale;
    const present = this.#parts.relay();
    const go = t('Connect…');
    const words =
      present === undefined || present === url
        ? t('A link asks NixFleet to connect to {0}. Go on only if you trust where it came from.', relayName(url))
        : t(
            'A link asks NixFleet to connect to {0} instead of {1}. Go on only if you trust where it came from.',
            relayName(url),
            relayName(present),
          );
    if ((await vscode.window.showInformationMessage(words, go)) === go) await this.#parts.connect(url);
  }

  #refusal(why: 'unknown' | 'relay' | 'secret'): string {
    const { t } = this.#parts.locale;
    switch (why) {
      case 'unknown':
        return t('A link was not opened: NixFleet does not know it.');
      case 'relay':
        return t('A link was not opened: it names no relay by a wss:// URL.');
      case 'secret':
        return t('A link was not opened: it brings more than a relay’s URL. A token is never put into a link.');
    }
  }
}
