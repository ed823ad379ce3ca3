import { readdirSync } from 'node:fs';
import { runIdSchema, type AnyRunEvent, type RunId } from '../../protocol/index.ts';
import { readSmallFile } from './files.ts';
import { parseJournal } from './journal.ts';
import { runPaths, statePaths } from './layout.ts';

/** Bytes of a journal at the most; a run writes a few hundred kilobytes. */
export const MAX_JOURNAL_BYTES = 64 * 1024 * 1024;

/** The runs that lie on this host, newest first (a run's id begins with its time). */
export function listRuns(stateDir: string): RunId[] {
  return names(stateDir)
    .flatMap(name => runIdSchema.safeParse(name).data ?? [])
    .sort()
    .reverse();
}

/** The runs that were refused here. */
export function listRefusals(stateDir: string): RunId[] {
  return names(stateDir).flatMap(name => runIdSchema.safeParse(/^(.*)\.refused\.json$/.exec(name)?.[1]).data ?? []);
}

function names(stateDir: string): string[] {
  try {
    return readdirSync(statePaths(stateDir).runs);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** The events of a run; empty when it has none yet. */
export function readEvents(stateDir: string, runId: RunId): readonly AnyRunEvent[] {
  const read = readSmallFile(runPaths(stateDir, runId).journal, MAX_JOURNAL_BYTES);
  return read.ok ? parseJournal(read.value).events : [];
}

/** Whether nothing more will happen in a run. */
export function hasEnded(events: readonly AnyRunEvent[]): boolean {
  return events.at(-1)?.type === 'ended';
}

/**
 * Runs that somebody must still finish, newest first: live ones and those whose runner died.
 * @param ended runs that are known to have ended; filled, so that who looks again and again reads each journal once
 */
export function unfinishedRuns(stateDir: string, ended = new Set<RunId>()): RunId[] {
  return listRuns(stateDir).filter(runId => {
    if (!ended.has(runId) && hasEnded(readEvents(stateDir, runId))) ended.add(runId);
    return !ended.has(runId);
  });
}
