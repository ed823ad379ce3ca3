import type { Reason, RunId, RunState, RunSummary } from '../../protocol/index.ts';
import type { IDisposable } from '../base/disposable.ts';
import type { Event } from '../base/event.ts';
import type { OutputStore } from '../output/output-store.ts';

/**
 * One run as this window follows it: what it adds up to, its output, its lock files. Handed out by
 * {@link RunSessions.open}; while any session of a run is open the relay is asked for what is missing, and again after
 * every reconnect, from where the copy on disk ends.
 */
export interface RunSession extends IDisposable {
  readonly runId: RunId;
  /** Empty until the first summary or the copy on disk has said it. */
  readonly host: string;
  /** What the relay's lists say; undefined when it was never heard (such as offline, after a reload). */
  readonly summary: RunSummary | undefined;
  /** What the events received so far add up to. A value: another one after every change. */
  readonly state: RunState;
  readonly output: OutputStore;
  /** The whole file, once it is here. */
  readonly lockBefore: string | undefined;
  readonly lockAfter: string | undefined;
  /** The relay will never have (all of) the output or the locks again. */
  readonly gone: boolean;
  /** Why the relay does not tell of this run, or, of the kind `disk`, why its output cannot be kept here. */
  readonly problem: Reason | undefined;
  /** Anything above, and the link's freshness, changed; output that was appended fires `output.onDidAppend` only. */
  readonly onDidChange: Event<void>;
  dispose(): void;
}

/** Where sessions come from. Each `open` is one session of its own to dispose; sessions of one run share all state. */
export interface RunSessionSource {
  open(runId: RunId): Promise<RunSession>;
}
