import * as vscode from 'vscode';
import type { Rollout, RunId } from '../../protocol/index.ts';
import { Disposable } from '../base/disposable.ts';
import type { Locale } from '../base/locale.ts';
import { HOSTS_VIEW } from '../tree/hosts-view.ts';
import { showOutcome } from '../updates/outcome-notifications.ts';
import { rolloutText } from './rollout-words.ts';
import type { WatchedRollouts } from './watched-rollouts.ts';

/** One notification for a rollout that this window asked for: none for each of its hosts. */
export class RolloutNotifications extends Disposable {
  readonly #locale: Locale;
  readonly #showRun: (runId: RunId) => void;

  constructor(watched: WatchedRollouts, locale: Locale, showRun: (runId: RunId) => void) {
    super();
    this.#locale = locale;
    this.#showRun = showRun;
    this.own(watched.onDidTell(rollout => void this.#tell(rollout)));
  }

  async #tell(rollout: Rollout): Promise<void> {
    const { t } = this.#locale;
    const [only, ...more] = rollout.failed;
    const button = !only ? t('Show Hosts') : more.length > 0 ? t('Show Failed…') : t('Show Run');
    if ((await showOutcome(rolloutText(rollout, this.#locale), button)) !== button) return;
    if (!only) await vscode.commands.executeCommand(`${HOSTS_VIEW}.focus`);
    else if (more.length === 0) this.#showRun(only.runId);
    else await vscode.commands.executeCommand('nixfleet.showFailed', { kind: 'rollout', rolloutId: rollout.rolloutId });
  }
}
