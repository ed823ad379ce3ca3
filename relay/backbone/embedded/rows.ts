import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import {
  isOver,
  type AgentInfo,
  type HostStatus,
  type RolloutId,
  type RunId,
  type StreamName,
} from '../../../protocol/index.ts';
import type { RolloutRecord } from '../../rollouts/record.ts';
import { endsAt } from '../../runs/delivery.ts';
import type { RunRecord } from '../../runs/record.ts';
import type { AuditEntry, HostRecord, RunQuery, StoredEvent, TokenOwner } from '../backbone.ts';
import type { StreamState } from '../stream-state.ts';

type Row = Record<string, SQLOutputValue>;

/**
 * The statements of the embedded store, and what their rows mean. Everything here is synchronous, quick, and says nothing
 * about transactions: that is the caller's.
 */
export class Rows {
  readonly #sql;

  constructor(db: DatabaseSync) {
    this.#sql = {
      hosts: db.prepare('SELECT * FROM hosts WHERE enrolled = 1 ORDER BY host'),
      host: db.prepare('SELECT * FROM hosts WHERE host = ? AND enrolled = 1'),
      enroll: db.prepare(
        `INSERT INTO hosts (host, enrolled_at, enrolled) VALUES (:host, :at, 1)
         ON CONFLICT (host) DO UPDATE SET enrolled_at = :at, enrolled = 1 WHERE enrolled = 0`,
      ),
      unenroll: db.prepare('UPDATE hosts SET enrolled = 0 WHERE host = ? AND enrolled = 1'),
      seen: db.prepare('UPDATE hosts SET last_seen_at = ? WHERE host = ?'),
      setAgent: db.prepare('UPDATE hosts SET agent = ?, last_seen_at = ? WHERE host = ?'),
      setStatus: db.prepare('UPDATE hosts SET status = ?, last_seen_at = ? WHERE host = ?'),

      tokens: db.prepare('SELECT hash FROM tokens ORDER BY hash'),
      token: db.prepare('SELECT kind, name FROM tokens WHERE hash = ?'),
      tokenOf: db.prepare('SELECT hash FROM tokens WHERE kind = ? AND name = ?'),
      dropToken: db.prepare('DELETE FROM tokens WHERE kind = ? AND name = ?'),
      addToken: db.prepare('INSERT INTO tokens (hash, kind, name, created_at) VALUES (?, ?, ?, ?)'),

      run: db.prepare('SELECT record FROM runs WHERE run_id = ?'),
      putRun: db.prepare(
        `INSERT INTO runs (run_id, host, is_over, queued_until, record) VALUES (:runId, :host, :isOver, :queuedUntil, :record)
         ON CONFLICT (run_id) DO UPDATE SET is_over = :isOver, queued_until = :queuedUntil, record = :record`,
      ),
      runs: db.prepare('SELECT record FROM runs WHERE run_id < ? ORDER BY run_id DESC LIMIT ?'),
      runsOfHost: db.prepare('SELECT record FROM runs WHERE host = ? AND run_id < ? ORDER BY run_id DESC LIMIT ?'),
      hostsWithRuns: db.prepare('SELECT DISTINCT host FROM runs'),
      live: db.prepare('SELECT record FROM runs WHERE host = ? AND is_over = 0 ORDER BY run_id'),
      expired: db.prepare('SELECT record FROM runs WHERE queued_until <= ? ORDER BY run_id'),
      dropRun: db.prepare('DELETE FROM runs WHERE run_id = ?'),

      rollout: db.prepare('SELECT record FROM rollouts WHERE rollout_id = ?'),
      putRollout: db.prepare(
        `INSERT INTO rollouts (rollout_id, is_over, record) VALUES (:rolloutId, :isOver, :record)
         ON CONFLICT (rollout_id) DO UPDATE SET is_over = :isOver, record = :record`,
      ),
      liveRollouts: db.prepare('SELECT record FROM rollouts WHERE is_over = 0 ORDER BY rollout_id DESC'),
      endedRollouts: db.prepare('SELECT record FROM rollouts WHERE is_over = 1 ORDER BY rollout_id DESC LIMIT ?'),
      dropRollout: db.prepare('DELETE FROM rollouts WHERE rollout_id = ?'),

      addEvent: db.prepare('INSERT INTO events (run_id, seq, json) VALUES (?, ?, ?)'),
      events: db.prepare('SELECT seq, json FROM events WHERE run_id = ? AND seq > ? ORDER BY seq LIMIT ?'),
      dropEvents: db.prepare('DELETE FROM events WHERE run_id = ?'),

      stream: db.prepare('SELECT * FROM streams WHERE run_id = ? AND stream = ?'),
      streams: db.prepare('SELECT * FROM streams WHERE run_id = ?'),
      putStream: db.prepare(
        `INSERT INTO streams (run_id, stream, epochs, size, ended)
         SELECT :runId, :stream, :epochs, :size, :ended WHERE EXISTS (SELECT 1 FROM runs WHERE run_id = :runId)
         ON CONFLICT (run_id, stream) DO UPDATE SET epochs = :epochs, size = :size, ended = :ended`,
      ),
      dropStreams: db.prepare('DELETE FROM streams WHERE run_id = ?'),

      addAudit: db.prepare('INSERT INTO audit (at, who, action, subject, detail) VALUES (?, ?, ?, ?, ?)'),
      audit: db.prepare('SELECT * FROM audit ORDER BY id DESC LIMIT ?'),
      dropAudit: db.prepare('DELETE FROM audit WHERE at < ?'),

      probe: db.prepare('INSERT INTO probe (id, at) VALUES (1, :at) ON CONFLICT (id) DO UPDATE SET at = :at'),
    };
  }

  hosts(): readonly Omit<HostRecord, 'online'>[] {
    return this.#sql.hosts.all().map(hostOf);
  }

  host(host: string): Omit<HostRecord, 'online'> | undefined {
    const row = this.#sql.host.get(host);
    return row && hostOf(row);
  }

  enroll(host: string, at: number): void {
    this.#sql.enroll.run({ host, at });
  }

  unenroll(host: string): void {
    this.#sql.unenroll.run(host);
  }

  seen(host: string, at: number): void {
    this.#sql.seen.run(at, host);
  }

  setAgent(host: string, agent: AgentInfo, at: number): void {
    this.#sql.setAgent.run(JSON.stringify(agent), at, host);
  }

  setStatus(host: string, status: HostStatus, at: number): void {
    this.#sql.setStatus.run(JSON.stringify(status), at, host);
  }

  tokenHashes(): readonly string[] {
    return this.#sql.tokens.all().map(row => String(row['hash']));
  }

  tokenOwner(hash: string): TokenOwner | undefined {
    const row = this.#sql.token.get(hash);
    return row && { kind: row['kind'] === 'host' ? 'host' : 'operator', name: String(row['name']) };
  }

  hasToken({ kind, name }: TokenOwner): boolean {
    return this.#sql.tokenOf.get(kind, name) !== undefined;
  }

  /** False when there was none. */
  dropToken({ kind, name }: TokenOwner): boolean {
    return this.#sql.dropToken.run(kind, name).changes > 0;
  }

  addToken(hash: string, { kind, name }: TokenOwner, at: number): void {
    this.#sql.addToken.run(hash, kind, name, at);
  }

  run(runId: RunId): RunRecord | undefined {
    const row = this.#sql.run.get(runId);
    return row && recordOf(row);
  }

  putRun(record: RunRecord): void {
    const { runId, host } = record.summary;
    this.#sql.putRun.run({
      runId,
      host,
      isOver: Number(isOver(record.summary)),
      queuedUntil: endsAt(record.summary) ?? null,
      record: JSON.stringify(record),
    });
  }

  runs({ host, limit, before }: RunQuery): readonly RunRecord[] {
    // every run id sorts before a tilde
    const below = before ?? '~';
    const rows = host === undefined ? this.#sql.runs.all(below, limit) : this.#sql.runsOfHost.all(host, below, limit);
    return rows.map(recordOf);
  }

  hostsWithRuns(): readonly string[] {
    return this.#sql.hostsWithRuns.all().map(row => String(row['host']));
  }

  liveRuns(host: string): readonly RunRecord[] {
    return this.#sql.live.all(host).map(recordOf);
  }

  /** Runs that the host was not told of, or did not confirm, and whose time is over. */
  expiredRuns(at: number): readonly RunRecord[] {
    return this.#sql.expired.all(at).map(recordOf);
  }

  /** Forgets a run with its events and streams. */
  dropRun(runId: RunId): void {
    this.#sql.dropEvents.run(runId);
    this.#sql.dropStreams.run(runId);
    this.#sql.dropRun.run(runId);
  }

  rollout(rolloutId: RolloutId): RolloutRecord | undefined {
    const row = this.#sql.rollout.get(rolloutId);
    return row && rolloutOf(row);
  }

  putRollout(record: RolloutRecord): void {
    const { rolloutId, endedAt } = record.rollout;
    this.#sql.putRollout.run({ rolloutId, isOver: Number(endedAt !== undefined), record: JSON.stringify(record) });
  }

  /** Newest first. */
  liveRollouts(): readonly RolloutRecord[] {
    return this.#sql.liveRollouts.all().map(rolloutOf);
  }

  /** Newest first. */
  endedRollouts(limit: number): readonly RolloutRecord[] {
    return this.#sql.endedRollouts.all(limit).map(rolloutOf);
  }

  dropRollout(rolloutId: RolloutId): void {
    this.#sql.dropRollout.run(rolloutId);
  }

  addEvents(runId: RunId, events: readonly StoredEvent[]): void {
    for (const { seq, json } of events) this.#sql.addEvent.run(runId, seq, json);
  }

  events(runId: RunId, afterSeq: number, limit: number): readonly StoredEvent[] {
    return this.#sql.events
      .all(runId, afterSeq, limit)
      .map(row => ({ seq: Number(row['seq']), json: String(row['json']) }));
  }

  stream(runId: RunId, stream: StreamName): StreamState | undefined {
    const row = this.#sql.stream.get(runId, stream);
    return row && streamOf(row);
  }

  streams(runId: RunId): readonly { readonly stream: StreamName; readonly state: StreamState }[] {
    return this.#sql.streams
      .all(runId)
      .map(row => ({ stream: String(row['stream']) as StreamName, state: streamOf(row) }));
  }

  putStream(runId: RunId, stream: StreamName, { epochs, size, ended }: StreamState): void {
    this.#sql.putStream.run({ runId, stream, epochs: JSON.stringify(epochs), size, ended: Number(ended) });
  }

  addAudit({ at, who, action, subject, detail }: AuditEntry): void {
    this.#sql.addAudit.run(at, who, action, subject, detail ?? null);
  }

  audit(limit: number): readonly AuditEntry[] {
    return this.#sql.audit.all(limit).map(row => ({
      at: Number(row['at']),
      who: String(row['who']),
      action: String(row['action']),
      subject: String(row['subject']),
      ...(row['detail'] !== null && { detail: String(row['detail']) }),
    }));
  }

  dropAudit(before: number): void {
    this.#sql.dropAudit.run(before);
  }

  probe(at: number): void {
    this.#sql.probe.run({ at });
  }
}

function hostOf(row: Row): Omit<HostRecord, 'online'> {
  return {
    host: String(row['host']),
    enrolledAt: Number(row['enrolled_at']),
    ...(row['last_seen_at'] !== null && { lastSeenAt: Number(row['last_seen_at']) }),
    ...(row['agent'] !== null && { agent: JSON.parse(String(row['agent'])) as AgentInfo }),
    ...(row['status'] !== null && { status: JSON.parse(String(row['status'])) as HostStatus }),
  };
}

function recordOf(row: Row): RunRecord {
  return JSON.parse(String(row['record'])) as RunRecord;
}

function rolloutOf(row: Row): RolloutRecord {
  return JSON.parse(String(row['record'])) as RolloutRecord;
}

function streamOf(row: Row): StreamState {
  return {
    epochs: JSON.parse(String(row['epochs'])) as StreamState['epochs'],
    size: Number(row['size']),
    ended: row['ended'] === 1,
  };
}
