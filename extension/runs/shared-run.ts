import {
  applyEvent,
  foldRun,
  neverBegan,
  type AnyRunEvent,
  type OutputFrame,
  type Position,
  type Reason,
  type RunId,
  type RunState,
  type RunSummary,
  type StreamName,
  type StreamPositions,
} from '../../protocol/index.ts';
import { Emitter } from '../base/event.ts';
import type { Calls } from '../connection/calls.ts';
import { OutputStore } from '../output/output-store.ts';
import { ByteCopy } from './byte-copy.ts';
import { RunRecord } from './run-record.ts';

/** The copy of one run that all of its sessions look at. */
export class SharedRun {
  readonly runId: RunId;
  readonly output: OutputStore;
  readonly #record: RunRecord;
  readonly #calls: Pick<Calls, 'ask'>;
  readonly #changed = new Emitter<void>();
  readonly #locks = { 'lock-before': new ByteCopy(), 'lock-after': new ByteCopy() };
  readonly #lockTexts: { 'lock-before'?: string; 'lock-after'?: string } = {};
  readonly #gone = new Set<StreamName>();
  #state: RunState;
  #summary: RunSummary | undefined;
  #problem: Reason | undefined;
  #subscription = 0;
  /** The disk takes no more output; the rest of the run is followed all the same. */
  #diskFailed = false;

  readonly onDidChange = this.#changed.event;

  private constructor(
    calls: Pick<Calls, 'ask'>,
    runId: RunId,
    output: OutputStore,
    record: RunRecord,
    content: Awaited<ReturnType<RunRecord['load']>>,
  ) {
    this.#calls = calls;
    this.runId = runId;
    this.output = output;
    this.#record = record;
    this.#state = foldRun(content.events);
    record.replaceEvents(content.events);
    this.#summary = content.summary;
    if (content.lockBefore !== undefined) this.#lockTexts['lock-before'] = content.lockBefore;
    if (content.lockAfter !== undefined) this.#lockTexts['lock-after'] = content.lockAfter;
  }

  /** Opens the copy in a folder as it was left. Rejects when the disk refuses. */
  static async open(calls: Pick<Calls, 'ask'>, folder: string, runId: RunId): Promise<SharedRun> {
    const output = await OutputStore.open(folder, runId);
    const record = new RunRecord(folder, runId);
    return new SharedRun(calls, runId, output, record, await record.load());
  }

  get state(): RunState {
    return this.#state;
  }

  get summary(): RunSummary | undefined {
    return this.#summary;
  }

  get problem(): Reason | undefined {
    return this.#problem;
  }

  get gone(): boolean {
    return this.#gone.size > 0;
  }

  lock(side: 'before' | 'after'): string | undefined {
    return this.#lockTexts[`lock-${side}`];
  }

  /** Asks for what is missing, if anything is, and goes on being told. Also said again after a reconnect. */
  async subscribe(): Promise<void> {
    const streams = this.#missing();
    if (this.#isComplete(streams)) return;
    const subscription = ++this.#subscription;
    const { runId } = this;
    const result = await this.#calls.ask({ type: 'subscribe', runId, afterSeq: this.#state.seq, streams });
    if (subscription !== this.#subscription) return;
    if (result.ok) {
      if (!this.#diskFailed) this.#setProblem(undefined);
      if (result.reply.run) this.takeSummary(result.reply.run);
    } else if (result.reason.kind !== 'disconnected') {
      this.#setProblem(result.reason);
    }
  }

  takeSummary(summary: RunSummary): void {
    if (this.#summary && JSON.stringify(this.#summary) === JSON.stringify(summary)) return;
    // a relay that lost its disk has it again from the host
    if (this.#problem?.kind === 'no-such-run') void this.subscribe();
    const { progress: _, ...lasting } = summary;
    const { progress: __, ...before } = this.#summary ?? {};
    this.#summary = summary;
    // how far a build is changes every second, and is worth nothing later
    if (JSON.stringify(before) !== JSON.stringify(lasting)) this.#record.saveSummary(lasting);
    this.#changed.fire();
  }

  takeEvents(events: readonly AnyRunEvent[]): void {
    const fresh = events.filter(event => event.seq > this.#state.seq);
    const [first] = fresh;
    if (!first) return;
    if (first.seq !== this.#state.seq + 1) {
      void this.subscribe();
      return;
    }
    this.#state = fresh.reduce(applyEvent, this.#state);
    this.#record.addEvents(fresh);
    this.#changed.fire();
  }

  takeFrame(frame: OutputFrame): void {
    if (frame.stream === 'output') {
      this.#takeOutput(frame);
      return;
    }
    if (this.#lockTexts[frame.stream] !== undefined) return;
    const lock = this.#locks[frame.stream];
    if (!lock.take(frame)) void this.subscribe();
    if (!lock.ended) return;
    const text = lock.text();
    this.#lockTexts[frame.stream] = text;
    this.#record.saveLock(frame.stream === 'lock-before' ? 'before' : 'after', text);
    this.#changed.fire();
  }

  takeGone(stream: StreamName): void {
    this.#gone.add(stream);
    this.#changed.fire();
  }

  async close(): Promise<void> {
    this.#subscription++;
    this.#changed.dispose();
    void this.#calls.ask({ type: 'unsubscribe', runId: this.runId });
    await Promise.all([this.output.dispose(), this.#record.flush()]);
  }

  #takeOutput(frame: OutputFrame): void {
    const result = this.output.append(frame);
    if (result === 'gap') void this.subscribe();
    if (result !== 'failed' || this.#diskFailed) return;
    this.#diskFailed = true;
    this.#setProblem({ kind: 'disk', message: this.output.failure?.message ?? '' });
    // said anew without the output, the relay stops sending it
    void this.subscribe();
  }

  #missing(): StreamPositions {
    const streams: Partial<Record<StreamName, Position>> = {};
    if (!this.output.ended && !this.#diskFailed && !this.#gone.has('output')) streams.output = this.output.position;
    for (const stream of ['lock-before', 'lock-after'] as const) {
      if (this.#lockTexts[stream] === undefined && !this.#gone.has(stream))
        streams[stream] = this.#locks[stream].position;
    }
    return streams;
  }

  #isComplete(missing: StreamPositions): boolean {
    if (this.#state.seq === 0) return this.#summary !== undefined && neverBegan(this.#summary);
    return this.#state.end !== undefined && Object.keys(missing).length === 0;
  }

  #setProblem(problem: Reason | undefined): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#changed.fire();
  }
}
