import * as vscode from 'vscode';
import { isOver, type RunSummary } from '../../protocol/index.ts';
import { nextValue } from '../base/event.ts';
import type { Locale } from '../base/locale.ts';
import { progressSentence } from '../base/progress-words.ts';
import { phaseWord } from '../base/words.ts';
import type { FleetStore } from '../fleet/fleet-store.ts';
import type { Updates } from '../updates/updates.ts';
import type { WatchedRun } from '../updates/watched-runs.ts';

export interface ProgressServices {
  readonly fleet: FleetStore;
  readonly updates: Updates;
  readonly locale: Locale;
}

/** A notification that follows runs until they are over, or wait for their host. Its Cancel cancels them all. */
export function showProgress({ fleet, updates, locale }: ProgressServices, runs: readonly WatchedRun[]): void {
  const find = ({ host, runId }: WatchedRun): RunSummary | undefined =>
    fleet.host(host)?.runs.find(run => run.runId === runId);
  // what was just asked for is not in the fleet's list yet; what was there and is no more is over
  const seen = new Set<WatchedRun>();
  const isSettled = (watched: WatchedRun): boolean => {
    const run = find(watched);
    if (!run) return seen.has(watched);
    seen.add(watched);
    return isOver(run) || (run.delivery === 'queued' && fleet.host(run.host)?.online === false);
  };
  const [only, ...more] = runs;
  const title =
    only && more.length === 0 ? locale.t('Updating {0}', only.host) : locale.t('Updating {0} hosts', runs.length);
  void vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title, cancellable: true },
    async (progress, token) => {
      const cancelled = new AbortController();
      const cancellation = token.onCancellationRequested(() => {
        cancelled.abort();
        for (const { runId } of runs) void updates.cancel(runId);
      });
      try {
        while (!runs.every(isSettled)) {
          progress.report({ message: message(runs.map(find), locale) });
          await nextValue(fleet.onDidChange, () => true, cancelled.signal);
        }
      } catch (error) {
        if (!cancelled.signal.aborted) throw error;
      } finally {
        cancellation.dispose();
      }
    },
  );
}

function message(runs: readonly (RunSummary | undefined)[], locale: Locale): string {
  const [only, ...more] = runs;
  if (more.length === 0) {
    const progress = only?.progress && progressSentence(only.progress, locale);
    return only ? [phaseWord(only.phase, locale), ...(progress === undefined ? [] : [progress])].join(' · ') : '';
  }
  const over = runs.filter(run => run && isOver(run)).length;
  return locale.t('{0} of {1} done', over, runs.length);
}
