/**
 * An operator without an editor: what `npm start`, the host tests and the benchmarks talk to a relay with. It reconnects
 * by itself and resumes by position, as the extension does, but keeps everything in memory.
 */
import { EventEmitter } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { ulid } from 'ulid';
import { WebSocket } from 'ws';
import {
  applyEvent,
  decodeFrame,
  decodeMessage,
  DEFAULT_DEADLINES,
  INITIAL_RUN,
  isOver,
  MAX_MESSAGE_BYTES,
  planChunk,
  PROTOCOL,
  runIdSchema,
  sealRequest,
  START,
  STREAM_KINDS,
  toOperatorMessageSchema,
  type AnyRunEvent,
  type FleetHost,
  type OperatorMessage,
  type OutputFrame,
  type Position,
  type Reason,
  type RequestEnvelope,
  type RunId,
  type RunState,
  type RunSummary,
  type StreamName,
  type ToOperatorMessage,
  type UpdateRequest,
} from '../../protocol/index.ts';

type Reply = Extract<ToOperatorMessage, { type: 'reply' }>;
type Ask = Extract<OperatorMessage, { id: number }>;
type AskBody = Ask extends infer A ? (A extends Ask ? Omit<A, 'id'> : never) : never;

const STREAMS = Object.keys(STREAM_KINDS) as StreamName[];

/** The relay refused what was asked. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  readonly reason: Reason;
  constructor(reason: Reason) {
    super(reason.message);
    this.reason = reason;
  }
}

/** What has arrived of one run. */
export class WatchedRun {
  readonly runId: RunId;
  readonly events: AnyRunEvent[] = [];
  state: RunState = INITIAL_RUN;
  /** Called for output as it arrives, each byte once. */
  onOutput: ((bytes: Uint8Array) => void) | undefined;
  readonly #streams = new Map<StreamName, { position: Position; ended: boolean; bytes: Buffer[] }>();

  constructor(runId: RunId) {
    this.runId = runId;
    for (const name of STREAMS) this.#streams.set(name, { position: START, ended: false, bytes: [] });
  }

