import * as vscode from 'vscode';
import type { Phase, RunId } from '../../protocol/index.ts';
import { phaseWord } from '../base/words.ts';
import { isOnline, sayFailure, type UpdateServices } from './asking.ts';

/** How long the relay's answer stands in the status bar, in milliseconds. */
const ANSWER_MS = 10_000;

export interface CancellableRun {
  readonly runId: RunId;
  readonly host: string;
  readonly phase: Phase;
}

/** Cancels a run. Asks first once the host is being switched, because that has to be undone on it. */
export async function cancelRun(services: UpdateServices, run: CancellableRun): Promise<void> {
  const { locale, updates } = services;
  if (!isOnline(services)) return;
  if (['activating', 'confirming', 'committing'].includes(run.phase) && !(await confirm(run, services))) return;
  const result = await updates.cancel(run.runId);
  if (!result.ok) {
    sayFailure(locale.t('The update of {0} could not be cancelled.', run.host), result.reason, locale);
  } else {
    const answer = result.reply.message ?? locale.t('Cancelling the update of {0}.', run.host);
    vscode.window.setStatusBarMessage(answer, ANSWER_MS);
  }
}

async function confirm({ host, phase }: CancellableRun, { locale }: UpdateServices): Promise<boolean> {
  const cancel: vscode.MessageItem = { title: locale.t('Cancel Update') };
  // beside it, VS Code's own "Cancel" would say the opposite of what it does
  const goOn: vscode.MessageItem = { title: locale.t('Keep Updating'), isCloseAffordance: true };
  const choice = await vscode.window.showWarningMessage(
    locale.t('Cancel the update of {0}?', host),
    {
      modal: true,
      detail: locale.t(
        'It is {0}: the host is switched back to the generation it ran before.',
        phaseWord(phase, locale),
      ),
    },
    cancel,
    goOn,
  );
  return choice === cancel;
}
