import { writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Logger } from 'pino';
import type { HostStatus } from '../../protocol/index.ts';
import { fileStamp } from '../link/token.ts';
import { statePaths } from '../run-directory/layout.ts';
import { FolderWatch } from '../tail/folder-watch.ts';
import { readStatus } from './collect.ts';

export interface StatusWatchOptions {
  readonly stateDir: string;
  /** Called with each status that is found in the file, and once when none comes that should. */
  readonly onStatus: (status: HostStatus) => void;
  /** Milliseconds from one status to the next as the unit's timer has it. */
  readonly interval: number;
  /** Where a person sees why none comes. */
  readonly whereToLook: string;
  readonly log: Logger;
  readonly times?: Partial<Times>;
}

interface Times {
  /** Milliseconds after which a question is asked again: a unit that is at work does not notice one. Doubled each time. */
  readonly askAgain: number;
  /** Milliseconds after which a question counts as not answered. Shorter than an operator waits for the newest revision. */
  readonly patience: number;
  /** Milliseconds between looks at a file whose folder says nothing of its changes. */
  readonly poll: number;
}

const TIMES: Times = { askAgain: 2000, patience: 45_000, poll: 10_000 };

/** Intervals without a status after which something is wrong. */
const MISSED = 3;

const MAX_PROBLEMS = 10;

/**
 * The status of a host whose agent may not look into the checkout: a unit with the rights of the checkout's owner finds it out
 * and writes it down, now and then and when `inbox/refresh` is touched. Here it is read, and missed when it does not come.
 */
export class StatusWatch implements Disposable {
  readonly #options: StatusWatchOptions;
  readonly #times: Times;
  readonly #file: string;
  readonly #refresh: string;
  readonly #watch: FolderWatch;
  readonly #startedAt = Date.now();
  #stamp: string | undefined;
  #found: HostStatus | undefined;
  /** What is wrong with the unit, as far as we can tell. */
  #problem: string | undefined;
  /** When somebody asked who has not been answered. */
  #askedAt: number | undefined;
  #askAgain: NodeJS.Timeout | undefined;

  constructor(options: StatusWatchOptions) {
    this.#options = options;
    this.#times = { ...TIMES, ...options.times };
    const { status, refresh } = statePaths(options.stateDir);
    this.#file = status;
    this.#refresh = refresh;
    this.#stamp = fileStamp(status);
    this.#found = readStatus(options.stateDir);
    this.#watch = new FolderWatch(dirname(status), { gather: 50, poll: this.#times.poll }, () => this.#look());
    // on a new host nobody has looked yet
    if (!this.#found) this.refresh();
  }

  get current(): HostStatus | undefined {
    const problem = this.#problem;
    if (problem === undefined) return this.#found;
    const found = this.#found ?? { at: Date.now(), problems: [] };
    return { ...found, problems: [problem, ...found.problems].slice(0, MAX_PROBLEMS) };
  }

  /** Asks the unit for a look. What comes of it is told, also when nothing has changed. */
  refresh(): void {
    this.#askedAt = Date.now();
    this.#ask(this.#times.askAgain);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#askAgain);
    this.#watch[Symbol.dispose]();
  }

  #ask(pause: number): void {
    clearTimeout(this.#askAgain);
    try {
      // written, not renamed: the path unit waits for a file that is closed after writing (systemd.path(5), PathChanged=)
      writeFileSync(this.#refresh, `${Date.now()}\n`, { mode: 0o644 });
    } catch (error) {
      this.#askedAt = undefined;
      this.#miss(`the status unit cannot be asked: ${(error as Error).message}`);
      return;
    }
    const left = (this.#askedAt ?? 0) + this.#times.patience - Date.now();
    this.#askAgain = setTimeout(
      () => {
        if (this.#askedAt === undefined) return;
        if (pause < left) {
          this.#ask(pause * 2);
          return;
        }
        this.#askedAt = undefined;
        this.#miss(`the status unit has not answered: see ${this.#options.whereToLook}`);
      },
      Math.max(0, Math.min(pause, left)),
    );
  }

  #look(): void {
    const stamp = fileStamp(this.#file);
    if (stamp === this.#stamp) {
      this.#noticeAbsence();
      return;
    }
    this.#stamp = stamp;
    const status = readStatus(this.#options.stateDir);
    if (!status) {
      this.#miss(`${this.#file} is not a status: see ${this.#options.whereToLook}`);
      return;
    }
    this.#found = status;
    this.#problem = undefined;
    // one that was being found out when somebody asked is told, but is not the answer
    if (this.#askedAt !== undefined && status.at >= this.#askedAt) this.#askedAt = undefined;
    this.#options.onStatus(status);
  }

  #noticeAbsence(): void {
    const lastSign = Math.max(this.#startedAt, this.#found?.at ?? 0);
    const silence = Date.now() - lastSign;
    if (this.#problem !== undefined || silence < MISSED * this.#options.interval + this.#times.patience) return;
    const since = this.#found ? ` since ${new Date(this.#found.at).toISOString()}` : '';
    this.#miss(`the status unit has said nothing${since}: see ${this.#options.whereToLook}`);
  }

  #miss(problem: string): void {
    this.#problem = problem;
    this.#options.log.warn(problem);
    const { current } = this;
    if (current) this.#options.onStatus(current);
  }
}
