import { setTimeout } from 'node:timers/promises';
import * as vscode from 'vscode';
import { isOver, type RunId, type RunSummary } from '../../protocol/index.ts';
import { Disposable, toDisposable } from '../base/disposable.ts';
import type { Locale } from '../base/locale.ts';
import { unlinked } from '../base/unlinked.ts';
import { HOSTS_VIEW } from '../tree/hosts-view.ts';
import { outcomeText, summaryText, type OutcomeText } from './outcome-words.ts';
import type { WatchedRuns } from './watched-runs.ts';

/** A window without the person's attention lets another one go first, for so many milliseconds. */
const AFTER_YOU = 1000;

/** One notification for what was asked in one go, when it is over, in one window. */
export class OutcomeNotifications extends Disposable {
  readonly #locale: Locale;
  readonly #showRun: (runId: RunId) => void;
  readonly #isFirst: (name: string) => Promise<boolean>;
  readonly #ended = new AbortController();

  constructor(
    watched: WatchedRuns,
    locale: Locale,
    showRun: (runId: RunId) => void,
    isFirst: (name: string) => Promise<boolean>,
  ) {
    super();
    this.#locale = locale;
    this.#showRun = showRun;
    this.#isFirst = isFirst;
    this.own(watched.onDidEnd(runs => void this.#tell(runs)));
    this.own(toDisposable(() => this.#ended.abort()));
  }

  async #tell(runs: readonly RunSummary[]): Promise<void> {
    const [first, ...more] = runs;
    if (!first) return;
    // a run that waits for its host is told by itself later
    const { runId } = runs.find(isOver) ?? first;
    if (!(await isToldHere(runId, this.#isFirst, this.#ended.signal)) || this.isDisposed) return;
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

/**
 * Whether this window is the one that tells of something: one with the person's attention comes before the others.
 * @param ended the window's end: what it would have told then is left to the others
 */
export async function isToldHere(
  name: string,
  isFirst: (name: string) => Promise<boolean>,
  ended: AbortSignal,
): Promise<boolean> {
  if (!(await isSeen())) return false;
  if (!vscode.window.state.focused) await setTimeout(AFTER_YOU, undefined, { signal: ended }).catch(() => undefined);
  return !ended.aborted && isFirst(name);
}

/**
 * Whether there is a window to this extension host: a remote one outlives a window that went without a word, for minutes or
 * hours, and what it told then nobody would see. Settles only when the window answers.
 */
async function isSeen(): Promise<boolean> {
  try {
    // the least that only the window can answer
    await vscode.commands.getCommands(true);
    return true;
  } catch {
    return false;
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
