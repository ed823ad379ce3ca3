/**
 * The runs of this host while the agent is up: says when one appears and when one ends, and keeps those going whose runner
 * died.
 */
import { EventEmitter } from 'node:events';
import type { Logger } from 'pino';
import type { RunId, RunOnHost } from '../../protocol/index.ts';
import { statePaths } from '../run-directory/layout.ts';
import { FolderWatch } from '../tail/folder-watch.ts';
import { RunBook, type RunView } from './run-book.ts';
import type { Supervisor } from './supervisor.ts';

/** Runs that are told to the relay: those that retention keeps. */
const KEPT_RUNS = 50;

/** Runs of one message at the most. */
const MAX_LISTED = 200;

/** How often the runs are looked through while one is at work, and while none is, milliseconds. */
const POLL_LIVE = 1000;
const POLL_IDLE = 10_000;

interface HostRunsEvents {
  /** A run has its first event. */
  appeared: [run: RunView];
  ended: [run: RunView];
}

export class HostRuns extends EventEmitter<HostRunsEvents> implements Disposable {
  readonly #book: RunBook;
  readonly #supervisor: Supervisor;
  readonly #log: Logger;
  readonly #runsDir: string;
  readonly #known = new Map<RunId, RunView>();
  #watch: FolderWatch | undefined;
  #poll: NodeJS.Timeout | undefined;
  #lastLook: Promise<void> = Promise.resolve();
  #nextLook: Promise<void> | undefined;

  constructor(stateDir: string, supervisor: Supervisor, log: Logger) {
    super();
    this.#book = new RunBook(stateDir);
    this.#supervisor = supervisor;
    this.#log = log;
    this.#runsDir = statePaths(stateDir).runs;
  }

  /** Takes up what was left, and looks after the runs from now on. */
  async start(): Promise<void> {
    try {
      for (const run of await this.#book.read()) {
        this.#known.set(run.runId, run);
        this.#reportDamage(run);
      }
      await this.look();
      await this.#supervisor.takeUpInbox();
    } catch (error) {
      // an agent that does not come up could not even be asked what is wrong
      this.#log.error(`what was left of earlier runs cannot be taken up: ${(error as Error).message}`);
    }
    this.#watch = new FolderWatch(this.#runsDir, { gather: 50, poll: POLL_IDLE }, () => void this.look());
    this.#poll = setInterval(() => {
      if ([...this.#known.values()].some(run => !run.ended)) void this.look();
    }, POLL_LIVE);
  }

  [Symbol.dispose](): void {
    this.#watch?.[Symbol.dispose]();
    clearInterval(this.#poll);
  }

  /** The runs that the relay should know of. */
  async describeAll(): Promise<RunOnHost[]> {
    const runs = (await this.#book.read()).filter((run, age) => age < KEPT_RUNS || !run.ended).slice(0, MAX_LISTED);
    const described = await Promise.all(runs.map(run => this.#book.describe(run.runId)));
    return described.filter(run => run !== undefined);
  }

  describe(runId: RunId): Promise<RunOnHost | undefined> {
    return this.#book.describe(runId);
  }

  async find(runId: RunId): Promise<RunView | undefined> {
    return (await this.#book.read()).find(run => run.runId === runId);
  }

  /** The run that is not over and stands in the way of another. */
  async live(): Promise<RunView | undefined> {
    return (await this.#book.read()).find(run => !run.ended && !this.#supervisor.hasGivenUp(run.runId));
  }

  /** Looks through the runs, at everything that is there by now; never rejects. */
  look(): Promise<void> {
    // one that waits for its turn will see what this one is asked for
    this.#nextLook ??= this.#lastLook.then(() => {
      this.#nextLook = undefined;
      return this.#look();
    });
    this.#lastLook = this.#nextLook;
    return this.#nextLook;
  }

  async #look(): Promise<void> {
    try {
      for (const run of await this.#book.read()) {
        this.#tell(run);
        await this.#supervisor.lookAfter(run);
      }
    } catch (error) {
      this.#log.error(`the runs cannot be looked through: ${(error as Error).message}`);
    }
  }

  #tell(run: RunView): void {
    const before = this.#known.get(run.runId);
    this.#known.set(run.runId, run);
    if (run.damage !== before?.damage) this.#reportDamage(run);
    if (run.seq > 0 && (before?.seq ?? 0) === 0) this.emit('appeared', run);
    if (run.ended && before?.ended !== true) this.emit('ended', run);
  }

  #reportDamage(run: RunView): void {
    if (run.damage !== undefined)
      this.#log.warn(`the journal of run ${run.runId} is damaged behind event ${run.seq}: ${run.damage}`);
  }
}
