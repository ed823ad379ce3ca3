/**
 * The backbone of a relay that is one process: SQLite for everything that is small, a file for each stream of a run, both
 * below one data folder. README.md of the relay describes the files.
 */
import { statfs } from 'node:fs/promises';
import type { DatabaseSync } from 'node:sqlite';
import {
  isOver,
  START,
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
import { applyChange, type RunChange } from '../../runs/delivery.ts';
import { recordFromHost, type RunRecord } from '../../runs/record.ts';
import { RETENTION, runsToRemove } from '../../runs/retention.ts';
import { foldSummary } from '../../runs/summary.ts';
import {
  DiskFull,
  type AdvanceResult,
  type AppendResult,
  type AskResult,
  type AskRolloutResult,
  type AuditEntry,
  type Backbone,
  type CancelAnswer,
  type EventsResult,
  type FleetChange,
  type FrameRead,
  type HostClaim,
  type HostCommand,
  type HostRecord,
  type RunNews,
  type RunQuery,
  type StoredEvent,
  type Streams,
  type TokenOwner,
  type Unwatch,
} from '../backbone.ts';
import { planEvents } from '../events.ts';
import { Presence } from '../presence.ts';
import { Watchers } from '../watchers.ts';
import { ForeignChanges } from './foreign-changes.ts';
import { GroupCommit } from './group-commit.ts';
import { isDamageError } from './damage.ts';
import { isDiskFull, LEAST_ROOM } from './disk-full.ts';
import { findMissingOutput } from './missing-output.ts';
import { openDatabase, ServeLock, WalSync } from './open.ts';
import { Rows } from './rows.ts';
import { StreamFiles, UnknownRun } from './stream-files.ts';

const AUDIT_AGE = 365 * 86_400_000;

/** Events of one page at the most, whatever their size. */
const EVENTS_PER_PAGE = 200;

export interface EmbeddedOptions {
  /** The data folder; made when it is missing. */
  readonly dir: string;
  /** Serve it, as the one process that does. Without it only single questions and changes, as the command line needs. */
  readonly serve: boolean;
  /** Something went wrong in the background and was dealt with. */
  readonly onError?: (what: string, error: unknown) => void;
  /** What is on disk is not known any more, or damaged: the process has to end, and the next one finds out. */
  readonly onFatal?: (error: unknown) => void;
  /** Stands in for the wait for the disk, in tests. */
  readonly sync?: () => Promise<void>;
}

export class EmbeddedBackbone implements Backbone {
  readonly #dir: string;
  readonly #onError: (what: string, error: unknown) => void;
  readonly #onFatal: (error: unknown) => void;
  readonly #db: DatabaseSync;
  readonly #lock: ServeLock | undefined;
  readonly #wal: WalSync;
  readonly #rows: Rows;
  readonly #commits: GroupCommit;
  readonly #files: StreamFiles;
  readonly #watchers = new Watchers();
  readonly #presence = new Presence();
  readonly #foreign: ForeignChanges | undefined;

  private constructor(db: DatabaseSync, lock: ServeLock | undefined, options: EmbeddedOptions) {
    this.#dir = options.dir;
    this.#db = db;
    this.#lock = lock;
    this.#wal = new WalSync(options.dir);
    this.#rows = new Rows(db);
    const onError = (this.#onError = options.onError ?? (() => undefined));
    const onFatal = (this.#onFatal =
      options.onFatal ??
      ((error: unknown) => {
        throw error;
      }));
    this.#commits = new GroupCommit(db, options.sync ?? (() => this.#wal.sync()), onFatal);
    this.#files = new StreamFiles({
      dir: options.dir,
      recorded: (runId, stream) => {
        const record = this.#rows.run(runId);
        if (!record) throw new UnknownRun(runId);
        return { host: record.summary.host, state: this.#rows.stream(runId, stream) };
      },
      record: (runId, stream, state) => this.#commits.write(() => this.#rows.putStream(runId, stream, state)),
      onNews: (runId, news) => this.#watchers.tellRun(runId, news),
      onError: (error, runId) => {
        onError('cannot put output on disk', error);
        // its host believes that it is here, and would never send it again
        const host = this.#rows.run(runId)?.summary.host;
        if (host !== undefined) this.#presence.command(host, { kind: 'lost-output' });
      },
    });
    if (options.serve) {
      // from here on a busy database is waited for off the loop, see GroupCommit
      db.exec('PRAGMA busy_timeout = 0');
      this.#foreign = new ForeignChanges(db, this.#rows, {
        onHost: host => this.#tellHost(host),
        onHostRemoved: host => this.#watchers.tellFleet({ kind: 'host-removed', host }),
        onTokens: () => this.#watchers.tellFleet({ kind: 'tokens' }),
        onError: error => onError('cannot look for changes from the command line', error),
      });
    }
  }

  /**
   * Opens the store below a folder.
   * @throws StoreError when another process serves it, or it is damaged; NewerDatabase
   */
  static async open(options: EmbeddedOptions): Promise<EmbeddedBackbone> {
    const lock = options.serve ? ServeLock.take(options.dir) : undefined;
    let db: DatabaseSync | undefined;
    try {
      db = openDatabase(options.dir, { verify: options.serve });
      const backbone = new EmbeddedBackbone(db, lock, options);
      if (options.serve) await backbone.#tidy();
      return backbone;
    } catch (error) {
      db?.close();
      lock?.release();
      throw error;
    }
  }

  enrollHost(host: string, tokenHash: string, at: number): Promise<void> {
    return this.#commits.write(
      () => {
        const owner = { kind: 'host', name: host } as const;
        this.#rows.enroll(host, at);
        this.#rows.dropToken(owner);
        this.#rows.addToken(tokenHash, owner, at);
      },
      () => {
        this.#foreign?.ownChange();
        this.#watchers.tellFleet({ kind: 'tokens' });
        this.#tellHost(host);
      },
    );
  }

  addOperator(name: string, tokenHash: string, at: number): Promise<void> {
    return this.#commits.write(
      () => {
        const owner = { kind: 'operator', name } as const;
        this.#rows.dropToken(owner);
        this.#rows.addToken(tokenHash, owner, at);
      },
      () => {
        this.#foreign?.ownChange();
        this.#watchers.tellFleet({ kind: 'tokens' });
      },
    );
  }

  revoke(owner: TokenOwner, by: string, at: number): Promise<boolean> {
    return this.#commits
      .write(
        () => {
          if (!this.#rows.dropToken(owner)) return undefined;
          if (owner.kind === 'operator') return [];
          this.#rows.unenroll(owner.name);
          const cancelled = this.#rows
            .liveRuns(owner.name)
            .filter(({ summary }) => summary.delivery === 'queued')
            .map(record => applyChange(record, { kind: 'cancel', at, by }));
          for (const record of cancelled) this.#rows.putRun(record);
          return cancelled;
        },
        cancelled => {
          if (!cancelled) return;
          this.#foreign?.ownChange();
          for (const { summary } of cancelled) this.#watchers.tellFleet({ kind: 'run', run: summary });
          if (owner.kind === 'host') this.#watchers.tellFleet({ kind: 'host-removed', host: owner.name });
          this.#watchers.tellFleet({ kind: 'tokens' });
        },
      )
      .then(cancelled => cancelled !== undefined);
  }

  tokenOwner(tokenHash: string): Promise<TokenOwner | undefined> {
    return this.#read(() => this.#rows.tokenOwner(tokenHash));
  }

  hasToken(owner: TokenOwner): Promise<boolean> {
    return this.#read(() => this.#rows.hasToken(owner));
  }

  hosts(): Promise<readonly HostRecord[]> {
    return this.#read(() => this.#rows.hosts().map(host => this.#withPresence(host)));
  }

  host(host: string): Promise<HostRecord | undefined> {
    return this.#read(() => this.#hostRecord(host));
  }

  claimHost(claim: HostClaim): Promise<void> {
    this.#presence.claim(claim);
    return this.#commits.write(
      () => this.#rows.setAgent(claim.host, claim.agent, claim.at),
      () => this.#tellHost(claim.host),
    );
  }

  async releaseHost(host: string, session: string, at: number): Promise<void> {
    if (!this.#presence.release(host, session)) return;
    try {
      await this.#commits.write(() => this.#rows.seen(host, at));
    } finally {
      // it is gone, whether or not that could be written down
      this.#tellHost(host);
    }
  }

  putStatus(host: string, status: HostStatus, at: number): Promise<void> {
    return this.#commits.write(
      () => this.#rows.setStatus(host, status, at),
      () => this.#tellHost(host),
    );
  }

  touchHosts(hosts: readonly string[], at: number): Promise<void> {
    return this.#commits.write(() => {
      for (const host of hosts) this.#rows.seen(host, at);
    });
  }

  commandHost(host: string, command: HostCommand): Promise<boolean> {
    return Promise.resolve(this.#presence.command(host, command));
  }

  watchFleet(listener: (change: FleetChange) => void): Unwatch {
    return this.#watchers.watchFleet(listener);
  }

  askRun(ask: Ask): Promise<AskResult> {
    return this.#commits.write<AskResult>(
      () => {
        const decision = this.#decide(ask);
        if (decision.kind === 'refused') return decision;
        if (decision.kind === 'new') this.#rows.putRun(decision.record);
        return { kind: decision.kind, run: decision.record.summary };
      },
      result => {
        if (result.kind === 'new') this.#watchers.tellFleet({ kind: 'run', run: result.run });
      },
    );
  }

  adoptRun(runId: RunId, host: string): Promise<RunRecord> {
    return this.#commits
      .write(
        () => {
          const known = this.#rows.run(runId);
          if (known) return { record: known, isNew: false };
          const record = recordFromHost(runId, host);
          this.#rows.putRun(record);
          return { record, isNew: true };
        },
        ({ record, isNew }) => {
          if (isNew) this.#watchers.tellFleet({ kind: 'run', run: record.summary });
        },
      )
      .then(({ record }) => record);
  }

  run(runId: RunId): Promise<RunRecord | undefined> {
    return this.#read(() => this.#rows.run(runId));
  }

  runs(query: RunQuery): ReturnType<Backbone['runs']> {
    return this.#read(() => this.#rows.runs(query).map(({ summary }) => summary));
  }

  liveRuns(host: string): Promise<readonly RunRecord[]> {
    return this.#read(() => this.#rows.liveRuns(host));
  }

  changeRun(runId: RunId, change: RunChange): Promise<RunRecord | undefined> {
    return this.#commits
      .write(
        () => {
          const before = this.#rows.run(runId);
          const after = before && applyChange(before, change);
          if (after && after !== before) this.#rows.putRun(after);
          return { before, after };
        },
        ({ before, after }) => {
          if (after && after.summary !== before?.summary) this.#watchers.tellFleet({ kind: 'run', run: after.summary });
        },
      )
      .then(({ after }) => after);
  }

  async answerCancel(runId: RunId, answer: CancelAnswer): Promise<void> {
    await this.changeRun(runId, { kind: 'cancel-answered' });
    this.#watchers.tellRun(runId, { kind: 'cancel-answered', answer });
  }

  tellProgress(host: string, runId: RunId, progress: BuildProgress): Promise<void> {
    this.#watchers.tellFleet({ kind: 'progress', host, runId, progress });
    return Promise.resolve();
  }

  expireQueued(at: number): Promise<number> {
    // most of the time there is nothing to write
    return this.#read(() => this.#rows.expiredRuns(at)).then(due =>
      due.length === 0
        ? 0
        : this.#commits
            .write(
              () => {
                const expired = this.#rows.expiredRuns(at).map(record => applyChange(record, { kind: 'expired', at }));
                for (const record of expired) this.#rows.putRun(record);
                return expired;
              },
              expired => {
                for (const { summary } of expired) this.#watchers.tellFleet({ kind: 'run', run: summary });
              },
            )
            .then(expired => expired.length),
    );
  }

  async applyRetention(now: number, host?: string, retention = RETENTION): Promise<number> {
    let removed = 0;
    for (const name of host === undefined ? this.#rows.hostsWithRuns() : [host]) {
      const runs = await this.runs({ host: name, limit: Number.MAX_SAFE_INTEGER });
      for (const runId of runsToRemove(runs, now, retention)) {
        if (await this.#removeRun(runId, name)) removed++;
      }
    }
    if (host === undefined) {
      await this.#commits.write(() => this.#rows.dropAudit(now - AUDIT_AGE));
      await this.#dropRollouts();
    }
    return removed;
  }

  askRollout(question: RolloutQuestion): Promise<AskRolloutResult> {
    return this.#commits
      .write(
        () => {
          const existing = this.#rows.rollout(question.ask.rolloutId);
          const decision = decideRollout(question, existing, ask => this.#decide(ask));
          if (decision.kind === 'new') {
            for (const run of decision.runs) this.#rows.putRun(run);
            this.#rows.putRollout(decision.record);
          }
          return decision;
        },
        decision => {
          if (decision.kind !== 'new') return;
          for (const { summary } of decision.runs) this.#watchers.tellFleet({ kind: 'run', run: summary });
          this.#watchers.tellFleet({ kind: 'rollout', rollout: decision.record.rollout });
        },
      )
      .then(decision => {
        if (decision.kind === 'refused') return decision;
        const { rollout, refused } = decision.record;
        return { kind: decision.kind, rollout, refused };
      });
  }

  async advanceRollout(rolloutId: RolloutId, now: number): Promise<AdvanceResult> {
    // most of the time there is nothing to write
    const planned = await this.#read(() => {
      const record = this.#rows.rollout(rolloutId);
      return record && this.#advance(record, now);
    });
    const advanced = planned?.isChanged ? await this.#changeRollout(rolloutId, now) : planned;
    return advanced ? resultOf(advanced) : { hosts: [] };
  }

  stopRollout(rolloutId: RolloutId, by: string, at: number): Promise<Rollout | undefined> {
    return this.#changeRollout(rolloutId, at, record => stopped(record, by, at)).then(
      advanced => advanced?.record.rollout,
    );
  }

  rollouts(): Promise<readonly Rollout[]> {
    return this.#read(() =>
      [...this.#rows.liveRollouts(), ...this.#rows.endedRollouts(SHOWN_ENDED)].map(({ rollout }) => rollout),
    );
  }

  appendEvents(runId: RunId, events: readonly AnyRunEvent[]): Promise<EventsResult> {
    return this.#commits
      .write(
        () => {
          const record = this.#rows.run(runId);
          if (!record) return undefined;
          const plan = planEvents(record.summary.seq, events);
          if (plan.add.length === 0) return { plan };
          this.#rows.addEvents(runId, plan.add);
          const summary = foldSummary(
            record.summary,
            events.filter(({ seq }) => seq <= plan.seq),
          );
          this.#rows.putRun({ ...record, summary });
          return { plan, summary };
        },
        result => {
          if (!result?.summary) return;
          this.#watchers.tellRun(runId, { kind: 'events', events: result.plan.add });
          this.#watchers.tellFleet({ kind: 'run', run: result.summary });
        },
      )
      .then(result =>
        result ? { kind: result.plan.gap ? 'gap' : 'stored', seq: result.plan.seq } : { kind: 'unknown-run' },
      );
  }

  readEvents(runId: RunId, afterSeq: number, maxBytes: number): Promise<readonly StoredEvent[]> {
    return this.#read(() => {
      const page: StoredEvent[] = [];
      let bytes = 0;
      for (const event of this.#rows.events(runId, afterSeq, EVENTS_PER_PAGE)) {
        bytes += event.json.length;
        if (page.length > 0 && bytes > maxBytes) break;
        page.push(event);
      }
      return page;
    });
  }

  streams(runId: RunId): Promise<Streams> {
    return this.#read(() => {
      const streams: Streams = {};
      for (const { stream, state } of this.#rows.streams(runId)) streams[stream] = state;
      for (const [stream, state] of this.#files.openStates(runId)) streams[stream] = state;
      return streams;
    });
  }

  appendFrame(frame: OutputFrame, data: Uint8Array): Promise<AppendResult> {
    return orUnknownRun(async () => (await this.#files.file(frame.runId, frame.stream)).append(frame, data));
  }

  readFrame(runId: RunId, stream: StreamName, from: Position, room?: Uint8Array): Promise<FrameRead> {
    return orUnknownRun<FrameRead>(async () => {
      const file = await this.#files.existing(runId, stream);
      return file ? file.read(from, room) : { kind: 'none', at: START, ended: false };
    });
  }

  watchRun(runId: RunId, listener: (news: RunNews) => void): Unwatch {
    return this.#watchers.watchRun(runId, listener);
  }

  audit(entry: AuditEntry): Promise<void> {
    return this.#commits.write(() => this.#rows.addAudit(entry));
  }

  readAudit(limit: number): Promise<readonly AuditEntry[]> {
    return this.#read(() => this.#rows.audit(limit));
  }

  async check(): Promise<void> {
    await this.#commits.write(() => this.#rows.probe(Date.now()));
    // the log may have room of its own for this write, and output has none
    const { bavail, bsize } = await statfs(this.#dir);
    if (bavail * bsize < LEAST_ROOM) throw new DiskFull();
  }

  async close(): Promise<void> {
    this.#foreign?.stop();
    await this.#files.close();
    await this.#commits.end();
    await this.#wal.close();
    this.#db.close();
    this.#lock?.release();
  }

  /** Puts what was written of streams on disk now. */
  flush(): Promise<void> {
    return this.#files.flush();
  }

  /** What the last process left half done, and what somebody else did to its files. */
  async #tidy(): Promise<void> {
    await this.#files.emptyTrash(runId => this.#rows.run(runId)?.summary.host);
    const missing = findMissingOutput(this.#dir, this.#rows);
    if (missing.length === 0) return;
    await this.#commits.write(() => {
      for (const { runId, stream, state } of missing) this.#rows.putStream(runId, stream, state);
    });
    const what = `${missing.length} files of output are shorter than was recorded, or gone`;
    this.#onError('output is missing; its hosts are asked for it', new Error(what));
  }

  /** False when its host has said in the meantime that the run goes on. */
  async #removeRun(runId: RunId, host: string): Promise<boolean> {
    const isGone = await this.#files.remove(runId, host, () =>
      this.#commits.write(() => {
        const record = this.#rows.run(runId);
        if (record && !isOver(record.summary)) return false;
        this.#rows.dropRun(runId);
        return true;
      }),
    );
    if (!isGone) return false;
    this.#watchers.tellRun(runId, { kind: 'removed' });
    this.#watchers.tellFleet({ kind: 'run-removed', host, runId });
    return true;
  }

  #decide(ask: Ask): ReturnType<typeof decideAsk> {
    const { runId, host } = ask.request;
    return decideAsk(ask, {
      existing: this.#rows.run(runId),
      enrolled: this.#rows.host(host) !== undefined,
      live: this.#rows.liveRuns(host).map(({ summary }) => summary),
    });
  }

  #advance(record: RolloutRecord, now: number): Advance {
    const context = {
      run: (runId: RunId) => this.#rows.run(runId),
      isOnline: (host: string) => this.#presence.isOnline(host),
    };
    return advance(record, context, now);
  }

  /** Writes a change of a rollout, and what follows from it now. */
  #changeRollout(
    rolloutId: RolloutId,
    now: number,
    change: (record: RolloutRecord) => RolloutRecord = record => record,
  ): Promise<Advance | undefined> {
    return this.#commits.write(
      () => {
        const before = this.#rows.rollout(rolloutId);
        if (!before) return undefined;
        const advanced = this.#advance(change(before), now);
        for (const run of advanced.runs) this.#rows.putRun(run);
        if (advanced.record !== before) this.#rows.putRollout(advanced.record);
        return advanced;
      },
      advanced => {
        if (!advanced) return;
        for (const { summary } of advanced.runs) this.#watchers.tellFleet({ kind: 'run', run: summary });
        this.#watchers.tellFleet({ kind: 'rollout', rollout: advanced.record.rollout });
      },
    );
  }

  /** Forgets rollouts that are over and of which no run is left. */
  async #dropRollouts(): Promise<void> {
    const gone = await this.#commits.write(() => {
      const empty = this.#rows
        .endedRollouts(Number.MAX_SAFE_INTEGER)
        .filter(({ turns }) => turns.every(({ runId }) => !this.#rows.run(runId)))
        .map(({ rollout }) => rollout.rolloutId);
      for (const rolloutId of empty) this.#rows.dropRollout(rolloutId);
      return empty;
    });
    for (const rolloutId of gone) this.#watchers.tellFleet({ kind: 'rollout-removed', rolloutId });
  }

  /** Reads are quick and happen at once; what they throw becomes the promise's. */
  #read<T>(read: () => T): Promise<T> {
    return new Promise(resolve => {
      try {
        resolve(read());
      } catch (error) {
        if (isDamageError(error)) this.#onFatal(error);
        throw error;
      }
    });
  }

  #hostRecord(host: string): HostRecord | undefined {
    const row = this.#rows.host(host);
    return row && this.#withPresence(row);
  }

  #withPresence(row: Omit<HostRecord, 'online'>): HostRecord {
    return { ...row, online: this.#presence.isOnline(row.host) };
  }

  #tellHost(host: string): void {
    const record = this.#hostRecord(host);
    if (record) this.#watchers.tellFleet({ kind: 'host', host: record });
  }
}

async function orUnknownRun<T>(work: () => Promise<T>): Promise<T | { readonly kind: 'unknown-run' }> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UnknownRun) return { kind: 'unknown-run' };
    throw isDiskFull(error) ? new DiskFull(error) : error;
  }
}
