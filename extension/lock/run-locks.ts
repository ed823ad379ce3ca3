import { findInput, parseFlakeLock } from '../../flake-lock/index.ts';
import { neverBegan, type RunId } from '../../protocol/index.ts';
import { nextValue } from '../base/event.ts';
import type { Locale } from '../base/locale.ts';
import { shortRev } from '../base/words.ts';
import type { RunSession, RunSessionSource } from '../runs/run-session.ts';

/** Both lock files of a run. */
export interface RunLocks {
  readonly host: string;
  readonly before: string;
  readonly after: string;
  /** Name of the input that carries the agent, as the run says. */
  readonly input: string | undefined;
}

export type RunLocksResult =
  | { readonly ok: true; readonly locks: RunLocks }
  /** `none`: the run ended before there was a lock to compare; `late`: they have not come in time. */
  | { readonly ok: false; readonly kind: 'none' | 'late' };

/** Fetches both locks of a run and waits for them. Rejects when the disk refuses. */
export async function fetchRunLocks(
  sessions: RunSessionSource,
  runId: RunId,
  signal: AbortSignal,
): Promise<RunLocksResult> {
  const session = await sessions.open(runId);
  try {
    for (;;) {
      const result = locksOf(session);
      if (result) return result;
      await nextValue(session.onDidChange, () => true, signal);
    }
  } catch (error) {
    if (signal.aborted) return { ok: false, kind: 'late' };
    throw error;
  } finally {
    session.dispose();
  }
}

function locksOf(session: RunSession): RunLocksResult | undefined {
  const { lockBefore: before, lockAfter: after, host, state, summary } = session;
  if (before !== undefined && after !== undefined) {
    return { ok: true, locks: { host, before, after, input: state.lock?.input } };
  }
  const over = state.end !== undefined || (summary !== undefined && neverBegan(summary));
  const noLockYet = over && state.lock === undefined;
  return noLockYet || session.gone ? { ok: false, kind: 'none' } : undefined;
}

/** `flake.lock (web, 1a2b3c4 → 9f8e7d6)`; without revisions when the input has none or the files cannot be read. */
export function lockDiffTitle({ host, before, after, input }: RunLocks, locale: Locale): string {
  const [from, to] = [before, after].map(text => revisionOf(text, input));
  if (from === undefined || to === undefined) return locale.t('flake.lock ({0})', host);
  return locale.t('flake.lock ({0}, {1} → {2})', host, shortRev(from), shortRev(to));
}

function revisionOf(text: string, input: string | undefined): string | undefined {
  const parsed = parseFlakeLock(text);
  return parsed.ok && input !== undefined ? findInput(parsed.lock, [input])?.locked?.rev : undefined;
}
