/**
 * Runs the children of a run, one at a time. A child writes to a raw file in the run directory, never to a pipe, so that it
 * does not notice who dies; this process renders that file into the output, from an offset that the journal names.
 */
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import type { OutputLog } from '../run-directory/output-log.ts';
import type { JournalWriter } from '../run-directory/journal-writer.ts';
import type { RunPaths } from '../run-directory/layout.ts';
import { childEnvironment, type Access } from '../steps/environment.ts';
import type { User } from '../steps/user.ts';
import { Tail } from './last-lines.ts';
import { endGroup, KILL_GRACE_MS } from './process-group.ts';
import { RawTail } from './raw-tail.ts';
import type { RunFailure } from './reason.ts';
import { rendererFor } from './render/renderer.ts';
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
    this.#options.output.write(`nixfleet: ${text}\n`);
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
      0o640,
    );
    const rawOffset = fstatSync(fd).size;
    output.write(`$ ${command.argv.map(shown).join(' ')}\n`);
    output.sync();
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
    output.sync();
    journal.append({
      type: 'step-ended',
      step,
      ...(result.exitCode !== undefined && { exitCode: result.exitCode }),
      ...(result.signal !== undefined && { signal: result.signal }),
      durationMs: Math.round(performance.now() - startedAt),
    });
    return { ...result, tail: tailOfOutput.bytes() };
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
    const [file, ...args] = command.argv;
    const self = process.getuid?.() === command.user.uid;
    const inherited = fd as 3; // any descriptor will do; execa's types list the small ones only
    const child = execa(file, args, {
      cwd: command.cwd,
      env: {
        ...childEnvironment(command.user, this.access),
        ...(command.mayBeEnded !== false && { [RUN_MARK]: runId }),
        ...command.env,
      },
      extendEnv: false,
      stdio: ['ignore', inherited, inherited],
      detached: true,
      cleanup: false,
      reject: false,
      ...(!self && { uid: command.user.uid, gid: command.user.gid }),
    });
    closeSync(fd);
    const { pid } = child;
    if (pid !== undefined) writeRunnerFile(paths.runner, step, pid);

    const progress = { ended: false };
    let stopped: RunFailure | undefined;
    let stopping: Promise<void> | undefined;
    const stop = (why: RunFailure): void => {
      stopped ??= why;
      if (pid !== undefined) stopping ??= endGroup(pid, killGraceMs);
    };
    const onAbort = (): void => stop(signal.reason as RunFailure);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();

    const exit = child.then(result => {
      progress.ended = true;
      return result;
    });
    const renderer = rendererFor(command.raw);
    const rendered = (bytes: Uint8Array): void => {
      tail.push(bytes);
      output.write(bytes);
    };
    const raw = await RawTail.open(rawPath, rawOffset);
    try {
      let lastByte = performance.now();
      for (;;) {
        const last = progress.ended;
        const chunk = await raw.read();
        if (chunk.length > 0) {
          lastByte = performance.now();
          rendered(renderer.push(chunk));
        } else if (last) break;
        else {
          if (command.silence !== undefined && performance.now() - lastByte > command.silence)
            stop(this.#options.stuck(command.silence, command.argv));
          await raw.wait(exit);
        }
      }
      rendered(renderer.end());
    } catch (error) {
      // the disk is full, most likely: the child must not go on unseen
      if (pid !== undefined) await endGroup(pid, killGraceMs);
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
      await raw.close();
    }
    await stopping;
    const result = await exit;
    writeRunnerFile(paths.runner);
    return {
      ...(result.exitCode !== undefined && { exitCode: result.exitCode }),
      ...(result.signal !== undefined && { signal: result.signal }),
      ...(stopped && { stopped }),
      ...(pid === undefined && { notStarted: new Error(result instanceof Error ? result.message : 'not started') }),
    };
  }
}

/** An argument as one would type it. */
function shown(argument: string): string {
  return /^[\w@%+=:,./#-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}
