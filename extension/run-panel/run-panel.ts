import * as vscode from 'vscode';
import type { RunId } from '../../protocol/index.ts';
import type { PanelAction } from '../../protocol/panel.ts';
import { Disposable, toDisposable } from '../base/disposable.ts';
import { Emitter, type Event } from '../base/event.ts';
import type { Locale } from '../base/locale.ts';
import type { Log } from '../base/log.ts';
import type { RunSession } from '../runs/run-session.ts';
import { panelHtml } from './panel-html.ts';
import { PanelLink, type PanelWorkspace } from './panel-link.ts';
import type { PanelOutage } from './run-source.ts';

/** What the panel's buttons do. */
export interface RunPanelActions {
  cancel(runId: RunId): unknown;
  retry(host: string): unknown;
  /** @param rev the revision that was refused because it had failed before */
  retryAnyway(host: string, rev: string | undefined): unknown;
  openDiff(runId: RunId): unknown;
  openOutput(host: string): unknown;
  /** Saves the output that has come so far where the person says. */
  saveOutput(session: RunSession): unknown;
  useLock(runId: RunId): unknown;
}

/** What panels know of hosts. */
export interface RunPanelHosts {
  isOnline(host: string): boolean | undefined;
  /** Why nothing is heard of them just now; undefined while something is. */
  outage(): PanelOutage | undefined;
  readonly onDidChange: Event<unknown>;
}

export interface RunPanelParts {
  /** The folder of the webview's files, and the only one that it may load from. */
  readonly dist: vscode.Uri;
  readonly actions: RunPanelActions;
  readonly hosts: RunPanelHosts;
  readonly workspace: PanelWorkspace;
  readonly locale: Locale;
  readonly log: Log;
}

/** A webview panel that shows one run, from its opening to its closing. */
export class RunPanel extends Disposable {
  readonly #panel: vscode.WebviewPanel;
  readonly #parts: RunPanelParts;
  readonly #closed = new Emitter<void>();
  #link: PanelLink | undefined;
  /** What the page said before the run was open. */
  #early: unknown[] = [];

  readonly onDidClose = this.#closed.event;

  constructor(panel: vscode.WebviewPanel, runId: RunId, parts: RunPanelParts) {
    super();
    this.#panel = panel;
    this.#parts = parts;
    const { webview } = panel;
    webview.options = { enableScripts: true, localResourceRoots: [parts.dist] };
    this.own(
      webview.onDidReceiveMessage((message: unknown) => {
        if (this.#link) this.#link.receive(message);
        else this.#early.push(message);
      }),
    );
    this.own(panel.onDidChangeViewState(() => this.#viewStateChanged()));
    this.own(panel.onDidDispose(() => this.dispose()));
    this.own(toDisposable(() => this.#closed.fire()));
    const uri = (file: string): string => webview.asWebviewUri(vscode.Uri.joinPath(parts.dist, file)).toString();
    webview.html = panelHtml({
      language: parts.locale.language,
      cspSource: webview.cspSource,
      scriptUri: uri('webview.js'),
      styleUri: uri('webview.css'),
      runId,
    });
  }

  /** Shows a run from now on, and owns its session. */
  follow(session: RunSession): void {
    this.own(session);
    if (this.isDisposed) return;
    const { hosts, workspace, locale, log } = this.#parts;
    this.#showTitle(session);
    this.own(session.onDidChange(() => this.#showTitle(session)));
    const link = this.own(
      new PanelLink({
        session,
        port: { post: message => this.#panel.webview.postMessage(message) },
        locale,
        now: Date.now,
        isOnline: host => hosts.isOnline(host),
        outage: () => hosts.outage(),
        onDidChangeHosts: hosts.onDidChange,
        workspace,
        act: action => this.#act(action, session),
        openLink: url => void vscode.env.openExternal(vscode.Uri.parse(url, true)),
        warn: message => log.warn(message),
      }),
    );
    this.#link = link;
    for (const message of this.#early.splice(0)) link.receive(message);
  }

  reveal(): void {
    this.#panel.reveal();
  }

  close(): void {
    this.#panel.dispose();
  }

  #viewStateChanged(): void {
    if (this.#panel.visible) return;
    this.#early = [];
    this.#link?.hide();
  }

  #showTitle({ host }: RunSession): void {
    const { locale } = this.#parts;
    const title = host === '' ? locale.t('Update') : locale.t('{0}: update', host);
    if (this.#panel.title !== title) this.#panel.title = title;
  }

  #act(action: PanelAction, session: RunSession): void {
    const { runId, host } = session;
    const { actions } = this.#parts;
    switch (action) {
      case 'cancel':
        actions.cancel(runId);
        return;
      case 'retry':
        actions.retry(host);
        return;
      case 'retry-anyway':
        actions.retryAnyway(host, session.state.lock?.after.rev);
        return;
      case 'open-diff':
        actions.openDiff(runId);
        return;
      case 'use-lock':
        actions.useLock(runId);
        return;
      case 'open-output':
        actions.openOutput(host);
        return;
      case 'save-output':
        actions.saveOutput(session);
        return;
    }
  }
}
