/**
 * Runs the children of a run, one at a time. A child writes to a raw file in the run directory, never to a pipe, so that it
 * does not notice who dies; this process renders that file into the output, from an offset that the journal names.
 */
import { closeSync, constants, existsSync, fstatSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import type { RunEvent } from '../../protocol/index.ts';
import type { OutputLog } from '../run-directory/output-log.ts';
import type { JournalWriter } from '../run-directory/journal-writer.ts';
import type { RunPaths } from '../run-directory/layout.ts';
import { ProgressFile } from '../run-directory/progress-file.ts';
import { cutUnwrittenTail } from '../run-directory/unwritten-tail.ts';
import { asUser } from '../steps/as-user.ts';
import { withoutCredentials } from '../steps/credentials.ts';
import { childEnvironment, type Access } from '../steps/environment.ts';
import type { User } from '../steps/user.ts';
import { Tail } from './last-lines.ts';
import { endGroup, KILL_GRACE_MS } from './process-group.ts';
import { followRaw } from './raw-follow.ts';
import type { RunFailure } from './reason.ts';
import { BuildTracker, type BuildTotals } from './render/build-tracker.ts';
import { NIX_RAW } from './render/renderer.ts';
import { writeRunnerFile } from './runner-file-writer.ts';

/** Marks the children of a run in their environment, so that the next runner finds what a dead one left behind. */
export const RUN_MARK = 'NIXFLEET_RUN_ID';

export interface StepCommand {
  readonly argv: readonly [string, ...string[]];
  readonly user: User;
  readonly cwd: string;
  /** The raw file that takes the output. Which renderer reads it follows from its name. */
  readonly raw: string;
  /** Added to the clean environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether the child is marked as one that may be ended when its runner is gone. Not so an activation, nor what it starts. */
  readonly mayBeEnded?: boolean;
  /** Milliseconds without a byte of output after which the child is ended as stuck. */
  readonly silence?: number;
}

export interface StepResult {
  /** Absent when a signal ended it or it could not be started. */
  readonly exitCode?: number;
  readonly signal?: string;
  /** Why it was ended, when this process ended it. */
  readonly stopped?: RunFailure;
  /** Why it could not be started. */
  readonly notStarted?: Error;
  /** The end of its rendered output. */
  readonly tail: Uint8Array;
  /** What a build came to, by its log. */
  readonly totals?: BuildTotals;
}

export interface StepRunnerOptions {
  readonly paths: RunPaths;
  readonly runId: string;
  readonly journal: JournalWriter;
  readonly output: OutputLog;
  readonly access: Access;
  /** The failure of a child that was silent for too long. */
  readonly stuck: (milliseconds: number, argv: readonly string[]) => RunFailure;
  readonly killGraceMs?: number;
}

export class StepRunner {
  readonly #options: StepRunnerOptions;
  access: Access;
  #step: number;

  constructor(options: StepRunnerOptions) {
    this.#options = options;
    this.access = options.access;
    this.#step = options.journal.events.reduce(
      (last, event) => (event.type === 'step-started' ? Math.max(last, Number(event['step'])) : last),
      0,
    );
  }

  /** Says something of the runner's own in the output. */
  say(text: string): void {
    this.#options.output.write(withoutCredentials(`nixfleet: ${text}\n`));
  }

  /**
   * Runs a child to its end, whatever that is.
   * @param signal ends the child's whole process group; its reason is the failure that the result names
   */
  async run(command: StepCommand, signal: AbortSignal): Promise<StepResult> {
    const { paths, journal, output, killGraceMs = KILL_GRACE_MS } = this.#options;
    if (signal.aborted) return { stopped: signal.reason as RunFailure, tail: new Uint8Array(0) };
    const step = ++this.#step;
    const rawPath = join(paths.dir, command.raw);
    const fd = openSync(
      rawPath,
      constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW,
      0o600,
    );
    const rawOffset = fstatSync(fd).size;
    output.write(withoutCredentials(`$ ${command.argv.map(shown).join(' ')}\n`));
    output.flush();
    journal.append({
      type: 'step-started',
      step,
      argv: command.argv.map(argument => argument.slice(0, 8192)),
      user: command.user.name,
      raw: command.raw,
      rawOffset,
      outputOffset: output.size,
    });
    const startedAt = performance.now();
    const tailOfOutput = new Tail();
    const result = await this.#runChild(command, step, fd, rawPath, rawOffset, signal, killGraceMs, tailOfOutput);
    output.flush();
    journal.append({
      type: 'step-ended',
      step,
      ...(result.exitCode !== undefined && { exitCode: result.exitCode }),
      ...(result.signal !== undefined && { signal: result.signal }),
      durationMs: Math.round(performance.now() - startedAt),
    });
    return { ...result, tail: tailOfOutput.bytes() };
  }

  /** After a power loss: what the step's raw file lost of what was written to it is not taken for output. */
  cutUnwritten(left: Extract<RunEvent, { type: 'step-started' }>): void {
    const path = join(this.#options.paths.dir, left.raw);
    if (!existsSync(path)) return;
    const fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
    try {
      cutUnwrittenTail(fd);
    } finally {
      closeSync(fd);
    }
  }

  /**
   * Brings to its end what a dead runner's last step left: waits until `ended`, renders what is not in the output yet, and
   * records that the step is over. Its exit code is nobody's to know.
   */
  async finishStep(left: Extract<RunEvent, { type: 'step-started' }>, ended: Promise<unknown>): Promise<void> {
    const { paths, journal, output } = this.#options;
    const path = join(paths.dir, left.raw);
    if (existsSync(path))
      await followRaw({
        path,
        name: left.raw,
        offset: left.rawOffset,
        skip: Math.max(0, output.size - left.outputOffset),
        ended,
        write: bytes => output.write(bytes),
      });
    output.flush();
    journal.append({ type: 'step-ended', step: left.step, durationMs: Math.max(0, Date.now() - left.at) });
  }

  async #runChild(
    command: StepCommand,
    step: number,
    fd: number,
    rawPath: string,
    rawOffset: number,
    signal: AbortSignal,
    killGraceMs: number,
    tail: Tail,
  ): Promise<Omit<StepResult, 'tail'>> {
    const { paths, output, runId } = this.#options;
    const env = {
      ...childEnvironment(command.user, this.access),
      ...(command.mayBeEnded !== false && { [RUN_MARK]: runId }),
      ...command.env,
    };
    const { file, args, options } = asUser(command.user, command.argv, env);
    const inherited = fd as 3; // any descriptor will do; execa's types list the small ones only
    const child = execa(file, args, {
      cwd: command.cwd,
      env,
      extendEnv: false,
      stdio: ['ignore', inherited, inherited],
      detached: true,
      cleanup: false,
      reject: false,
      ...options,
    });
    closeSync(fd);
    const { pid } = child;

    let stopped: RunFailure | undefined;
    let stopping: Promise<void> | undefined;
    const stop = (why: RunFailure): void => {
      stopped ??= why;
      if (pid !== undefined) stopping ??= endGroup(pid, killGraceMs);
    };
    const onAbort = (): void => stop(signal.reason as RunFailure);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    const { silence } = command;
    const tracker = new BuildTracker();
    const progress = command.raw === NIX_RAW ? new ProgressFile(paths.progress, () => tracker.progress()) : undefined;
    try {
      if (pid !== undefined) writeRunnerFile(paths.runner, step, pid);
      await followRaw({
        path: rawPath,
        name: command.raw,
        offset: rawOffset,
        skip: 0,
        ended: child,
        write: bytes => {
          tail.push(bytes);
          output.write(bytes);
        },
        watch: entry => {
          tracker.take(entry);
          progress?.changed();
        },
        idle: since => {
          // a child that fell silent must not go on unseen either
          output.throwFailure();
          if (silence !== undefined && performance.now() - since > silence)
            stop(this.#options.stuck(silence, command.argv));
        },
      });
    } catch (error) {
      // the disk is full, most likely: the child must not go on unseen
      if (pid !== undefined) await endGroup(pid, killGraceMs);
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
      progress?.[Symbol.dispose]();
    }
    await stopping;
    const result = await child;
    writeRunnerFile(paths.runner);
    return {
      ...(result.exitCode !== undefined && { exitCode: result.exitCode }),
      ...(result.signal !== undefined && { signal: result.signal }),
      ...(progress && { totals: tracker.totals() }),
      ...(stopped && { stopped }),
      ...(pid === undefined && { notStarted: new Error(result instanceof Error ? result.message : 'not started') }),
    };
  }
}

/** An argument as one would type it. */
function shown(argument: string): string {
  return /^[\w@%+=:,./#-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}
