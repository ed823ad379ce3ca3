/**
 * The panels that show runs, one for each run. Comes in: the wish to see a run, and what a panel's buttons ask for.
 * Leaves: webviews that are in step with their runs while they are seen, and come back after a reload of the window.
 * What is shown is decided without VS Code, in panel-view.ts; how it gets there, in panel-link.ts.
 */
import * as vscode from 'vscode';
import { runIdSchema, type RunId } from '../../protocol/index.ts';
import { Disposable, toDisposable } from '../base/disposable.ts';
import type { Locale } from '../base/locale.ts';
import { messageOf, type Log } from '../base/log.ts';
import type { RunSessionSource } from '../runs/run-session.ts';
import type { PanelWorkspace } from './panel-link.ts';
import { RunPanel, type RunPanelActions, type RunPanelHosts, type RunPanelParts } from './run-panel.ts';

/** The view type. The manifest has `onWebviewPanel:nixfleet.run` among its activation events. */
export const RUN_PANEL = 'nixfleet.run';

export class RunPanels extends Disposable {
  readonly #sessions: RunSessionSource;
  readonly #parts: RunPanelParts;
  readonly #panels = new Map<RunId, RunPanel>();

  constructor(
    context: Pick<vscode.ExtensionContext, 'extensionUri'>,
    sessions: RunSessionSource,
    actions: RunPanelActions,
    { hosts, workspace, locale, log }: { hosts: RunPanelHosts; workspace: PanelWorkspace; locale: Locale; log: Log },
  ) {
    super();
    this.#sessions = sessions;
    const dist = vscode.Uri.joinPath(context.extensionUri, 'dist');
    this.#parts = { dist, actions, hosts, workspace, locale, log };
    this.own(
      vscode.window.registerWebviewPanelSerializer(RUN_PANEL, {
        deserializeWebviewPanel: (panel, state: unknown) => this.#revive(panel, state),
      }),
    );
    this.own(
      toDisposable(() => {
        // not closed: what is open when the window reloads comes back
        for (const panel of [...this.#panels.values()]) panel.dispose();
      }),
    );
  }

  /** Shows a run: its panel if there is one, else a new one. */
  show(runId: RunId): void {
    const shown = this.#panels.get(runId);
    if (shown) {
      shown.reveal();
      return;
    }
    const title = this.#parts.locale.t('Update');
    void this.#attach(vscode.window.createWebviewPanel(RUN_PANEL, title, vscode.ViewColumn.Active), runId);
  }

  async #revive(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    const said = typeof state === 'object' && state !== null && 'runId' in state ? state.runId : undefined;
    const runId = runIdSchema.safeParse(said);
    if (runId.success && !this.#panels.has(runId.data)) await this.#attach(panel, runId.data);
    else panel.dispose();
  }

  async #attach(webviewPanel: vscode.WebviewPanel, runId: RunId): Promise<void> {
    const panel = new RunPanel(webviewPanel, runId, this.#parts);
    this.#panels.set(runId, panel);
    panel.onDidClose(() => this.#panels.delete(runId));
    try {
      panel.follow(await this.#sessions.open(runId));
    } catch (error) {
      this.#parts.log.error(`run ${runId} cannot be opened: ${messageOf(error)}`);
      panel.close();
      const { locale } = this.#parts;
      void vscode.window.showErrorMessage(locale.t('The run cannot be shown: {0}', messageOf(error)));
    }
  }
}
