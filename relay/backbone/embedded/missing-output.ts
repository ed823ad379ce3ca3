import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { RunId, StreamName } from '../../../protocol/index.ts';
import type { StreamState } from '../stream-state.ts';
import type { Rows } from './rows.ts';
import { runFolder, streamFileName } from './stream-files.ts';

/** A stream of which less is there than was recorded. */
export interface MissingOutput {
  readonly runId: RunId;
  readonly stream: StreamName;
  /** What there is of it. */
  readonly state: StreamState;
}

/**
 * Streams whose files are shorter than was recorded, or gone: after a disk that was put back together, or somebody who
 * tidied up. What has ended was complete once, and its host would not be asked for it otherwise.
 */
export function findMissingOutput(dir: string, rows: Rows): readonly MissingOutput[] {
  return rows.runs({ limit: Number.MAX_SAFE_INTEGER }).flatMap(({ summary: { runId, host } }) =>
    rows.streams(runId).flatMap(({ stream, state }) => {
      const path = join(dir, runFolder(host, runId), streamFileName(stream));
      const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
      return size < state.size ? { runId, stream, state: { ...state, size, ended: false } } : [];
    }),
  );
}