  /** The bytes of a stream so far. */
  bytes(name: StreamName): Buffer {
    return Buffer.concat(this.#stream(name).bytes);
  }

  get output(): string {
    return this.bytes('output').toString();
  }

  hasEnded(name: StreamName): boolean {
    return this.#stream(name).ended;
  }

  /** The run has ended, and so have all of its streams: nothing more will come. */
  get isComplete(): boolean {
    return this.state.end !== undefined && STREAMS.every(name => this.hasEnded(name));
  }

  /** How far it is, for the error of a wait. */
  get soFar(): string {
    const open = STREAMS.filter(name => !this.hasEnded(name));
    const { phase, seq, end } = this.state;
    return `event ${seq} (${end?.outcome ?? phase}), without the end of ${open.join(', ') || 'none of its streams'}`;
  }

  positions(): Record<StreamName, Position> {
    return Object.fromEntries(STREAMS.map(name => [name, this.#stream(name).position])) as Record<StreamName, Position>;
  }

  takeEvents(events: readonly AnyRunEvent[]): void {
    for (const event of events) {
      if (event.seq <= this.state.seq) continue;
      this.state = applyEvent(this.state, event);
      this.events.push(event);
    }
  }

  /** Takes a frame; false when it leaves a gap. */
  takeFrame(frame: OutputFrame): boolean {
    const stream = this.#stream(frame.stream);
    const plan = planChunk(stream.position, frame.at, frame.bytes.length);
    if (plan.kind === 'gap') return false;
    if (plan.kind === 'append') {
      if (plan.cutTo !== undefined) stream.bytes = [Buffer.concat(stream.bytes).subarray(0, plan.cutTo)];
      const fresh = Buffer.from(frame.bytes.subarray(plan.skip));
      stream.bytes.push(fresh);
      stream.position = plan.next;
      if (frame.stream === 'output') this.onOutput?.(fresh);
    }
    if (frame.end) stream.ended = true;
    return true;
  }

  #stream(name: StreamName): { position: Position; ended: boolean; bytes: Buffer[] } {
    const stream = this.#streams.get(name);
    if (!stream) throw new Error(`no stream ${name}`);
    return stream;
  }
}

export interface OperatorOptions {
  /** Such as `ws://127.0.0.1:7780`. */
  readonly url: string;
  readonly token: string;
  /** Certificate to trust, PEM. */
  readonly ca?: string;
}

export class Operator implements AsyncDisposable {
  readonly hosts = new Map<string, FleetHost>();
  readonly runs = new Map<RunId, RunSummary>();
  readonly #options: OperatorOptions;
  readonly #watched = new Map<RunId, WatchedRun>();
  readonly #pending = new Map<number, { ask: Ask; resolve: (reply: Reply) => void }>();
  /** Runs to follow that the relay did not know when it was asked: one that lost its disk hears of them from the host. */
  readonly #unknown = new Set<RunId>();
  /** The subscriptions that no reply has come to, by the number of the question. */
  readonly #followed = new Map<number, RunId>();
  readonly #changes = new EventEmitter().setMaxListeners(0);
  #socket: WebSocket | undefined;
  #online = false;
  #closed = false;
  #nextId = 1;
  /** What the relay did that it must not do; every wait ends with it. */
  #fault: Error | undefined;

  constructor(options: OperatorOptions) {
    this.#options = options;
  }

  /** Connects and waits for the fleet. Rejects when the first try fails. */
  static async connect(options: OperatorOptions): Promise<Operator> {
    const operator = new Operator(options);
    await operator.#open();
    await operator.waitFor('the fleet', () => operator.#online);
    return operator;
  }

  get isOnline(): boolean {
    return this.#online;
  }

  /** Asks for an update and returns the run's id once the relay has it on disk. */
  async update(
    host: string,
    more: Partial<Pick<UpdateRequest, 'targetRev' | 'rollback' | 'retryAnyway' | 'deadlines' | 'expiresAt'>> = {},
  ): Promise<RunId> {
    const now = Date.now();
    const runId = runIdSchema.parse(ulid(now));
    const request: UpdateRequest = {
      format: 1,
      verb: 'update-agent',
      runId,
      host,
      requestedAt: now,
      expiresAt: now + DEFAULT_DEADLINES.queued,
      ...more,
    };
    await this.send(sealRequest(request));
    return runId;
  }

  /** Hands in a request as it is. */
  async send(envelope: RequestEnvelope): Promise<Reply> {
    return this.ask({ type: 'update-agent', ...envelope });
  }

  /** Follows a run from its beginning. */
  async watch(runId: RunId): Promise<WatchedRun> {
    let run = this.#watched.get(runId);
    if (!run) {
      run = new WatchedRun(runId);
      this.#watched.set(runId, run);
      try {
        await this.ask({ type: 'subscribe', runId, afterSeq: 0, streams: run.positions() });
      } catch (error) {
        this.#watched.delete(runId);
        throw error;
      }
    }
    return run;
  }

  /** Asks something and waits for the reply, also over a reconnect. Rejects with RefusedError. */
  async ask(body: AskBody): Promise<Reply> {
    const ask = { ...body, id: this.#nextId++ };
    const reply = await new Promise<Reply>(resolve => {
      this.#pending.set(ask.id, { ask, resolve });
      if (this.#online) this.#socket?.send(JSON.stringify(ask));
    });
    if (!reply.ok) throw new RefusedError(reply.error ?? { kind: 'unknown', message: 'refused' });
    return reply;
  }

  /** Waits until something holds; looks after everything that arrives. `what` stands in the error of the deadline. */
  async waitFor<T>(
    what: string | (() => string),
    condition: () => T | undefined | false | null,
    timeoutMs = 60_000,
  ): Promise<T> {
    const deadline = AbortSignal.timeout(timeoutMs);
    for (;;) {
      if (this.#fault) throw this.#fault;
      const value = condition();
      if (value) return value;
      if (deadline.aborted) throw new Error(`waited ${timeoutMs} ms for ${typeof what === 'string' ? what : what()}`);
      await Promise.race([
        new Promise(resolve => this.#changes.once('change', resolve)),
        delay(250, undefined, { signal: deadline }).catch(() => undefined),
      ]);
    }
  }

  /** Waits until a run is over and everything of it has arrived. */
  async finished(runId: RunId, timeoutMs = 120_000): Promise<WatchedRun> {
    const run = await this.watch(runId);
    await this.waitFor(
      () => `the end of run ${runId}: ${this.#online ? 'online' : 'offline'}, ${run.soFar}`,
      () => {
        const summary = this.runs.get(runId);
        return run.isComplete || (summary && summary.seq === 0 && isOver(summary));
      },
      timeoutMs,
    );
    return run;
  }

  /** Cuts the link without a word, as a lost network does; it comes back by itself. */
  cut(): void {
    this.#socket?.terminate();
  }

  async close(): Promise<void> {
    this.#closed = true;
    const socket = this.#socket;
    if (!socket || socket.readyState === WebSocket.CLOSED) return;
    await new Promise<void>(resolve => {
      socket.once('close', () => resolve());
      socket.close(1000);
      setTimeout(() => socket.terminate(), 1000).unref();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #open(): Promise<void> {
    const { url, token, ca } = this.#options;
    const socket = new WebSocket(new URL('/v1/operator', url), {
      headers: { authorization: `Bearer ${token}` },
      perMessageDeflate: false,
      maxPayload: MAX_MESSAGE_BYTES,
      handshakeTimeout: 10_000,
      ...(ca && { ca }),
    });
    this.#socket = socket;
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    socket.on('error', () => undefined); // a close follows
    socket.on('close', () => this.#lost());
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      try {
        this.#take(data, isBinary);
      } catch (error) {
        this.#fault ??= error as Error;
      }
      this.#changes.emit('change');
    });
    this.#say({ type: 'hello', protocol: PROTOCOL, client: { name: 'nixfleet-terminal', version: '1' } });
  }

  #lost(): void {
    this.#online = false;
    this.#changes.emit('change');
    if (this.#closed) return;
    void (async () => {
      const isClosed = (): boolean => this.#closed;
      for (;;) {
        await delay(200);
        if (isClosed()) return;
        try {
          await this.#open();
        } catch {
          continue;
        }
        // closed while it opened
        if (isClosed()) this.#socket?.terminate();
        return;
      }
    })();
  }

  #say(message: OperatorMessage): void {
    this.#socket?.send(JSON.stringify(message));
  }

  #take(data: Buffer, isBinary: boolean): void {
    if (isBinary) {
      const decoded = decodeFrame(data);
      if (!decoded.ok) throw new Error(decoded.message);
      const run = this.#watched.get(decoded.frame.runId);
      if (run && !run.takeFrame(decoded.frame)) throw new Error(`the relay left a gap in ${decoded.frame.stream}`);
    } else {
      const decoded = decodeMessage(toOperatorMessageSchema, data.toString());
      if (!decoded.ok) throw new Error(decoded.detail);
      this.#takeMessage(decoded.message);
    }
  }

  #takeMessage(message: ToOperatorMessage): void {
    switch (message.type) {
      case 'welcome':
        break;
      case 'fleet':
        for (const host of message.hosts) this.#takeHost(host);
        if (message.last) this.#greeted();
        break;
      case 'host':
        this.#takeHost(message.host);
        break;
      case 'host-removed':
        this.hosts.delete(message.host);
        break;
      case 'run':
        this.runs.set(message.run.runId, message.run);
        if (this.#unknown.delete(message.run.runId)) this.#follow(message.run.runId);
        break;
      case 'events':
        this.#watched.get(message.runId)?.takeEvents(message.events);
        break;
      case 'reply': {
        if (message.run) this.runs.set(message.run.runId, message.run);
        const pending = this.#pending.get(message.id);
        this.#pending.delete(message.id);
        pending?.resolve(message);
        const followed = this.#followed.get(message.id);
        this.#followed.delete(message.id);
        if (followed !== undefined && message.error?.kind === 'no-such-run') this.#unknown.add(followed);
        break;
      }
      case 'stream-gone':
      // never asked for here
      case 'rollouts':
      case 'rollout':
        break;
      case 'error':
        throw new Error(`the relay says: ${message.message}`);
    }
  }

  #takeHost(host: FleetHost): void {
    this.hosts.set(host.host, host);
    for (const run of host.runs) {
      this.runs.set(run.runId, run);
      if (this.#online && this.#unknown.delete(run.runId)) this.#follow(run.runId);
    }
  }

  /** After every welcome: what was asked and not replied to is asked again, and runs are followed from where they are. */
  #greeted(): void {
    this.#online = true;
    for (const { ask } of this.#pending.values()) this.#say(ask);
    for (const runId of this.#watched.keys()) this.#follow(runId);
  }

  /** Follows a run from where it is. */
  #follow(runId: RunId): void {
    const run = this.#watched.get(runId);
    if (!run) return;
    const id = this.#nextId++;
    this.#followed.set(id, runId);
    this.#say({ type: 'subscribe', id, runId, afterSeq: run.state.seq, streams: run.positions() });
  }
}
