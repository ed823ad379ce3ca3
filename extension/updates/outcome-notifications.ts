import * as vscode from 'vscode';
import type { RunId, RunSummary } from '../../protocol/index.ts';
import { Disposable } from '../base/disposable.ts';
import type { Locale } from '../base/locale.ts';
import { unlinked } from '../base/unlinked.ts';
import { HOSTS_VIEW } from '../tree/hosts-view.ts';
import { outcomeText, summaryText, type OutcomeText } from './outcome-words.ts';
import type { WatchedRuns } from './watched-runs.ts';

/** One notification for what was asked in one go, when it is over. */
export class OutcomeNotifications extends Disposable {
  readonly #locale: Locale;
  readonly #showRun: (runId: RunId) => void;

  constructor(watched: WatchedRuns, locale: Locale, showRun: (runId: RunId) => void) {
    super();
    this.#locale = locale;
    this.#showRun = showRun;
    this.own(watched.onDidEnd(runs => void this.#tell(runs)));
  }

  async #tell(runs: readonly RunSummary[]): Promise<void> {
    const [first, ...more] = runs;
    if (!first) return;
    if (more.length > 0) {
      const button = this.#locale.t('Show Hosts');
      const choice = await showOutcome(summaryText(runs, this.#locale), button);
      if (choice === button) await vscode.commands.executeCommand(`${HOSTS_VIEW}.focus`);
    } else {
      const button = this.#locale.t('Show Run');
      const choice = await showOutcome(outcomeText(first, this.#locale), button);
      if (choice === button) this.#showRun(first.runId);
    }
  }
}

/** Says it as loud as it is; resolves with the button that was chosen. */
export function showOutcome({ severity, text: said }: OutcomeText, button: string): Thenable<string | undefined> {
  const text = unlinked(said);
  switch (severity) {
    case 'info':
      return vscode.window.showInformationMessage(text, button);
    case 'warning':
      return vscode.window.showWarningMessage(text, button);
    case 'error':
      return vscode.window.showErrorMessage(text, button);
  }
}
