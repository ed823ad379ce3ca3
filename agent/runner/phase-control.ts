import type { Phase } from '../../protocol/index.ts';
import type { JournalWriter } from '../run-directory/journal-writer.ts';
import type { OutputLog } from '../run-directory/output-log.ts';
import { RunFailure } from './reason.ts';

const CANCEL_POLL_MS = 200;

/** Phases that a wish to cancel ends at once. Later ones end at their next safe point, or not at all. */
const CANCELLABLE: readonly Phase[] = ['accepted', 'pulling', 'locking', 'building'];

export interface PhaseControlOptions {
  readonly journal: JournalWriter;
  readonly output: OutputLog;
  /** Milliseconds that each phase may take. */
  readonly deadlines: Readonly<Record<Phase, number>>;
  /** Who wants the run cancelled, if the mark that says so has been left since the last look. */
  readonly takeCancelMark: () => string | undefined;
  /** Aborted when this process must stop (the host goes down, an administrator stops the unit). */
  readonly stop?: AbortSignal | undefined;
}

/**
 * Where the run is, how long it may stay there, and whether somebody wants it to end. `signal` is aborted with the
 * `RunFailure` that then ends the phase.
 */
export class PhaseControl {
  readonly #options: PhaseControlOptions;
  readonly #poll: NodeJS.Timeout;
  #phase: Phase = 'accepted';
  #abort = new AbortController();
  #deadline: NodeJS.Timeout | undefined;
  #cancelledBy: string | undefined;
  /** What is done beyond the phases. */
  #extra: 'publishing' | undefined;

  constructor(options: PhaseControlOptions) {
    this.#options = options;
    const asked = options.journal.events.find(event => event.type === 'cancel-asked');
    if (asked) this.#cancelledBy = String(asked['by']);
    this.#poll = setInterval(() => this.#glance(), CANCEL_POLL_MS);
    options.stop?.addEventListener('abort', this.#onStop);
  }

  get phase(): Phase {
    return this.#phase;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Milliseconds that the phase may take. */
  get limit(): number {
    return this.#options.deadlines[this.#phase];
  }

  /** Who asked to cancel. */
  get cancelledBy(): string | undefined {
    return this.#cancelledBy;
  }

  /** The run works in that phase from now on; what was written so far survives a power loss. Throws where it must not begin. */
  enter(phase: Phase): void {
    this.lookForCancel();
    this.signal.throwIfAborted();
    this.begin(phase);
    if (this.#cancelledBy !== undefined && CANCELLABLE.includes(phase)) throw this.#cancelled();
  }

  /** As `enter`, also when the run is to end: for putting things back. */
  begin(phase: Phase): void {
    const { journal, output, deadlines, stop } = this.#options;
    output.sync();
    clearTimeout(this.#deadline);
    this.#abort = new AbortController();
    const limit = deadlines[phase];
    this.#phase = phase;
    journal.append({ type: 'phase', phase, deadlineAt: Date.now() + limit });
    this.#deadline = setTimeout(() => this.#abort.abort(pastDeadline(phase, limit)), limit);
    if (stop?.aborted) this.#onStop();
  }

  /** The run is in that phase since another runner entered it. */
  continueAt(phase: Phase): void {
    this.#phase = phase;
  }

  /** Gives what puts things back a time of its own, which nothing but its end cuts short. */
  renew(limit: number): void {
    clearTimeout(this.#deadline);
    this.#abort = new AbortController();
    this.#options.stop?.removeEventListener('abort', this.#onStop);
    const phase = this.#phase;
    this.#deadline = setTimeout(() => this.#abort.abort(pastDeadline(phase, limit)), limit);
  }

  /**
   * The run has reached its goal and publishes its lock: in a time of its own, and a wish to cancel, also one that came too
   * late for the run, only ends that.
   */
  publish(limit: number): void {
    clearTimeout(this.#deadline);
    this.#extra = 'publishing';
    this.#abort = new AbortController();
    this.#deadline = setTimeout(() => this.#abort.abort(pastDeadline('publishing', limit)), limit);
    if (this.#options.stop?.aborted) this.#onStop();
    if (this.#cancelledBy !== undefined) this.#abort.abort(this.#cancelled());
  }

  /** Looks for the mark now. Also asked by a timer. */
  lookForCancel(): void {
    const by = this.#options.takeCancelMark();
    if (by === undefined || this.#cancelledBy !== undefined) return;
    this.#cancelledBy = by;
    if (this.#extra || CANCELLABLE.includes(this.#phase)) this.#abort.abort(this.#cancelled());
    this.#options.journal.append({ type: 'cancel-asked', by });
  }

  /** A point at which the run can be undone as a whole: throws if somebody wants that. */
  safePoint(): void {
    this.lookForCancel();
    if (this.#cancelledBy !== undefined) throw this.#cancelled();
  }

  close(): void {
    clearInterval(this.#poll);
    clearTimeout(this.#deadline);
    this.#options.stop?.removeEventListener('abort', this.#onStop);
  }

  #glance(): void {
    try {
      this.lookForCancel();
    } catch {
      // the disk is full: what is at work meets that too, and ends the run for it
    }
  }

  readonly #onStop = (): void => {
    this.#abort.abort(
      new RunFailure({
        kind: 'interrupted',
        message: `the runner was told to stop while ${this.#doing}`,
        advice: 'Run the update again when the host is up.',
      }),
    );
  };

  get #doing(): Phase | 'publishing' {
    return this.#extra ?? this.#phase;
  }

  #cancelled(): RunFailure {
    return new RunFailure({
      kind: 'cancelled',
      message: `cancelled by ${this.#cancelledBy ?? 'somebody'} while ${this.#doing}`,
    });
  }
}

function pastDeadline(phase: Phase | 'publishing', milliseconds: number): RunFailure {
  return new RunFailure({
    kind: 'deadline',
    message: `${phase} was not done within its deadline of ${duration(milliseconds)}`,
    advice: `See what it was waiting for; if it only needs longer, raise the deadline for ${phase} on the host or for the run.`,
  });
}

/** Milliseconds in words. */
export function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${milliseconds} ms`;
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`;
}
