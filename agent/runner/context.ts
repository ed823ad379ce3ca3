import type {
  AgentManifest,
  Phase,
  RollbackPolicy,
  RunEvent,
  RunId,
  Snapshot,
  UpdateRequest,
} from '../../protocol/index.ts';
import type { AgentConfig } from '../config.ts';
import type { Nixcfg } from '../nixcfg/find.ts';
import type { Rebuilder } from '../platform/rebuilder.ts';
import type { ServiceManager } from '../platform/service-manager.ts';
import type { JournalWriter } from '../run-directory/journal-writer.ts';
import type { RunPaths } from '../run-directory/layout.ts';
import type { OutputLog } from '../run-directory/output-log.ts';
import type { Git } from '../steps/git.ts';
import type { Query } from '../steps/query.ts';
import type { User } from '../steps/user.ts';
import type { PhaseControl } from './phase-control.ts';
import type { StepCommand, StepResult, StepRunner } from './step-runner.ts';

/** What all phases of one run share. */
export interface RunContext {
  readonly config: AgentConfig;
  readonly runId: RunId;
  readonly request: UpdateRequest;
  readonly paths: RunPaths;
  readonly journal: JournalWriter;
  readonly output: OutputLog;
  readonly steps: StepRunner;
  readonly control: PhaseControl;
  readonly rebuilder: Rebuilder;
  readonly services: ServiceManager;
  readonly attribute: string;
  readonly rollback: RollbackPolicy;
}

/** The checkout that a run works in, as it was before. */
export interface Checkout extends Nixcfg {
  readonly query: Query;
  readonly git: Git;
  /** The repository's root, and the flake's folder below it (`''`, or ending in a slash). */
  readonly root: string;
  readonly prefix: string;
  readonly recorded: Recorded;
}

export interface Recorded {
  readonly head: string;
  readonly branch?: string | undefined;
  readonly lock?: Uint8Array | undefined;
  readonly before: Snapshot;
}

/** What a run has done to its checkout so far. */
export interface CheckoutDoings {
  /** What HEAD was, or is being, moved to. */
  pulledTo?: string;
  /** When that move began, ms since the epoch, while it has not been seen to end. */
  movingSince?: number;
  /** When a step began that was ended in its middle, ms since the epoch: git's lock of the index may be left of it. */
  brokenSince?: number;
  /** Locks that this run wrote. */
  ownLocks: Uint8Array[];
  /** nix is, or was, at work on the lock, and nobody has looked at what it left. */
  lockInFlight: boolean;
}

/** What was built. */
export interface Built {
  readonly toplevel: string;
  readonly manifest: AgentManifest;
}

/** What a run has done so far, in memory; a resumed run reads it from the journal. */
export interface Progress {
  checkout?: Checkout;
  /** What was recorded, where the checkout itself cannot be opened any more, and why it cannot. */
  lost?: { readonly before: Snapshot; readonly why: string };
  readonly doings: CheckoutDoings;
  built?: Built;
  /** The new generation runs since this activation (ms since the epoch). */
  activatedAt?: number;
}

/** Where a run (re)enters its phases. */
export type EntryPoint = Exclude<Phase, 'queued' | 'accepted'>;

/** How a run ended, but for what the host is then. */
export type Ending = Pick<Extract<RunEvent, { type: 'ended' }>, 'outcome' | 'changed' | 'reason' | 'lastLines'>;

/** Milliseconds for the proof of an agent, and for it to stay up. */
export function proofTimes(run: RunContext): { readonly deadline: number; readonly settling: number } {
  const { confirming, settling } = run.config.deadlines;
  return { deadline: run.request.deadlines?.confirming ?? confirming, settling };
}

/** Runs a step as the checkout's owner in its folder. */
export function runAsOwner(
  run: RunContext,
  checkout: Nixcfg,
  argv: readonly [string, ...string[]],
  more: Partial<StepCommand> & { readonly signal?: AbortSignal } = {},
): Promise<StepResult> {
  const { signal = run.control.signal, ...rest } = more;
  return run.steps.run({ argv, user: checkout.owner, cwd: checkout.path, raw: 'owner.raw', ...rest }, signal);
}

/** Runs a step as this process' user in `/`, with everything of the environment where that is a person's try-out. */
export function runAsSelf(
  run: RunContext,
  self: User,
  argv: readonly [string, ...string[]],
  more: Partial<StepCommand> & { readonly signal?: AbortSignal } = {},
): Promise<StepResult> {
  const { signal = run.control.signal, env, ...rest } = more;
  return run.steps.run(
    {
      argv,
      user: self,
      cwd: '/',
      raw: 'system.raw',
      mayBeEnded: false,
      env: { ...(run.config.platform === 'local' && definedOnly(process.env)), ...env },
      ...rest,
    },
    signal,
  );
}

function definedOnly(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
