/**
 * `nixfleet-agent run-inbox`: for a service manager that starts a program while something lies in a folder (QueueDirectories of
 * launchd.plist(5)). Runs are executed one after another, each by a process of its own; who comes back has left an
 * empty inbox and no run at work.
 */
import { spawn } from 'node:child_process';
import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { runIdSchema, type RunId } from '../../protocol/index.ts';
import { InboxFolder } from '../run-directory/inbox-folder.ts';
import { runPaths, statePaths } from '../run-directory/layout.ts';
import { readRefusal } from '../run-directory/refusal.ts';
import { readEvents, unfinishedRuns } from '../run-directory/run-list.ts';
import { readLiveRunner } from '../run-directory/runner-file.ts';
import { refuse } from '../runner/accept.ts';
import type { RunnerProgram } from './launcher.ts';
import { waitingRequests } from './recover.ts';

export interface RunInboxOptions {
  readonly stateDir: string;
  /** Executes a run to its end, or until its runner dies. Never rejects. */
  readonly run: (runId: RunId) => Promise<void>;
  /** Finds the status of the host out anew, for an agent that asks for it and may not look itself. */
  readonly findStatusOut: () => Promise<void>;
  readonly log: Logger;
  /** Ends the waiting; a runner at work goes on. */
  readonly signal: AbortSignal;
  readonly times?: Times;
}

interface Times {
  /** Milliseconds between looks into the inbox. */
  readonly look: number;
  /** Milliseconds after which a file that means nothing is removed: it may be one that is being written. */
  readonly stray: number;
  /** Milliseconds before a run is tried again that came no step further; doubled each time. */
  readonly pause: number;
}

const TIMES: Times = { look: 500, stray: 60_000, pause: 1000 };

/** Runners of one run that brought it no step further, after which it is left. */
const MAX_TRIES = 5;

/** Returns whether every run is at its end that was not before. */
export async function runInbox(options: RunInboxOptions): Promise<boolean> {
  const { log, signal, times = TIMES } = options;
  const queue = new InboxQueue(options, times);
  const refreshing = setInterval(() => queue.answerRefresh(), times.look);
  const told = new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));
  try {
    while (!signal.aborted) {
      queue.answerRefresh();
      queue.sweep();
      const next = queue.next();
      if (next !== undefined) await Promise.race([queue.execute(next), told]);
      else if (queue.isEmpty() && !queue.isAtWork()) break;
      else await delay(times.look, undefined, { signal }).catch(() => undefined);
    }
    return queue.givenUp.size === 0;
  } catch (error) {
    log.error(`the inbox cannot be gone through: ${(error as Error).message}`);
    return false;
  } finally {
    clearInterval(refreshing);
  }
}

class InboxQueue {
  readonly givenUp = new Set<RunId>();
  readonly #options: RunInboxOptions;
  readonly #times: Times;
  readonly #ended = new Set<RunId>();
  /** Runners of a run that brought it no step further. */
  readonly #tries = new Map<RunId, number>();
  /** What could not be removed. */
  readonly #stuck = new Set<string>();
  #lookingAtStatus = false;

  constructor(options: RunInboxOptions, times: Times) {
    this.#options = options;
    this.#times = times;
  }

