/**
 * The backbone: state and routing of the relay behind one asynchronous interface. Sessions speak to it and to nothing
 * else, so that a relay can be one process with files of its own (`embedded/`), or one of several on a shared store.
 *
 * What every implementation holds, and `contract.suite.ts` tests:
 * - A promise of a method that changes something resolves when the change is on disk. Changes of one caller happen in the
 *   order in which they were asked for.
 * - A watcher is told of a change after it is visible to readers, in the order of the changes, and of none from before it
 *   began to watch. Watchers must not throw.
 * - Reads and watching fit together: who watches first and reads then misses nothing, and may meet something twice.
 */
import type {
  AgentInfo,
  AnyRunEvent,
  BuildProgress,
  HostStatus,
  OutputFrame,
  Position,
  Reason,
  Rollout,
  RolloutId,
  RunId,
  RunSummary,
  StreamName,
} from '../../protocol/index.ts';
import type { Refused, RolloutQuestion } from '../rollouts/record.ts';
import type { Ask } from '../runs/ask.ts';
import type { RunChange } from '../runs/delivery.ts';
import type { RunRecord } from '../runs/record.ts';
import type { Retention } from '../runs/retention.ts';
import type { StreamState } from './stream-state.ts';

export interface Backbone {
  // Who may come in. A token is known by its SHA-256 in lower-case hex; the token itself never comes here.

  /** Makes a host part of the fleet, and this its one token. What it had before is replaced; its runs stay. */
  enrollHost(host: string, tokenHash: string, at: number): Promise<void>;
  /** Makes this the one token of an operator. */
  addOperator(name: string, tokenHash: string, at: number): Promise<void>;
  /**
   * Ends the token of a host or operator; false when there is none. A host leaves the fleet with it, and runs that wait
   * for it are cancelled in the name of `by`.
   */
  revoke(owner: TokenOwner, by: string, at: number): Promise<boolean>;
  /** Whose token it is; undefined when it is nobody's. */
  tokenOwner(tokenHash: string): Promise<TokenOwner | undefined>;
  hasToken(owner: TokenOwner): Promise<boolean>;

  // The fleet

  /** All enrolled hosts. */
  hosts(): Promise<readonly HostRecord[]>;
  host(host: string): Promise<HostRecord | undefined>;
  /** This session speaks for the host from now on; the one that did before is told that it is `replaced`. */
  claimHost(claim: HostClaim): Promise<void>;
  /** The session is gone. Nothing happens when another one has claimed the host since. */
  releaseHost(host: string, session: string, at: number): Promise<void>;
  /** What a host says of itself. */
  putStatus(host: string, status: HostStatus, at: number): Promise<void>;
  /** These hosts were heard of. Nobody is told. */
  touchHosts(hosts: readonly string[], at: number): Promise<void>;
  /** Passes a command to the session that speaks for the host; false when there is none. */
  commandHost(host: string, command: HostCommand): Promise<boolean>;
  watchFleet(listener: (change: FleetChange) => void): Unwatch;

  // Runs

  /** Puts a run into the queue of its host, if it may be (see `decideAsk`). */
  askRun(ask: Ask): Promise<AskResult>;
  /** The record of a run that its host has, made now if there is none. */
  adoptRun(runId: RunId, host: string): Promise<RunRecord>;
  run(runId: RunId): Promise<RunRecord | undefined>;
  /** Runs of a host, or of all, newest first. */
  runs(query: RunQuery): Promise<readonly RunSummary[]>;
  /** Runs of a host that are not over, oldest first. */
  liveRuns(host: string): Promise<readonly RunRecord[]>;
  /** The run after the change (see `applyChange`); undefined when there is no such run. */
  changeRun(runId: RunId, change: RunChange): Promise<RunRecord | undefined>;
  /** Tells whoever watches the run what its host answered to a cancel, and stops telling the host. */
  answerCancel(runId: RunId, answer: CancelAnswer): Promise<void>;
  /** Tells whoever watches the fleet how far a run's build is. Kept nowhere: who comes later is told the next time. */
  tellProgress(host: string, runId: RunId, progress: BuildProgress): Promise<void>;
  /** Ends runs whose time is over before their host said that it began (see `endsAt`). Returns how many. */
  expireQueued(at: number): Promise<number>;
  /** Removes what retention does not keep, of one host or of all, and rollouts with their last run. Returns how many runs. */
  applyRetention(now: number, host?: string, retention?: Retention): Promise<number>;

