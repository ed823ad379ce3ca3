/** A relay of one host for tests: says what it is told to, and keeps what an agent says as a relay must. */
import { EventEmitter } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import {
  agentMessageSchema,
  decodeFrame,
  decodeMessage,
  MAX_MESSAGE_BYTES,
  planChunk,
  START,
  STREAM_KINDS,
  type AgentMessage,
  type AnyRunEvent,
  type OutputFrame,
  type Position,
  type RunId,
  type StreamName,
  type ToAgentMessage,
} from '../../protocol/index.ts';

export interface StreamCopy {
  at: Position;
  chunks: Buffer[];
  ended: boolean;
  frames: number;
}

/** The relay's copy of one run. */
export interface Copy {
  events: AnyRunEvent[];
  streams: Record<StreamName, StreamCopy>;
}

export interface FakeRelayOptions {
  /** Ask for every run that an agent speaks of. On unless set to false. */
  readonly resume?: boolean;
  /** Answer the hello. On unless set to false. */
  readonly welcome?: boolean;
  readonly token?: string;
  readonly relayVersion?: string;
  readonly port?: number;
}

export class FakeRelay implements AsyncDisposable {
  readonly messages: AgentMessage[] = [];
  readonly frames: OutputFrame[] = [];
  readonly copies = new Map<RunId, Copy>();
  readonly closes: { code: number; reason: string }[] = [];
  connections = 0;
  rejections = 0;
  socket: WebSocket | undefined;
  options: FakeRelayOptions;
  readonly #server: WebSocketServer;
  readonly #changes = new EventEmitter().setMaxListeners(0);

  private constructor(server: WebSocketServer, options: FakeRelayOptions) {
    this.#server = server;
    this.options = options;
    server.on('connection', socket => this.#take(socket));
    server.on('wsClientError', () => this.#changed());
  }

  static async start(options: FakeRelayOptions = {}): Promise<FakeRelay> {
    const made: { relay?: FakeRelay } = {};
    const server = new WebSocketServer({
      host: '127.0.0.1',
      port: options.port ?? 0,
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
      verifyClient: ({ req }, done) => {
        const { token } = made.relay?.options ?? options;
        const fits = token === undefined || req.headers.authorization === `Bearer ${token}`;
        if (!fits && made.relay) made.relay.rejections++;
        done(fits, 401);
      },
    });
    await new Promise<void>((resolve, reject) => {
      server.once('listening', resolve);
      server.once('error', reject);
    });
    made.relay = new FakeRelay(server, options);
    return made.relay;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  say(message: ToAgentMessage | { type: string }): void {
    this.socket?.send(JSON.stringify(message));
  }

  copy(runId: RunId): Copy {
    let copy = this.copies.get(runId);
    if (!copy) {
      const stream = (): StreamCopy => ({ at: START, chunks: [], ended: false, frames: 0 });
      copy = { events: [], streams: { output: stream(), 'lock-before': stream(), 'lock-after': stream() } };
      this.copies.set(runId, copy);
    }
    return copy;
  }

  /** The bytes of a stream so far. */
  bytes(runId: RunId, stream: StreamName = 'output'): Buffer {
    return Buffer.concat(this.copy(runId).streams[stream].chunks);
  }

  /** Everything of a run has arrived. */
  isComplete(runId: RunId): boolean {
    const copy = this.copies.get(runId);
    return copy?.events.at(-1)?.type === 'ended' && Object.values(copy.streams).every(stream => stream.ended);
  }

  /** Waits until something holds. */
  async until<T>(what: string, condition: () => T | undefined | false | null, milliseconds = 8000): Promise<T> {
    const deadline = performance.now() + milliseconds;
    for (;;) {
      const value = condition();
      if (value) return value;
      if (performance.now() > deadline) throw new Error(`waited ${milliseconds} ms for ${what}`);
      await new Promise<void>(resolve => {
        const timer = setTimeout(done, 50);
        this.#changes.once('change', done);
        function done(): void {
          clearTimeout(timer);
          resolve();
        }
      });
    }
  }

  /** Waits for a message of a type, the first that fits. */
  message<T extends AgentMessage['type']>(
    type: T,
    fits: (message: Extract<AgentMessage, { type: T }>) => boolean = () => true,
  ): Promise<Extract<AgentMessage, { type: T }>> {
    type Wanted = Extract<AgentMessage, { type: T }>;
    return this.until(`a message ${type}`, () =>
      this.messages.find((message): message is Wanted => message.type === type && fits(message as Wanted)),
    );
  }

  /** Breaks the connection as a lost network does. */
  cut(): void {
    this.socket?.terminate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#server.clients) client.terminate();
    await new Promise(resolve => this.#server.close(resolve));
  }

  #take(socket: WebSocket): void {
    this.connections++;
    this.socket = socket;
    socket.on('error', () => undefined);
    socket.on('close', (code, reason) => {
      this.closes.push({ code, reason: reason.toString() });
      this.#changed();
    });
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      if (isBinary) this.#takeFrame(data);
      else this.#takeMessage(data.toString());
      this.#changed();
    });
    this.#changed();
  }

  #takeMessage(text: string): void {
    const decoded = decodeMessage(agentMessageSchema, text);
    if (!decoded.ok) throw new Error(decoded.detail);
    const { message } = decoded;
    this.messages.push(message);
    if (message.type === 'hello' && this.options.welcome !== false) {
      this.say({ type: 'welcome', protocol: 1, relayVersion: this.options.relayVersion ?? '0.1.0' });
    } else if (message.type === 'runs' && this.options.resume !== false) {
      for (const { runId } of message.runs) this.resume(runId);
    } else if (message.type === 'events') {
      const copy = this.copy(message.runId);
      for (const event of message.events) {
        if (event.seq !== copy.events.length + 1) throw new Error(`event ${event.seq} behind ${copy.events.length}`);
        copy.events.push(event);
      }
    }
  }

  /** Asks for what is missing of a run. */
  resume(runId: RunId): void {
    const copy = this.copy(runId);
    const streams = Object.fromEntries(
      (Object.keys(STREAM_KINDS) as StreamName[]).map(name => [name, copy.streams[name].at]),
    );
    this.say({ type: 'resume', runId, afterSeq: copy.events.length, streams });
  }

  #takeFrame(data: Buffer): void {
    const decoded = decodeFrame(data);
    if (!decoded.ok) throw new Error(decoded.message);
    const { frame } = decoded;
    this.frames.push({ ...frame, bytes: new Uint8Array(0) });
    const stream = this.copy(frame.runId).streams[frame.stream];
    const plan = planChunk(stream.at, frame.at, frame.bytes.length);
    if (plan.kind === 'gap') throw new Error(`a gap in ${frame.stream}: ${frame.at.offset} behind ${stream.at.offset}`);
    stream.frames++;
    if (plan.kind === 'append') {
      if (plan.cutTo !== undefined) stream.chunks = [Buffer.concat(stream.chunks).subarray(0, plan.cutTo)];
      stream.chunks.push(Buffer.from(frame.bytes.subarray(plan.skip)));
      stream.at = plan.next;
    }
    if (frame.end) stream.ended = true;
  }

  #changed(): void {
    this.#changes.emit('change');
  }
}
