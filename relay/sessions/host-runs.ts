import type { Logger } from 'pino';
import {
  encodeFrame,
  START,
  type AnyRunEvent,
  type OutputFrame,
  type Position,
  type RunId,
  type RunOnHost,
  type StreamName,
  type ToAgentMessage,
} from '../../protocol/index.ts';
import type { Backbone } from '../backbone/backbone.ts';
import type { Metrics } from '../metrics.ts';
import { asBegun, isUnconfirmed } from '../runs/delivery.ts';
import { runsToAdopt, type Retention } from '../runs/retention.ts';
import { GapGuard } from './gap-guard.ts';
import { openPositions, planResume } from './resume-plan.ts';

export interface HostRunsOptions {
  readonly host: string;
  readonly backbone: Backbone;
  readonly retention: Retention;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly now: () => number;
  readonly say: (message: ToAgentMessage) => void;
  /** The host spoke for a run that is not its own. */
  readonly onForeignRun: (runId: RunId) => void;
}

/** What one connection of an agent tells of the runs on its host: takes it in, and asks for what is missing. */
export class HostRuns {
  readonly #options: HostRunsOptions;
  readonly #gaps = new GapGuard();
  /** Whether a run that the host speaks of is its own; undefined when there is no such run. */
  readonly #owned = new Map<RunId, Promise<boolean | undefined>>();
  #isListed = false;

  constructor(options: HostRunsOptions) {
    this.#options = options;
  }

  /** The first list is of all runs that the host has, later ones are of runs that are new. */
  async takeList(runs: readonly RunOnHost[]): Promise<void> {
    const { backbone, host } = this.#options;
    if (!this.#isListed) {
      this.#isListed = true;
      await this.#dropAbsent(new Set(runs.map(({ runId }) => runId)));
    }
    const adopted = await this.#toAdopt(runs);
    await Promise.all(adopted.map(runId => backbone.adoptRun(runId, host)));
    for (const runId of adopted) this.#owned.delete(runId);
    for (const listed of runs) await this.#resume(listed);
  }

  /** Stores events and acknowledges what is on disk; asks again when some are missing. */
  async takeEvents(runId: RunId, events: readonly AnyRunEvent[]): Promise<void> {
    const { backbone, log, metrics, say } = this.#options;
    metrics.eventsReceived.inc(events.length);
    const result = await backbone.appendEvents(runId, events);
    if (result.kind === 'unknown-run') return;
    say({ type: 'events-ack', runId, seq: result.seq });
    if (result.kind === 'gap' && this.#gaps.shouldAsk(`events ${runId}`, String(result.seq), performance.now())) {
      log.warn({ run: runId, have: result.seq, came: events[0]?.seq }, 'events are missing; asking again');
      const streams = openPositions(await backbone.streams(runId));
      say({ type: 'resume', runId, afterSeq: result.seq, streams });
    }
  }

  /** Stores a frame; asks again when something before it is missing. */
  async takeFrame(frame: OutputFrame, data: Uint8Array): Promise<void> {
    if (!(await this.isOwn(frame.runId))) return;
    const result = await this.#options.backbone.appendFrame(frame, data);
    this.#options.metrics.framesReceived.inc({ result: result.kind });
    if (result.kind === 'gap') this.#rewind(frame.runId, frame.stream, result.have);
  }

  /**
   * Whether a run belongs to this host. A run that is not known (any more) is nobody's, and what is said of it is
   * dropped.
   */
  async isOwn(runId: RunId): Promise<boolean> {
    const { backbone, host, onForeignRun } = this.#options;
    let own = this.#owned.get(runId);
    if (!own) {
      own = backbone.run(runId).then(record => record && record.summary.host === host);
      this.#owned.set(runId, own);
    }
    const answer = await own;
    if (answer === undefined) this.#owned.delete(runId);
    if (answer === false) onForeignRun(runId);
    return answer === true;
  }

  /** What the host was told of and does not have, it has not begun, or lost. */
  async #dropAbsent(listed: ReadonlySet<RunId>): Promise<void> {
    const { backbone, host, now } = this.#options;
    const live = (await backbone.liveRuns(host)).map(({ summary }) => summary);
    const givenUp = (await backbone.runs({ host, limit: 1000 })).filter(isUnconfirmed);
    for (const { runId } of [...live, ...givenUp]) {
      if (!listed.has(runId)) await backbone.changeRun(runId, { kind: 'absent', at: now() });
    }
  }

  async #toAdopt(runs: readonly RunOnHost[]): Promise<readonly RunId[]> {
    const { backbone, host, now, retention } = this.#options;
    const unknown: RunOnHost[] = [];
    for (const run of runs) if (!(await backbone.run(run.runId))) unknown.push(run);
    if (unknown.length === 0) return [];
    const known = await backbone.runs({ host, limit: 1000 });
    const ended = unknown.filter(run => run.ended).map(({ runId }) => runId);
    const live = unknown.filter(run => !run.ended).map(({ runId }) => runId);
    const knownIds = known.map(({ runId }) => runId);
    return [...live, ...runsToAdopt([...knownIds, ...live], ended, now(), retention)];
  }

  async #resume(listed: RunOnHost): Promise<void> {
    const { backbone, host, log, now, say } = this.#options;
    const { runId } = listed;
    const record = await backbone.run(runId);
    if (!record) return;
    const { summary } = record;
    if (summary.host !== host) {
      // a host that was enrolled under another name before still has its old runs
      log.warn({ run: runId, of: summary.host }, 'the host has a run that was for another host; it is left alone');
      return;
    }
    if (asBegun(summary) !== summary) await backbone.changeRun(runId, { kind: 'begun' });
    const { seq } = summary;
    if (listed.seq < seq)
      log.warn({ run: runId, host: listed.seq, relay: seq }, 'the host has fewer events than before');
    const plan = planResume(listed, { seq, streams: await backbone.streams(runId) });
    for (const stream of plan.absent) {
      const frame = { runId, stream, at: START, time: now(), end: true, bytes: new Uint8Array() };
      await backbone.appendFrame(frame, encodeFrame(frame));
    }
    if (plan.resume) say({ type: 'resume', runId, ...plan.resume });
  }

  #rewind(runId: RunId, stream: StreamName, to: Position): void {
    const have = `${to.epoch}:${to.offset}`;
    if (!this.#gaps.shouldAsk(`${stream} ${runId}`, have, performance.now())) return;
    this.#options.log.info({ run: runId, stream, have: to }, 'output is missing; asking again');
    this.#options.say({ type: 'rewind', runId, stream, to });
  }
}