  // Rollouts

  /** Puts the runs of a rollout into the queues of their hosts, held until their turn (see `decideRollout`). */
  askRollout(question: RolloutQuestion): Promise<AskRolloutResult>;
  /** Does what is to be done about a rollout now (see `planRollout`). */
  advanceRollout(rolloutId: RolloutId, now: number): Promise<AdvanceResult>;
  /** Nobody else begins: what has not begun is cancelled. Undefined when there is no such rollout. */
  stopRollout(rolloutId: RolloutId, by: string, at: number): Promise<Rollout | undefined>;
  /** Those that are not over and the last ones that are, newest first. */
  rollouts(): Promise<readonly Rollout[]>;

  // Events and streams of a run

  /** Stores events in order; those that are there already are skipped. Returns the number of the last one on disk. */
  appendEvents(runId: RunId, events: readonly AnyRunEvent[]): Promise<EventsResult>;
  /** Events after a number, in order, up to about `maxBytes` of JSON and at least one when there is one. */
  readEvents(runId: RunId, afterSeq: number, maxBytes: number): Promise<readonly StoredEvent[]>;
  /** What there is of the run's streams. A stream that never began is not named. */
  streams(runId: RunId): Promise<Streams>;
  /**
   * Appends a frame's bytes (see `planAppend`). Resolves when they can be read, which is before they are on disk: nobody
   * is told that they are, the host sends again what is missing.
   * @param data the whole frame as it came; passed on to watchers as it is when it can be
   */
  appendFrame(frame: OutputFrame, data: Uint8Array): Promise<AppendResult>;
  /**
   * The next frame for a reader that has got as far as `from`.
   * @param room memory for a whole frame, `MAX_FRAME_BYTES`, which may then be part of the answer
   */
  readFrame(runId: RunId, stream: StreamName, from: Position, room?: Uint8Array): Promise<FrameRead>;
  watchRun(runId: RunId, listener: (news: RunNews) => void): Unwatch;

  // Keeping

  audit(entry: AuditEntry): Promise<void>;
  /** Newest first. */
  readAudit(limit: number): Promise<readonly AuditEntry[]>;
  /** Resolves when a change made now is on disk. */
  check(): Promise<void>;
  /** Everything that was asked for is on disk when it resolves. */
  close(): Promise<void>;
}

/** The store cannot be used; the message says why and what to do. */
export class StoreError extends Error {
  override readonly name: string = 'StoreError';
}

/** What was to be changed was not, for want of room. When there is room again, nothing else has to be done. */
export class DiskFull extends StoreError {
  override readonly name = 'DiskFull';
  constructor(cause?: unknown) {
    super("the relay's disk is full; it goes on by itself when there is room", { cause });
  }
}

export type Unwatch = () => void;

export interface TokenOwner {
  readonly kind: 'host' | 'operator';
  readonly name: string;
}

/** A host without its runs. Times are the relay's, ms. */
export interface HostRecord {
  readonly host: string;
  readonly enrolledAt: number;
  readonly online: boolean;
  readonly lastSeenAt?: number;
  readonly agent?: AgentInfo;
  readonly status?: HostStatus;
}

export interface HostClaim {
  readonly host: string;
  /** Unique for each connection. */
  readonly session: string;
  readonly agent: AgentInfo;
  readonly at: number;
  readonly onCommand: (command: HostCommand) => void;
}

