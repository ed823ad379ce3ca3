import { basename } from 'node:path';
import * as z from 'zod';
import type { RunId } from '../../protocol/index.ts';
import { InboxFolder } from '../run-directory/inbox-folder.ts';
import { inboxPaths } from '../run-directory/layout.ts';

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
