import type { Reason } from '../../protocol/index.ts';

/** What a run can end with besides success. Stable: programs compare them, words for people stand in the reason. */
export type FailureKind =
  | 'remote-unreachable'
  | 'auth'
  | 'host-key'
  | 'diverged'
  | 'detached-head'
  | 'no-upstream'
  | 'upstream-gone'
  | 'local-changes'
  | 'checkout-busy'
  | 'copy-locked'
  | 'copy-stale'
  | 'not-a-repository'
  | 'owner'
  | 'no-such-input'
  | 'input-without-revisions'
  | 'lock-unreadable'
  | 'rate-limit'
  | 'target-not-reached'
  | 'evaluation'
  | 'no-such-configuration'
  | 'build'
  | 'no-agent-in-configuration'
  | 'nixcfg-not-found'
  | 'missing-program'
  | 'activation'
  | 'switch-busy'
  | 'needs-reboot'
  | 'agent-not-confirmed'
  | 'failed-before'
  | 'commit'
  | 'deadline'
  | 'stuck'
  | 'cancelled'
  | 'interrupted'
  | 'power-loss'
  | 'disk-full'
  | 'rollback'
  | 'internal';

export interface RunReason extends Reason {
  readonly kind: FailureKind;
}

/** Ends the work of a run: thrown where a phase cannot go on, caught where the run is ended. */
export class RunFailure extends Error {
  override readonly name = 'RunFailure';
  readonly reason: RunReason;
  /** The end of the failed step's output, without control sequences. */
  readonly lastLines: readonly string[];

  constructor(reason: RunReason, lastLines: readonly string[] = [], cause?: unknown) {
    super(reason.message, { cause });
    this.reason = reason;
    this.lastLines = lastLines;
  }
}

/** Throws the failure of a kind. */
export function fail(kind: FailureKind, message: string, advice?: string, lastLines: readonly string[] = []): never {
  throw new RunFailure({ kind, message, ...(advice !== undefined && { advice }) }, lastLines);
}

/** Any error as the reason of an ending. */
export function asFailure(error: unknown): RunFailure {
  if (error instanceof RunFailure) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new RunFailure(
      {
        kind: 'disk-full',
        message: `the disk is full: ${message}`,
        advice: 'Make room on the host, then run the update again.',
      },
      [],
      error,
    );
  return new RunFailure(
    {
      kind: 'internal',
      message: `the runner met something it was not made for: ${message}`,
      advice: 'Look at the log of the run’s unit or job on the host and report it.',
    },
    [],
    error,
  );
}