  /** The run that is to be executed now: one that has begun before one that waits. None while a runner is at work. */
  next(): RunId | undefined {
    const { stateDir } = this.#options;
    if (this.isAtWork()) return undefined;
    return [...this.#unfinished(), ...waitingRequests(stateDir)].find(runId => !this.givenUp.has(runId));
  }

  /** Whether a runner is at work, also one that outlived whoever started it: if it dies, there is a run to be finished. */
  isAtWork(): boolean {
    const { stateDir } = this.#options;
    return this.#unfinished().some(runId => readLiveRunner(runPaths(stateDir, runId).runner));
  }

  async execute(runId: RunId): Promise<void> {
    const { stateDir, run, log } = this.#options;
    const before = this.#seq(runId);
    await run(runId);
    if (!this.#unfinished().includes(runId) && !waitingRequests(stateDir).includes(runId)) return;
    const count = this.#seq(runId) > before ? 1 : (this.#tries.get(runId) ?? 0) + 1;
    this.#tries.set(runId, count);
    if (count < MAX_TRIES) {
      await delay(this.#times.pause * 2 ** (count - 1));
      return;
    }
    log.error(`run ${runId} did not go on after ${MAX_TRIES} runners and is left as it is`);
    this.givenUp.add(runId);
    if (before === 0)
      refuse(stateDir, runId, { kind: 'not-started', message: 'The runner ended before it began the run.' });
  }

  /** Removes what means nothing, or nothing any more. */
  sweep(): void {
    const live = new Set([...this.#unfinished(), ...waitingRequests(this.#options.stateDir)]);
    this.#withInbox(inbox => {
      for (const name of inbox.names()) {
        const { runId, kind } = parse(name);
        if (kind === 'refresh' || (kind === 'json' && runId && live.has(runId))) continue;
        if (kind === 'wake' && runId) {
          this.givenUp.delete(runId);
          this.#tries.delete(runId);
          this.#remove(inbox, name);
        } else if (kind === 'json' && runId && readRefusal(this.#options.stateDir, runId)) {
          this.#remove(inbox, name);
        } else if (!(kind === 'cancel' && runId && live.has(runId) && !this.givenUp.has(runId))) {
          if ((inbox.age(name) ?? 0) < this.#times.stray) continue;
          this.#options.log.warn(`${name} lay in the inbox and is no request; it is removed`);
          this.#remove(inbox, name);
        }
      }
    });
  }

  /** Finds the status out where the agent asked for it, beside a run that is at work. */
  answerRefresh(): void {
    const { stateDir, findStatusOut, log } = this.#options;
    if (this.#lookingAtStatus) return;
    const name = basename(statePaths(stateDir).refresh);
    const isAsked = this.#withInbox(inbox => {
      if (this.#stuck.has(name) || inbox.age(name) === undefined) return false;
      this.#remove(inbox, name);
      return true;
    });
    if (isAsked !== true) return;
    this.#lookingAtStatus = true;
    void findStatusOut()
      .catch((error: unknown) => log.error(`the status could not be found out: ${(error as Error).message}`))
      .finally(() => (this.#lookingAtStatus = false));
  }

  /** Whether there is nothing left to wait for. */
  isEmpty(): boolean {
    if (this.#lookingAtStatus) return false;
    return this.#withInbox(inbox => inbox.names().every(name => this.#stuck.has(name))) ?? true;
  }

  #withInbox<T>(act: (inbox: InboxFolder) => T): T | undefined {
    const opened = InboxFolder.open(this.#options.stateDir);
    if (!opened.ok) {
      this.#options.log.error(opened.message);
      return undefined;
    }
    using inbox = opened.inbox;
    return act(inbox);
  }

  #remove(inbox: InboxFolder, name: string): void {
    try {
      inbox.remove(name);
    } catch (error) {
      if (!this.#stuck.has(name)) this.#options.log.error(`${name} cannot be removed: ${(error as Error).message}`);
      this.#stuck.add(name);
    }
  }

  /** Oldest first. */
  #unfinished(): RunId[] {
    return unfinishedRuns(this.#options.stateDir, this.#ended).reverse();
  }

  #seq(runId: RunId): number {
    return readEvents(this.#options.stateDir, runId).at(-1)?.seq ?? 0;
  }
}

function parse(name: string): { runId?: RunId | undefined; kind: string | undefined } {
  if (name === 'refresh') return { kind: 'refresh' };
  const [, id, kind] = /^(\w+)\.(json|cancel|wake)$/.exec(name) ?? [];
  return { runId: runIdSchema.safeParse(id).data, kind };
}

/** Executes a run by a process in a session of its own, which outlives this one. */
export function runnerProcess(program: RunnerProgram, log: Logger): (runId: RunId) => Promise<void> {
  const [command = '', ...args] = program.argv;
  return runId =>
    new Promise(resolve => {
      log.info(`run ${runId} is executed`);
      const child = spawn(command, [...args, 'run', runId], {
        detached: true,
        cwd: '/',
        env: program.environment,
        stdio: ['ignore', 'inherit', 'inherit'],
      });
      child.once('error', error => {
        log.error(`${command} could not be started: ${error.message}`);
        resolve();
      });
      child.once('exit', () => resolve());
    });
}
