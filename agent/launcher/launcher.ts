/**
 * Starting runners so that they are nobody's child. A launcher gets a run id and nothing else: what the run is about
 * lies in the inbox, and how it works in the host's configuration.
 */
import type { AgentInfo, RunId } from '../../protocol/index.ts';

export interface Launcher {
  readonly name: AgentInfo['launcher'];
  /** Starts the runner of a run, or leaves it alone where it is at work. Rejects with a LaunchError. */
  launch(runId: RunId): Promise<void>;
  /** Whether the runner that was launched is at work or will be started again by itself. False where that is not known. */
  isAlive(runId: RunId): Promise<boolean>;
  /** Where a person finds what the runner itself had to say. */
  whereToLook(runId: RunId): string;
  /** Removes what launches of runs that have ended left behind. Asked at the agent's start. */
  tidy?(): Promise<void>;
}

/** A runner could not be started; the message says why, for people. */
export class LaunchError extends Error {
  override readonly name = 'LaunchError';
}

/** How this very agent is started, without arguments, and with which configuration. */
export interface RunnerProgram {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}
