/** A backbone that keeps everything in memory and nothing beyond it, for tests of what stands on a backbone. */
import {
  FRAME_HEADER_BYTES,
  MAX_FRAME_PAYLOAD,
  START,
  encodeFrame,
  isOver,
  writeFrameHeader,
  type AnyRunEvent,
  type BuildProgress,
  type HostStatus,
  type OutputFrame,
  type Position,
  type Rollout,
  type RolloutId,
  type RunId,
  type StreamName,
} from '../../../protocol/index.ts';
import { advance, resultOf, SHOWN_ENDED, stopped, type Advance } from '../../rollouts/advance.ts';
import { decideRollout, type RolloutQuestion, type RolloutRecord } from '../../rollouts/record.ts';
import { decideAsk, type Ask } from '../../runs/ask.ts';
import { applyChange, endsAt, type RunChange } from '../../runs/delivery.ts';
import { recordFromHost, type RunRecord } from '../../runs/record.ts';
import { RETENTION, runsToRemove } from '../../runs/retention.ts';
import { foldSummary } from '../../runs/summary.ts';
import type {
  AdvanceResult,
  AppendResult,
  AskResult,
  AskRolloutResult,
  AuditEntry,
  Backbone,
  CancelAnswer,
  EventsResult,
  FleetChange,
  FrameRead,
  HostClaim,
  HostCommand,
  HostRecord,
  RunNews,
  RunQuery,
  StoredEvent,
  Streams,
  TokenOwner,
  Unwatch,
} from '../backbone.ts';
import { planEvents } from '../events.ts';
import { Presence } from '../presence.ts';
import { EMPTY_STREAM, endOf, planAppend, readFrom, type StreamState } from '../stream-state.ts';
import { Watchers } from '../watchers.ts';

interface MemoryHost {
  readonly enrolled: boolean;
  readonly record: Omit<HostRecord, 'online'>;
}

interface MemoryStream {
  readonly state: StreamState;
  readonly chunks: readonly { readonly offset: number; readonly time: number; readonly bytes: Uint8Array }[];
}

interface MemoryRun {
  readonly record: RunRecord;
  readonly events: readonly StoredEvent[];
  readonly streams: Map<StreamName, MemoryStream>;
}

export class MemoryBackbone implements Backbone {
  readonly #watchers = new Watchers();
  readonly #presence = new Presence();
  readonly #hosts = new Map<string, MemoryHost>();
  readonly #tokens = new Map<string, TokenOwner>();
  readonly #runs = new Map<RunId, MemoryRun>();
  readonly #rollouts = new Map<RolloutId, RolloutRecord>();
  readonly #audit: AuditEntry[] = [];

  enrollHost(host: string, tokenHash: string, at: number): Promise<void> {
    const known = this.#hosts.get(host);
    if (!known?.enrolled) {
      this.#hosts.set(host, { enrolled: true, record: { ...known?.record, host, enrolledAt: at } });
    }
    this.#setToken({ kind: 'host', name: host }, tokenHash);
    this.#tellHost(host);
    return Promise.resolve();
  }

  addOperator(name: string, tokenHash: string): Promise<void> {
    this.#setToken({ kind: 'operator', name }, tokenHash);
    return Promise.resolve();
  }

