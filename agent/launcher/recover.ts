import type { Logger } from 'pino';
import { runIdSchema, type RunId } from '../../protocol/index.ts';
import { InboxFolder } from '../run-directory/inbox-folder.ts';
import { readRefusal } from '../run-directory/refusal.ts';
import { unfinishedRuns } from '../run-directory/run-list.ts';
import type { Launcher } from './launcher.ts';

/** Runners that are started at once, at the most; a host has one run at a time, two after a crash. */
const MAX_STARTS = 20;

/** The requests that wait in the inbox and have not been refused, oldest first. */
export function waitingRequests(stateDir: string): RunId[] {
  const opened = InboxFolder.open(stateDir);
  if (!opened.ok) return [];
  using inbox = opened.inbox;
  return inbox
    .names()
    .flatMap(name => (name.endsWith('.json') ? (runIdSchema.safeParse(name.slice(0, -5)).data ?? []) : []))
    .filter(runId => !readRefusal(stateDir, runId));
}

/**
 * Starts the runner of every run that is not at its end, and of every request that waits in the inbox: what a power loss left,
 * with no agent and no network needed. Returns as soon as the service manager has been told, and never rejects.
 */
export async function recover(stateDir: string, launcher: Launcher, log: Logger): Promise<void> {
  let due: RunId[] = [];
  try {
    const unfinished = unfinishedRuns(stateDir);
    const waiting = waitingRequests(stateDir).filter(runId => !unfinished.includes(runId));
    // the runner of a new request finishes what others left; one that comes second would be refused as the host is busy
    due = [...waiting, ...unfinished];
  } catch (error) {
    log.error(`what was left of earlier runs cannot be read: ${(error as Error).message}`);
  }
  if (due.length === 0) log.info('no run has to be finished');
  if (due.length > MAX_STARTS) log.warn(`${due.length} runs have to be finished; ${MAX_STARTS} are begun with`);
  for (const runId of due.slice(0, MAX_STARTS)) {
    try {
      await launcher.launch(runId);
      log.info(`the runner of run ${runId} is started`);
    } catch (error) {
      log.error(`run ${runId}: ${(error as Error).message}`);
    }
  }
}
