import * as vscode from 'vscode';
import type { RunId } from '../../protocol/index.ts';
import type { Locale } from '../base/locale.ts';
import type { LockDocuments } from '../lock/lock-documents.ts';
import { HOSTS_VIEW } from '../tree/hosts-view.ts';

/** Opens the diff editor on a run's lock files, or says why there is nothing to see. */
export async function showLockDiff(
  { locks, locale }: { readonly locks: LockDocuments; readonly locale: Locale },
  runId: RunId,
  host: string,
): Promise<void> {
  const result = await vscode.window.withProgress({ location: { viewId: HOSTS_VIEW } }, () => locks.showDiff(runId));
  switch (result) {
    case 'shown':
      return;
    case 'unchanged':
      void vscode.window.showInformationMessage(locale.t('That run did not change flake.lock on {0}.', host));
      return;
    case 'none':
      void vscode.window.showInformationMessage(
        locale.t('There are no lock files of that run on {0}: it ended before they were compared.', host),
      );
      return;
    case 'late':
      void vscode.window.showWarningMessage(
        locale.t('The lock files of {0} have not come yet: the run is not that far, or the link is down.', host),
      );
      return;
  }
}