  revoke(owner: TokenOwner, by: string, at: number): Promise<boolean> {
    if (!this.#dropToken(owner)) return Promise.resolve(false);
    if (owner.kind === 'host') {
      const known = this.#hosts.get(owner.name);
      if (known) this.#hosts.set(owner.name, { ...known, enrolled: false });
      for (const { record } of this.#live(owner.name)) {
        if (record.summary.delivery === 'queued') this.#change(record.summary.runId, { kind: 'cancel', at, by });
      }
      this.#watchers.tellFleet({ kind: 'host-removed', host: owner.name });
    }
    this.#watchers.tellFleet({ kind: 'tokens' });
    return Promise.resolve(true);
  }

  tokenOwner(tokenHash: string): Promise<TokenOwner | undefined> {
    return Promise.resolve(this.#tokens.get(tokenHash));
  }

  hasToken({ kind, name }: TokenOwner): Promise<boolean> {
    return Promise.resolve([...this.#tokens.values()].some(owner => owner.kind === kind && owner.name === name));
  }

  hosts(): Promise<readonly HostRecord[]> {
    const names = [...this.#hosts.keys()].sort();
    return Promise.resolve(names.flatMap(name => this.#hostRecord(name) ?? []));
  }

  host(host: string): Promise<HostRecord | undefined> {
    return Promise.resolve(this.#hostRecord(host));
  }

  claimHost(claim: HostClaim): Promise<void> {
    this.#presence.claim(claim);
    this.#updateHost(claim.host, { agent: claim.agent, lastSeenAt: claim.at });
    return Promise.resolve();
  }

  releaseHost(host: string, session: string, at: number): Promise<void> {
    if (this.#presence.release(host, session)) this.#updateHost(host, { lastSeenAt: at });
    return Promise.resolve();
  }

  putStatus(host: string, status: HostStatus, at: number): Promise<void> {
    this.#updateHost(host, { status, lastSeenAt: at });
    return Promise.resolve();
  }

  touchHosts(hosts: readonly string[], at: number): Promise<void> {
    for (const host of hosts) {
      const known = this.#hosts.get(host);
      if (known) this.#hosts.set(host, { ...known, record: { ...known.record, lastSeenAt: at } });
    }
    return Promise.resolve();
  }

  commandHost(host: string, command: HostCommand): Promise<boolean> {
    return Promise.resolve(this.#presence.command(host, command));
  }

  watchFleet(listener: (change: FleetChange) => void): Unwatch {
    return this.#watchers.watchFleet(listener);
  }

  askRun(ask: Ask): Promise<AskResult> {
    const decision = this.#decide(ask);
    if (decision.kind === 'refused') return Promise.resolve(decision);
    if (decision.kind === 'new') this.#addRun(decision.record);
    return Promise.resolve({ kind: decision.kind, run: decision.record.summary });
  }

  adoptRun(runId: RunId, host: string): Promise<RunRecord> {
    const known = this.#runs.get(runId)?.record;
    if (known) return Promise.resolve(known);
    const record = recordFromHost(runId, host);
    this.#addRun(record);
    return Promise.resolve(record);
  }

  run(runId: RunId): Promise<RunRecord | undefined> {
    return Promise.resolve(this.#runs.get(runId)?.record);
  }

  runs({ host, limit, before }: RunQuery): ReturnType<Backbone['runs']> {
    const ids = [...this.#runs.keys()].sort().reverse();
    const runs = ids.flatMap(id => this.#runs.get(id)?.record.summary ?? []);
    const wanted = runs.filter(run => (host ?? run.host) === run.host && (!before || run.runId < before));
    return Promise.resolve(wanted.slice(0, limit));
  }

  liveRuns(host: string): Promise<readonly RunRecord[]> {
    return Promise.resolve(this.#live(host).map(({ record }) => record));
  }

  changeRun(runId: RunId, change: RunChange): Promise<RunRecord | undefined> {
    return Promise.resolve(this.#change(runId, change));
  }

  answerCancel(runId: RunId, answer: CancelAnswer): Promise<void> {
    this.#change(runId, { kind: 'cancel-answered' });
    this.#watchers.tellRun(runId, { kind: 'cancel-answered', answer });
    return Promise.resolve();
  }

  tellProgress(host: string, runId: RunId, progress: BuildProgress): Promise<void> {
    this.#watchers.tellFleet({ kind: 'progress', host, runId, progress });
    return Promise.resolve();
  }

  expireQueued(at: number): Promise<number> {
    const due = [...this.#runs.values()].filter(({ record: { summary } }) => (endsAt(summary) ?? Infinity) <= at);
    for (const { record } of due) this.#change(record.summary.runId, { kind: 'expired', at });
    return Promise.resolve(due.length);
  }

  applyRetention(now: number, host?: string, retention = RETENTION): Promise<number> {
    const hosts = new Set([...this.#runs.values()].map(({ record }) => record.summary.host));
    let removed = 0;
    for (const name of host === undefined ? hosts : [host]) {
      const runs = [...this.#runs.values()].map(({ record }) => record.summary).filter(run => run.host === name);
      for (const runId of runsToRemove(runs, now, retention)) {
        this.#runs.delete(runId);
        removed++;
        this.#watchers.tellRun(runId, { kind: 'removed' });
        this.#watchers.tellFleet({ kind: 'run-removed', host: name, runId });
      }
    }
    if (host === undefined) this.#dropRollouts();
    return Promise.resolve(removed);
  }

  askRollout(question: RolloutQuestion): Promise<AskRolloutResult> {
    const existing = this.#rollouts.get(question.ask.rolloutId);
    const decision = decideRollout(question, existing, ask => this.#decide(ask));
    if (decision.kind === 'refused') return Promise.resolve(decision);
    const { record } = decision;
    if (decision.kind === 'new') {
      this.#rollouts.set(record.rollout.rolloutId, record);
      for (const run of decision.runs) this.#addRun(run);
      this.#watchers.tellFleet({ kind: 'rollout', rollout: record.rollout });
    }
    return Promise.resolve({ kind: decision.kind, rollout: record.rollout, refused: record.refused });
  }

  advanceRollout(rolloutId: RolloutId, now: number): Promise<AdvanceResult> {
    const record = this.#rollouts.get(rolloutId);
    return Promise.resolve(record ? resultOf(this.#advance(record, now)) : { hosts: [] });
  }

  stopRollout(rolloutId: RolloutId, by: string, at: number): Promise<Rollout | undefined> {
    const record = this.#rollouts.get(rolloutId);
    return Promise.resolve(record && this.#advance(stopped(record, by, at), at).record.rollout);
  }

  rollouts(): Promise<readonly Rollout[]> {
    const newestFirst = [...this.#rollouts.values()]
      .map(({ rollout }) => rollout)
      .sort((a, b) => (a.rolloutId < b.rolloutId ? 1 : -1));
    const ended = newestFirst.filter(({ endedAt }) => endedAt !== undefined);
    const live = newestFirst.filter(({ endedAt }) => endedAt === undefined);
    return Promise.resolve([...live, ...ended.slice(0, SHOWN_ENDED)]);
  }

  appendEvents(runId: RunId, events: readonly AnyRunEvent[]): Promise<EventsResult> {
    const run = this.#runs.get(runId);
    if (!run) return Promise.resolve({ kind: 'unknown-run' });
    const plan = planEvents(run.record.summary.seq, events);
    if (plan.add.length > 0) {
      const summary = foldSummary(
        run.record.summary,
        events.filter(({ seq }) => seq <= plan.seq),
      );
      this.#runs.set(runId, { ...run, record: { ...run.record, summary }, events: [...run.events, ...plan.add] });
      this.#watchers.tellRun(runId, { kind: 'events', events: plan.add });
      this.#watchers.tellFleet({ kind: 'run', run: summary });
    }
    return Promise.resolve({ kind: plan.gap ? 'gap' : 'stored', seq: plan.seq });
  }

  readEvents(runId: RunId, afterSeq: number, maxBytes: number): Promise<readonly StoredEvent[]> {
    const page: StoredEvent[] = [];
    let bytes = 0;
    for (const event of this.#runs.get(runId)?.events.slice(afterSeq) ?? []) {
      bytes += event.json.length;
      if (page.length > 0 && bytes > maxBytes) break;
      page.push(event);
    }
    return Promise.resolve(page);
  }

  streams(runId: RunId): Promise<Streams> {
    const streams: Streams = {};
    for (const [name, { state }] of this.#runs.get(runId)?.streams ?? []) streams[name] = state;
    return Promise.resolve(streams);
  }

  appendFrame(frame: OutputFrame, data: Uint8Array): Promise<AppendResult> {
    const { runId, stream } = frame;
    const run = this.#runs.get(runId);
    if (!run) return Promise.resolve({ kind: 'unknown-run' });
    const { state, chunks } = run.streams.get(stream) ?? { state: EMPTY_STREAM, chunks: [] };
    const plan = planAppend(state, frame.at, frame.bytes.length, frame.end);
    if (plan.kind !== 'append') return Promise.resolve(plan);
    const offset = frame.at.offset + plan.skip;
    const bytes = frame.bytes.slice(plan.skip);
    const kept = plan.cutTo === undefined ? chunks : cutChunks(chunks, plan.cutTo);
    run.streams.set(stream, { state: plan.next, chunks: [...kept, { offset, time: frame.time, bytes }] });
    const at = { epoch: frame.at.epoch, offset };
    const whole = plan.skip === 0 ? data : encodeFrame({ ...frame, at, bytes });
    this.#watchers.tellRun(runId, {
      kind: 'frame',
      stream,
      at,
      next: endOf(plan.next),
      end: plan.next.ended,
      data: whole,
    });
    return Promise.resolve({ kind: 'appended' });
  }

  readFrame(runId: RunId, stream: StreamName, from: Position): Promise<FrameRead> {
    const run = this.#runs.get(runId);
    if (!run) return Promise.resolve({ kind: 'unknown-run' });
    const { state, chunks } = run.streams.get(stream) ?? { state: EMPTY_STREAM, chunks: [] };
    const at = run.streams.has(stream) ? readFrom(state, from) : START;
    const chunk = chunks.find(({ offset, bytes }) => offset + bytes.length > at.offset);
    if (!chunk) return Promise.resolve({ kind: 'none', at, ended: state.ended });
    const bytes = chunk.bytes.subarray(at.offset - chunk.offset).subarray(0, MAX_FRAME_PAYLOAD);
    const data = new Uint8Array(FRAME_HEADER_BYTES + bytes.length);
    data.set(bytes, FRAME_HEADER_BYTES);
    const next = { epoch: at.epoch, offset: at.offset + bytes.length };
    const end = state.ended && next.offset === state.size;
    writeFrameHeader(data, { runId, stream, at, time: chunk.time, end });
    return Promise.resolve({ kind: 'frame', data, next, end });
  }

  watchRun(runId: RunId, listener: (news: RunNews) => void): Unwatch {
    return this.#watchers.watchRun(runId, listener);
  }

  audit(entry: AuditEntry): Promise<void> {
    this.#audit.unshift(entry);
    return Promise.resolve();
  }

  readAudit(limit: number): Promise<readonly AuditEntry[]> {
    return Promise.resolve(this.#audit.slice(0, limit));
  }

  check(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #decide(ask: Ask): ReturnType<typeof decideAsk> {
    const { runId, host } = ask.request;
    return decideAsk(ask, {
      existing: this.#runs.get(runId)?.record,
      enrolled: this.#hosts.get(host)?.enrolled ?? false,
      live: this.#live(host).map(({ record }) => record.summary),
    });
  }

  #advance(record: RolloutRecord, now: number): Advance {
    const { rolloutId } = record.rollout;
    const context = {
      run: (runId: RunId) => this.#runs.get(runId)?.record,
      isOnline: (host: string) => this.#presence.isOnline(host),
    };
    const advanced = advance(record, context, now);
    for (const after of advanced.runs) {
      const run = this.#runs.get(after.summary.runId);
      if (run) this.#runs.set(after.summary.runId, { ...run, record: after });
      this.#watchers.tellFleet({ kind: 'run', run: after.summary });
    }
    if (advanced.record === this.#rollouts.get(rolloutId)) return advanced;
    this.#rollouts.set(rolloutId, advanced.record);
    this.#watchers.tellFleet({ kind: 'rollout', rollout: advanced.record.rollout });
    return advanced;
  }

  #dropRollouts(): void {
    for (const [rolloutId, { rollout, turns }] of this.#rollouts) {
      if (rollout.endedAt === undefined || turns.some(({ runId }) => this.#runs.has(runId))) continue;
      this.#rollouts.delete(rolloutId);
      this.#watchers.tellFleet({ kind: 'rollout-removed', rolloutId });
    }
  }

  #setToken(owner: TokenOwner, hash: string): void {
    this.#dropToken(owner);
    this.#tokens.set(hash, owner);
    this.#watchers.tellFleet({ kind: 'tokens' });
  }

  #dropToken({ kind, name }: TokenOwner): boolean {
    for (const [hash, owner] of this.#tokens) {
      if (owner.kind === kind && owner.name === name) return this.#tokens.delete(hash);
    }
    return false;
  }

  #hostRecord(host: string): HostRecord | undefined {
    const known = this.#hosts.get(host);
    return known?.enrolled ? { ...known.record, online: this.#presence.isOnline(host) } : undefined;
  }

  #updateHost(host: string, update: Partial<HostRecord>): void {
    const known = this.#hosts.get(host);
    if (!known) return;
    this.#hosts.set(host, { ...known, record: { ...known.record, ...update } });
    this.#tellHost(host);
  }

  #tellHost(host: string): void {
    const record = this.#hostRecord(host);
    if (record) this.#watchers.tellFleet({ kind: 'host', host: record });
  }

  #live(host: string): readonly MemoryRun[] {
    return [...this.#runs.values()]
      .filter(({ record: { summary } }) => summary.host === host && !isOver(summary))
      .sort((a, b) => (a.record.summary.runId < b.record.summary.runId ? -1 : 1));
  }

  #addRun(record: RunRecord): void {
    this.#runs.set(record.summary.runId, { record, events: [], streams: new Map() });
    this.#watchers.tellFleet({ kind: 'run', run: record.summary });
  }

  #change(runId: RunId, change: RunChange): RunRecord | undefined {
    const run = this.#runs.get(runId);
    if (!run) return undefined;
    const record = applyChange(run.record, change);
    this.#runs.set(runId, { ...run, record });
    if (record.summary !== run.record.summary) this.#watchers.tellFleet({ kind: 'run', run: record.summary });
    return record;
  }
}

function cutChunks(chunks: MemoryStream['chunks'], size: number): MemoryStream['chunks'] {
  return chunks
    .filter(({ offset }) => offset < size)
    .map(chunk => ({ ...chunk, bytes: chunk.bytes.subarray(0, size - chunk.offset) }));
}
