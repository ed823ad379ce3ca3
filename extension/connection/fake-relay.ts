import { once } from 'node:events';
import { createServer as createHttpServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import {
  operatorMessageSchema,
  encodeFrame,
  type OperatorMessage,
  type OutputFrame,
  type ToOperatorMessage,
} from '../../protocol/index.ts';

/** A relay that does what a test says, on a port of this machine. Only for tests. */
export class FakeRelay implements AsyncDisposable {
  readonly heard: OperatorMessage[] = [];
  readonly tokens: (string | undefined)[] = [];
  /** The operator that is connected, the newest. */
  socket: WebSocket | undefined;
  /** What it does with a message; by default it welcomes and has no hosts. */
  onMessage: (message: OperatorMessage, relay: FakeRelay) => void = (message, relay) => {
    if (message.type === 'hello') relay.welcome();
  };
  readonly #server: Server;
  readonly #sockets: WebSocketServer;

  private constructor(server: Server) {
    this.#server = server;
    this.#sockets = new WebSocketServer({ server, path: '/v1/operator' });
    this.#sockets.on('connection', (socket, request) => {
      this.socket = socket;
      this.tokens.push(request.headers.authorization);
      socket.on('message', (data: Buffer) => {
        const message = operatorMessageSchema.parse(JSON.parse(data.toString()));
        this.heard.push(message);
        this.onMessage(message, this);
      });
    });
  }

  static async start(): Promise<FakeRelay> {
    const server = createHttpServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FakeRelay(server);
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  say(...messages: readonly ToOperatorMessage[]): void {
    for (const message of messages) this.socket?.send(JSON.stringify(message));
  }

  welcome(): void {
    const now = Date.now();
    this.say({ type: 'welcome', protocol: 1, relayVersion: '1.0.0', operator: 'ana', now });
  }

  send(frame: OutputFrame): void {
    this.socket?.send(encodeFrame(frame));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#sockets.close();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** Waits until something holds, for tests; rejects after two seconds. */
export async function eventually<T>(condition: () => T | undefined | false): Promise<T> {
  const deadline = Date.now() + 2000;
  for (;;) {
    const value = condition();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`never: ${condition.toString()}`);
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}
