import * as vscode from 'vscode';
import { hostsOf, MAX_ROLLOUT_HOSTS, type RolloutId } from '../../protocol/index.ts';
import { nextValue } from '../base/event.ts';
import { countWords, waitsForHosts } from '../rollouts/rollout-words.ts';
import { HOSTS_VIEW } from '../tree/hosts-view.ts';
import type { HowToUpdate } from '../updates/updates.ts';
import type { WatchedRun } from '../updates/watched-runs.ts';
import { askEach, sayFailure, sayRefusals, type UpdateServices } from './asking.ts';
import { showProgress } from './run-progress.ts';
import { stopRollout } from './stop-rollout.ts';

/** What became of asking for updates of several hosts. */
export type AskedHosts =
  | { readonly kind: 'rollout'; readonly rolloutId: RolloutId }
  /** One by one; also when nothing came of it. */
  | { readonly kind: 'runs'; readonly runs: readonly WatchedRun[] };

/**
 * Asks for an update of several hosts to one revision: as a rollout, which is the relay's from then on; of a relay that
 * does not know rollouts, one host after the other, all at once.
 */
export async function askSeveral(
  services: UpdateServices,
  hosts: readonly string[],
  how: HowToUpdate,
): Promise<AskedHosts> {
  const { locale, rollouts, rolloutStore, watchedRollouts } = services;
  if (!rolloutStore.isSupported) return { kind: 'runs', runs: await askEach(services, hosts, how) };
  const part = hosts.slice(0, MAX_ROLLOUT_HOSTS);
  const asked = await vscode.window.withProgress({ location: { viewId: HOSTS_VIEW } }, () => rollouts.ask(part, how));
  if (!asked.ok) {
    sayFailure(locale.t('NixFleet could not update {0} hosts.', part.length), asked.reason, locale);
    return { kind: 'runs', runs: [] };
  }
  watchedRollouts.watch(asked.rolloutId);
  sayRefusals(asked.refused, locale);
  if (part.length < hosts.length) {
    void vscode.window.showInformationMessage(
      locale.t(
        'At most {0} hosts are updated in one go; {1} are left for the next.',
        part.length,
        hosts.length - part.length,
      ),
    );
  }
  return { kind: 'rollout', rolloutId: asked.rolloutId };
}

/** What was asked from the palette is followed in a notification, too. */
export function followAsked(services: UpdateServices, asked: AskedHosts): void {
  if (asked.kind === 'rollout') showRolloutProgress(services, asked.rolloutId);
  else if (asked.runs.length > 0) showProgress(services, asked.runs);
}

/** Goes until the rollout is over, or waits for hosts that are offline. Its Cancel stops the rollout. */
function showRolloutProgress(services: UpdateServices, rolloutId: RolloutId): void {
  const { rolloutStore, locale } = services;
  const isSettled = (): boolean => {
    const rollout = rolloutStore.find(rolloutId);
    return !rollout || rollout.endedAt !== undefined || waitsForHosts(rollout);
  };
  const counts = rolloutStore.find(rolloutId)?.counts;
  const hosts = counts ? hostsOf(counts) : 0;
  void vscode.window.withProgress(
    {
      location: vscode.ProgressLocation.Notification,
      title: locale.t('Updating {0} hosts', hosts),
      cancellable: true,
    },
    async (progress, token) => {
      const cancelled = new AbortController();
      const cancellation = token.onCancellationRequested(() => {
        cancelled.abort();
        void stopRollout(services, rolloutId);
      });
      try {
        while (!isSettled()) {
          const rollout = rolloutStore.find(rolloutId);
          if (rollout) progress.report({ message: countWords(rollout, locale) });
          await nextValue(rolloutStore.onDidChange, () => true, cancelled.signal);
        }
      } catch (error) {
        if (!cancelled.signal.aborted) throw error;
      } finally {
        cancellation.dispose();
      }
    },
  );
}
