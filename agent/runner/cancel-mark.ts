import { basename } from 'node:path';
import * as z from 'zod';
import { runIdSchema, type RunId } from '../../protocol/index.ts';
import { InboxFolder } from '../run-directory/inbox-folder.ts';
import { inboxPaths } from '../run-directory/layout.ts';
import { readRefusal } from '../run-directory/refusal.ts';
import { hasEnded, readEvents } from '../run-directory/run-list.ts';
import { readKeptRequest } from './accept.ts';

const cancelMarkSchema = z.looseObject({ by: z.string().min(1).max(256) });
const MAX_MARK_BYTES = 4096;

/** Who wants the run cancelled, and takes the mark that says so out of the inbox. Undefined while nobody does. */
export function takeCancelMark(stateDir: string, runId: RunId): string | undefined {
  const opened = InboxFolder.open(stateDir);
  if (!opened.ok) return undefined;
  using inbox = opened.inbox;
  const name = basename(inboxPaths(stateDir, runId).cancel);
  const mark = inbox.readJson(name, cancelMarkSchema, MAX_MARK_BYTES);
  if (!mark.ok && mark.kind === 'missing') return undefined;
  try {
    inbox.remove(name);
  } catch {
    // it says what it says
  }
  return mark.ok ? mark.value.by : 'somebody';
}

/** Takes the marks out of the inbox that came too late: their runs have ended, or were never begun. Never throws. */
export function removeLateMarks(stateDir: string): void {
  const opened = InboxFolder.open(stateDir);
  if (!opened.ok) return;
  using inbox = opened.inbox;
  try {
    for (const name of inbox.names()) {
      const runId = runIdSchema.safeParse(/^(\w+)\.cancel$/.exec(name)?.[1]).data;
      if (runId !== undefined && isOver(stateDir, runId)) inbox.remove(name);
    }
  } catch (error) {
    process.stderr.write(`marks in the inbox cannot be removed: ${(error as Error).message}\n`);
  }
}

function isOver(stateDir: string, runId: RunId): boolean {
  if (readKeptRequest(stateDir, runId)) return hasEnded(readEvents(stateDir, runId));
  return readRefusal(stateDir, runId) !== undefined;
}