/** What the session that speaks for a host is to do. */
export type HostCommand =
  /** There is something new in the host's queue. */
  | { readonly kind: 'deliver' }
  | { readonly kind: 'cancel'; readonly runId: RunId; readonly by: string }
  | { readonly kind: 'refresh' }
  /** Output that it took from the host could not be kept: the host has to come again and be asked for it. */
  | { readonly kind: 'lost-output' }
  /** Another session speaks for the host now. */
  | { readonly kind: 'replaced' };

export type FleetChange =
  | { readonly kind: 'host'; readonly host: HostRecord }
  | { readonly kind: 'host-removed'; readonly host: string }
  | { readonly kind: 'run'; readonly run: RunSummary }
  | {
      readonly kind: 'progress';
      readonly host: string;
      readonly runId: RunId;
      readonly progress: BuildProgress;
    }
  | { readonly kind: 'run-removed'; readonly host: string; readonly runId: RunId }
  | { readonly kind: 'rollout'; readonly rollout: Rollout }
  | { readonly kind: 'rollout-removed'; readonly rolloutId: RolloutId }
  /** Tokens came or went: whoever is connected must be asked again. */
  | { readonly kind: 'tokens' };

export type AskResult =
  { readonly kind: 'new' | 'same'; readonly run: RunSummary } | { readonly kind: 'refused'; readonly reason: Reason };

export type AskRolloutResult =
  /** `refused` are hosts that are not part of it. */
  | { readonly kind: 'new' | 'same'; readonly rollout: Rollout; readonly refused: readonly Refused[] }
  | { readonly kind: 'refused'; readonly reason: Reason };

export interface AdvanceResult {
  /** Hosts whose turn has come: they are to be told. */
  readonly hosts: readonly string[];
  /** When to look again although nothing happens, ms. */
  readonly nextAt?: number;
}

export interface RunQuery {
  readonly host?: string;
  readonly limit: number;
  /** Only runs with a lower id. */
  readonly before?: RunId;
}

export interface CancelAnswer {
  readonly accepted: boolean;
  /** For people. */
  readonly message: string;
}

export type EventsResult =
  /** `seq` is on disk. */
  | { readonly kind: 'stored'; readonly seq: number }
  /** The events do not follow on `seq`, which is the last one on disk. */
  | { readonly kind: 'gap'; readonly seq: number }
  | { readonly kind: 'unknown-run' };

export interface StoredEvent {
  readonly seq: number;
  /** The event, as JSON. */
  readonly json: string;
}

export type Streams = Partial<Record<StreamName, StreamState>>;

export type AppendResult =
  | { readonly kind: 'appended' | 'duplicate' }
  /** The frame does not follow on what is there: it must come again from here. */
  | { readonly kind: 'gap'; readonly have: Position }
  | { readonly kind: 'unknown-run' };

export type FrameRead =
  | { readonly kind: 'frame'; readonly data: Uint8Array; readonly next: Position; readonly end: boolean }
  /** The reader, at `at` now, has all there is. */
  | { readonly kind: 'none'; readonly at: Position; readonly ended: boolean }
  | { readonly kind: 'unknown-run' };

export type RunNews =
  | { readonly kind: 'events'; readonly events: readonly StoredEvent[] }
  | {
      readonly kind: 'frame';
      readonly stream: StreamName;
      /** For readers that have got exactly as far as `at`. */
      readonly at: Position;
      readonly next: Position;
      readonly end: boolean;
      readonly data: Uint8Array;
    }
  | { readonly kind: 'cancel-answered'; readonly answer: CancelAnswer }
  /** Retention removed the run. */
  | { readonly kind: 'removed' };

export interface AuditEntry {
  readonly at: number;
  /** `operator ana`, `command line`. */
  readonly who: string;
  readonly action: string;
  /** The host, operator or run that it is about. */
  readonly subject: string;
  readonly detail?: string;
}
