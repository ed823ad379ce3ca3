/**
 * An agent without a host: it speaks the protocol to a real relay, and a test says what its runs do. It resumes by
 * position as a real one does, so that links can be cut under it.
 */
import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { WebSocket } from 'ws';
import {
  decodeMessage,
  encodeFrame,
  PROTOCOL,
  toAgentMessageSchema,
  type AgentInfo,
  type AgentMessage,
  type BuildProgress,
  type HostStatus,
  type Position,
  type RunId,
  type StreamName,
  type ToAgentMessage,
} from '../../protocol/index.ts';
import { FakeRun } from './fake-run.ts';

export type Asked = Extract<ToAgentMessage, { type: 'update-agent' }>;

export interface FakeAgentOptions {
  /** Such as `ws://127.0.0.1:7780`. */
  readonly url: string;
  readonly host: string;
  readonly token: string;
  readonly agent?: Partial<AgentInfo>;
  readonly status?: Partial<HostStatus>;
  /** What it does when it is asked for an update; without it the run is accepted and waits for the test. */
  readonly onAsked?: (run: FakeRun, asked: Asked) => void;
  /** What it does when it is asked for its status; without it the status is said again, checked anew. */
  readonly onRefresh?: (agent: FakeAgent) => void;
}

/** How far the relay was sent a run on the present connection. */
interface Sent {
  seq: number;
  readonly streams: Map<StreamName, { at: Position; end: boolean }>;
}

export class FakeAgent implements AsyncDisposable {
  readonly runs = new Map<RunId, FakeRun>();
  readonly asked: Asked[] = [];
  readonly cancelled: RunId[] = [];
  readonly #options: FakeAgentOptions;
  readonly #sent = new Map<RunId, Sent>();
  readonly #changes = new EventEmitter().setMaxListeners(0);
  #socket: WebSocket | undefined;
  #greeted = false;
  #info: AgentInfo;
  #status: HostStatus;

