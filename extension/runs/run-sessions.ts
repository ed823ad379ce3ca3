/**
 * The runs that this window follows. Comes in: whoever wants to see a run, and what the relay says of it. Leaves: the
 * same copy of it for everybody, on disk and in step with the relay.
 */
import type { OutputFrame, Reason, RunId, RunState, RunSummary } from '../../protocol/index.ts';
import { Disposable, type IDisposable } from '../base/disposable.ts';
import { Emitter } from '../base/event.ts';
import { messageOf, type Log } from '../base/log.ts';
import type { Calls } from '../connection/calls.ts';
import type { Link } from '../connection/link.ts';
import type { FleetStore } from '../fleet/fleet-store.ts';
import type { OutputStore } from '../output/output-store.ts';
import type { RunSession, RunSessionSource } from './run-session.ts';
import { SharedRun } from './shared-run.ts';

interface Entry {
  readonly opening: Promise<SharedRun>;
  shared: SharedRun | undefined;
  sessions: number;
}

export interface RunSessionsOptions {
  readonly link: Pick<Link, 'onMessage' | 'onFrame' | 'onDidChangeState' | 'isOnline' | 'hold'>;
  readonly calls: Pick<Calls, 'ask'>;
  readonly fleet: Pick<FleetStore, 'run' | 'onDidChange'>;
  /** Where copies are kept. Asked once, at the first run. */
  readonly folder: () => Promise<string>;
  readonly log: Log;
}

export class RunSessions extends Disposable implements RunSessionSource {
  readonly #options: RunSessionsOptions;
  readonly #entries = new Map<RunId, Entry>();
  readonly #closing = new Map<RunId, Promise<void>>();
  #folder: Promise<string> | undefined;

  constructor(options: RunSessionsOptions) {
    super();
    this.#options = options;
    const { link, fleet } = options;
    this.own(
      link.onMessage(message => {
        if (message.type === 'events') this.#shared(message.runId)?.takeEvents(message.events);
        else if (message.type === 'stream-gone') this.#shared(message.runId)?.takeGone(message.stream);
        else if (message.type === 'run') this.#shared(message.run.runId)?.takeSummary(message.run);
      }),
    );
    this.own(link.onFrame(frame => this.#takeFrame(frame)));
    this.own(
      link.onDidChangeState(state => {
        if (state.kind === 'online') for (const { shared } of this.#entries.values()) void shared?.subscribe();
      }),
    );
    this.own(
      fleet.onDidChange(({ fleet: { hosts }, hosts: changed }) => {
        for (const { shared } of this.#entries.values()) {
          const host = shared?.summary?.host;
          if (!shared || (host !== undefined && !changed.has(host))) continue;
          const runs = host === undefined ? undefined : hosts.get(host)?.runs;
          const summary = runs ? runs.find(run => run.runId === shared.runId) : fleet.run(shared.runId);
          if (summary) shared.takeSummary(summary);
        }
      }),
    );
  }

  /** A session of a run, with what lies on disk of it. Rejects when the disk refuses. */
  async open(runId: RunId): Promise<RunSession> {
    if (this.isDisposed) throw new Error('NixFleet has shut down');
    let entry = this.#entries.get(runId);
    if (!entry) {
      entry = { opening: this.#open(runId), shared: undefined, sessions: 0 };
      this.#entries.set(runId, entry);
    }
    entry.sessions += 1;
    const opened = entry;
    try {
      const shared = await opened.opening;
      return new Session(shared, () => this.#released(runId, opened));
    } catch (error) {
      this.#released(runId, opened);
      throw error;
    }
  }

  /** Resolves when everything is on disk and closed. */
  async closeAll(): Promise<void> {
    for (const [runId, entry] of [...this.#entries]) this.#close(runId, entry);
    await Promise.all(this.#closing.values());
  }

  override dispose(): void {
    super.dispose();
    void this.closeAll();
  }

  /** What comes faster than the disk takes it waits at the relay, not in memory. */
  #takeFrame(frame: OutputFrame): void {
    const shared = this.#shared(frame.runId);
    if (!shared) return;
    shared.takeFrame(frame);
    // what was read already still comes, and what comes over a new connection holds that one, too
    if (!shared.output.isBehind) return;
    const hold = this.#options.link.hold();
    void shared.output.room().then(() => hold.dispose());
  }

  #shared(runId: RunId): SharedRun | undefined {
    return this.#entries.get(runId)?.shared;
  }

  async #open(runId: RunId): Promise<SharedRun> {
    this.#folder ??= this.#options.folder().catch((error: unknown) => {
      this.#folder = undefined;
      throw error;
    });
    const folder = await this.#folder;
    await this.#closing.get(runId);
    const shared = await SharedRun.open(this.#options.calls, folder, runId);
    const entry = this.#entries.get(runId);
    if (entry) entry.shared = shared;
    const summary = this.#options.fleet.run(runId);
    if (summary) shared.takeSummary(summary);
    if (this.#options.link.isOnline) void shared.subscribe();
    return shared;
  }

  #released(runId: RunId, entry: Entry): void {
    entry.sessions -= 1;
    if (entry.sessions === 0 && this.#entries.get(runId) === entry) this.#close(runId, entry);
  }

  #close(runId: RunId, entry: Entry): void {
    this.#entries.delete(runId);
    const closing = entry.opening
      .then(shared => shared.close())
      .catch((error: unknown) => this.#options.log.warn(`run ${runId}: ${messageOf(error)}`))
      .finally(() => {
        if (this.#closing.get(runId) === closing) this.#closing.delete(runId);
      });
    this.#closing.set(runId, closing);
  }
}

class Session implements RunSession {
  readonly #shared: SharedRun;
  readonly #changed = new Emitter<void>();
  readonly #subscription: IDisposable;
  readonly #onDispose: () => void;
  #disposed = false;

  readonly onDidChange = this.#changed.event;

  constructor(shared: SharedRun, onDispose: () => void) {
    this.#shared = shared;
    this.#subscription = shared.onDidChange(() => this.#changed.fire());
    this.#onDispose = onDispose;
  }

  get runId(): RunId {
    return this.#shared.runId;
  }

  get host(): string {
    return this.#shared.summary?.host ?? '';
  }

  get summary(): RunSummary | undefined {
    return this.#shared.summary;
  }

  get state(): RunState {
    return this.#shared.state;
  }

  get output(): OutputStore {
    return this.#shared.output;
  }

  get lockBefore(): string | undefined {
    return this.#shared.lock('before');
  }

  get lockAfter(): string | undefined {
    return this.#shared.lock('after');
  }

  get gone(): boolean {
    return this.#shared.gone;
  }

  get problem(): Reason | undefined {
    return this.#shared.problem;
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#subscription.dispose();
    this.#changed.dispose();
    this.#onDispose();
  }
}
