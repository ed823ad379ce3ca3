import * as vscode from 'vscode';
import type { Rollout, RunId } from '../../protocol/index.ts';
import { Disposable, toDisposable } from '../base/disposable.ts';
import type { Locale } from '../base/locale.ts';
import { HOSTS_VIEW } from '../tree/hosts-view.ts';
import { isToldHere, showOutcome } from '../updates/outcome-notifications.ts';
import { rolloutText } from './rollout-words.ts';
import type { WatchedRollouts } from './watched-rollouts.ts';

/** One notification, in one window, for a rollout that was asked for here: none for each of its hosts. */
export class RolloutNotifications extends Disposable {
  readonly #locale: Locale;
  readonly #showRun: (runId: RunId) => void;
  readonly #isFirst: (name: string) => Promise<boolean>;
  readonly #ended = new AbortController();

  constructor(
    watched: WatchedRollouts,
    locale: Locale,
    showRun: (runId: RunId) => void,
    isFirst: (name: string) => Promise<boolean>,
  ) {
    super();
    this.#isFirst = isFirst;
    this.#locale = locale;
    this.#showRun = showRun;
    this.own(watched.onDidTell(rollout => void this.#tell(rollout)));
    this.own(toDisposable(() => this.#ended.abort()));
  }

  async #tell(rollout: Rollout): Promise<void> {
    // it may be told twice: while the rest waits for hosts that are offline, and when it is over
    const name = rollout.endedAt === undefined ? `${rollout.rolloutId}-so-far` : rollout.rolloutId;
    if (!(await isToldHere(name, this.#isFirst, this.#ended.signal)) || this.isDisposed) return;
    const { t } = this.#locale;
    const [only, ...more] = rollout.failed;
    const button = !only ? t('Show Hosts') : more.length > 0 ? t('Show Failed…') : t('Show Run');
    if ((await showOutcome(rolloutText(rollout, this.#locale), button)) !== button) return;
    if (!only) await vscode.commands.executeCommand(`${HOSTS_VIEW}.focus`);
    else if (more.length === 0) this.#showRun(only.runId);
    else await vscode.commands.executeCommand('nixfleet.showFailed', { kind: 'rollout', rolloutId: rollout.rolloutId });
  }
}
