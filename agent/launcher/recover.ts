import type { Logger } from 'pino';
import { runIdSchema, type RunId } from '../../protocol/index.ts';
import { InboxFolder } from '../run-directory/inbox-folder.ts';
import { readRefusal } from '../run-directory/refusal.ts';
import { unfinishedRuns } from '../run-directory/run-list.ts';
import type { Launcher } from './launcher.ts';

/** Requests whose runners are started at once, at the most. */
const MAX_WAITING = 20;

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
  const read = (what: string, list: () => RunId[]): RunId[] => {
    try {
      return list();
    } catch (error) {
      log.error(`${what} cannot be read: ${(error as Error).message}`);
      return [];
    }
  };
  // whatever an agent has put into the inbox: what is half done comes first, and all of it
  const unfinished = read('what was left of earlier runs', () => unfinishedRuns(stateDir));
  const requests = read('the inbox', () => waitingRequests(stateDir));
  const waiting = requests.filter(runId => !unfinished.includes(runId));
  if (unfinished.length + waiting.length === 0) log.info('no run has to be finished');
  if (waiting.length > MAX_WAITING)
    log.warn(`${waiting.length} requests wait in the inbox; the first ${MAX_WAITING} are begun with`);
  for (const runId of [...unfinished, ...waiting.slice(0, MAX_WAITING)]) {
    try {
      await launcher.launch(runId);
      log.info(`the runner of run ${runId} is started`);
    } catch (error) {
      log.error(`run ${runId}: ${(error as Error).message}`);
    }
  }
}