  private constructor(options: FakeAgentOptions) {
    this.#options = options;
    this.#info = {
      instance: randomUUID(),
      bootId: randomUUID(),
      version: '1.0.0',
      rev: 'a'.repeat(40),
      platform: 'nixos',
      system: 'x86_64-linux',
      attribute: `nixosConfigurations."${options.host}"`,
      launcher: 'systemd',
      ...options.agent,
    };
    this.#status = { at: Date.now(), problems: [], ...options.status };
  }

  /** Connects and waits for the welcome. */
  static async connect(options: FakeAgentOptions): Promise<FakeAgent> {
    const agent = new FakeAgent(options);
    await agent.connect();
    return agent;
  }

  get status(): HostStatus {
    return this.#status;
  }

  /** Connects again, after {@link cut} or {@link disconnect}, perhaps as another agent. */
  async connect(info: Partial<AgentInfo> = {}): Promise<void> {
    this.#info = { ...this.#info, ...info };
    const socket = new WebSocket(new URL('/v1/agent', this.#options.url), {
      headers: { authorization: `Bearer ${this.#options.token}` },
      perMessageDeflate: false,
    });
    this.#socket = socket;
    socket.on('message', (data: Buffer) => this.#take(data.toString()));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#greeted = false;
      this.#sent.clear();
      this.#changes.emit('change');
    });
    await once(socket, 'open');
    this.#say({ type: 'hello', protocol: PROTOCOL, host: this.#options.host, agent: this.#info });
    await this.waitFor('the welcome', () => this.#greeted);
  }

  /** Says another status; what is not named stays. */
  sayStatus(part: Partial<HostStatus>): void {
    this.#status = { ...this.#status, at: Date.now(), ...part };
    this.#say({ type: 'status', status: this.#status });
  }

  /** Says how far the build of a run is. */
  sayProgress(runId: RunId, progress: BuildProgress): void {
    this.#say({ type: 'progress', runId, progress });
  }

  /** The run that it was asked for last, once it was. */
  async nextRun(): Promise<FakeRun> {
    const before = this.asked.length;
    return this.waitFor('a request', () => {
      const asked = this.asked[before];
      return asked && this.runs.get(asked.runId);
    });
  }

  /** Waits until something holds, looking after every message. */
  async waitFor<T>(what: string, condition: () => T | undefined | false, timeoutMs = 30_000): Promise<T> {
    const deadline = AbortSignal.timeout(timeoutMs);
    for (;;) {
      const value = condition();
      if (value) return value;
      try {
        await once(this.#changes, 'change', { signal: deadline });
      } catch {
        throw new Error(`${this.#options.host} waited ${timeoutMs} ms for ${what}`);
      }
    }
  }

  /** Loses the link without a word. */
  cut(): void {
    this.#socket?.terminate();
  }

  /** Goes down in order. */
  async disconnect(): Promise<void> {
    const socket = this.#socket;
    if (!socket || socket.readyState === WebSocket.CLOSED) return;
    const closed = once(socket, 'close');
    socket.close(1000);
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.disconnect();
  }

  #say(message: AgentMessage): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #take(text: string): void {
    const decoded = decodeMessage(toAgentMessageSchema, text);
    if (!decoded.ok) throw new Error(`the relay said to ${this.#options.host}: ${decoded.detail}`);
    this.#onMessage(decoded.message);
    this.#changes.emit('change');
  }

  #onMessage(message: ToAgentMessage): void {
    switch (message.type) {
      case 'welcome':
        this.#greeted = true;
        this.#say({ type: 'runs', runs: [...this.runs.values()].map(run => run.describe()) });
        this.#say({ type: 'status', status: this.#status });
        return;
      case 'update-agent':
        this.#begin(message);
        return;
      case 'cancel':
        this.cancelled.push(message.runId);
        this.#say({ type: 'cancel-result', runId: message.runId, accepted: true, message: 'It will be cancelled.' });
        return;
      case 'refresh':
        if (this.#options.onRefresh) this.#options.onRefresh(this);
        else this.#checkedAgain();
        return;
      case 'resume': {
        const sent: Sent = { seq: message.afterSeq, streams: new Map() };
        for (const [name, at] of Object.entries(message.streams) as [StreamName, Position][]) {
          sent.streams.set(name, { at, end: false });
        }
        this.#sent.set(message.runId, sent);
        this.#sendMore(message.runId);
        return;
      }
      case 'rewind':
        this.#sent.get(message.runId)?.streams.set(message.stream, { at: message.to, end: false });
        this.#sendMore(message.runId);
        return;
      case 'events-ack':
      case 'error':
        return;
    }
  }

  #checkedAgain(): void {
    const { upstream } = this.#status;
    const checkedAt = Math.max(Date.now(), (upstream?.checkedAt ?? 0) + 1);
    this.sayStatus(upstream ? { upstream: { ...upstream, checkedAt } } : {});
  }

  /** The same id is the same run. */
  #begin(asked: Asked): void {
    this.asked.push(asked);
    const known = this.runs.get(asked.runId);
    const run = known ?? new FakeRun(asked.runId);
    this.runs.set(asked.runId, run);
    run.onMore = () => this.#sendMore(asked.runId);
    this.#say({ type: 'request-result', runId: asked.runId, accepted: true });
    this.#say({ type: 'runs', runs: [run.describe()] });
    if (!known) this.#options.onAsked?.(run, asked);
  }

  #sendMore(runId: RunId): void {
    const run = this.runs.get(runId);
    const sent = this.#sent.get(runId);
    if (!run || !sent) return;
    const events = run.events.slice(sent.seq);
    for (let i = 0; i < events.length; i += 100) this.#say({ type: 'events', runId, events: events.slice(i, i + 100) });
    sent.seq = run.events.length;
    for (const [name, stream] of sent.streams) {
      const { frames, at } = run.framesAfter(name, stream.at, stream.end);
      for (const frame of frames) this.#socket?.send(encodeFrame(frame));
      sent.streams.set(name, { at, end: stream.end || frames.at(-1)?.end === true });
    }
  }
}
