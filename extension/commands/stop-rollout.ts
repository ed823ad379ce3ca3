import * as vscode from 'vscode';
import type { Rollout, RolloutId, RunId } from '../../protocol/index.ts';
import type { Locale } from '../base/locale.ts';
import { outcomeWords } from '../base/words.ts';
import { countWords } from '../rollouts/rollout-words.ts';
import type { CommandRows } from './targets.ts';
import { isOnline, sayFailure, type UpdateServices } from './asking.ts';

/** How long it stands in the status bar what was done, in milliseconds. */
const ANSWER_MS = 10_000;

/** Begins no other host: those that have not begun are cancelled, those that are at it go on to their end. */
export async function stopRollout(services: UpdateServices, rolloutId: RolloutId): Promise<void> {
  const { locale, rollouts } = services;
  if (!isOnline(services)) return;
  const result = await rollouts.stop(rolloutId);
  if (!result.ok) {
    sayFailure(locale.t('The rollout could not be stopped.'), result.reason, locale);
    return;
  }
  const running = result.reply.rollout?.counts.running ?? 0;
  vscode.window.setStatusBarMessage(stoppedWords(running, locale), ANSWER_MS);
}

function stoppedWords(running: number, { t }: Locale): string {
  if (running === 0) return t('Stopped: no other host is updated.');
  return running === 1
    ? t('Stopped: no other host is updated; the one that has begun goes on to its end.')
    : t('Stopped: no other host is updated; {0} that have begun go on to their end.', running);
}

/** The rollout of the row, or one of those that go on. */
export async function oneRollout(services: UpdateServices, rows: CommandRows): Promise<RolloutId | undefined> {
  const { locale, rolloutStore } = services;
  const [row] = rows;
  if (row?.kind === 'rollout') return row.rolloutId;
  return pickRollout(
    rolloutStore.live.filter(({ stopped }) => !stopped),
    services,
    { title: locale.t('Stop Rollout'), nothing: locale.t('No rollout is going on.') },
  );
}

/** Show Failed: the runs that failed in a rollout, of which one is shown. From the palette it is the last that has some. */
export async function showFailed(services: UpdateServices, rows: CommandRows): Promise<void> {
  const { locale, rolloutStore, showRun } = services;
  const [row] = rows;
  const rollout =
    row?.kind === 'rollout'
      ? rolloutStore.find(row.rolloutId)
      : rolloutStore.all.find(({ failed }) => failed.length > 0);
  if (!rollout || rollout.failed.length === 0) {
    void vscode.window.showInformationMessage(locale.t('No host has failed in a rollout.'));
    return;
  }
  const [only, ...more] = rollout.failed;
  if (only && more.length === 0) {
    showRun(only.runId);
    return;
  }
  const chosen = await vscode.window.showQuickPick(
    rollout.failed.map(({ host, runId }) => ({ label: host, description: howItFailed(services, runId), runId })),
    { title: locale.t('Show Failed…'), matchOnDescription: true },
  );
  if (chosen) showRun(chosen.runId);
}

function howItFailed({ fleet, locale }: UpdateServices, runId: RunId): string {
  const run = fleet.run(runId);
  return run ? outcomeWords(run, locale) : '';
}

async function pickRollout(
  some: readonly Rollout[],
  { locale }: UpdateServices,
  { title, nothing }: { readonly title: string; readonly nothing: string },
): Promise<RolloutId | undefined> {
  const [only, ...more] = some;
  if (!only) {
    void vscode.window.showInformationMessage(nothing);
    return undefined;
  }
  if (more.length === 0) return only.rolloutId;
  const items = some.map(rollout => ({
    label: locale.t('Rollout of {0}', rollout.requestedBy),
    description: countWords(rollout, locale),
    rolloutId: rollout.rolloutId,
  }));
  return (await vscode.window.showQuickPick(items, { title }))?.rolloutId;
}
