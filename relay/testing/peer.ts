import { once } from 'node:events';
import { WebSocket, type ClientOptions } from 'ws';
import { until } from './wait.ts';

export interface PeerOptions extends ClientOptions {
  /** As `RunningRelay.addresses` has it. */
  readonly relay: string;
  readonly token?: string;
}

/** How the other side ended a connection. */
export interface Ending {
  readonly code: number;
  readonly reason: string;
}

/** One end of a WebSocket to a relay, for tests: says what it is told to say and keeps what it hears. */
export class Peer<Said extends { type: string }, Heard extends { type: string }> {
  readonly socket: WebSocket;
  readonly heard: Heard[] = [];
  readonly frames: Buffer[] = [];
  ending: Ending | undefined;
  onHeard: (message: Heard) => void = () => undefined;
  onFrame: (data: Buffer) => void = data => void this.frames.push(data);

  protected constructor(path: string, { relay, token, ...options }: PeerOptions) {
    const url = relay.startsWith('ws+unix:') ? `${relay}:${path}` : relay + path;
    this.socket = new WebSocket(url, {
      perMessageDeflate: false,
      ...options,
      headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...options.headers },
    });
    this.socket.on('message', (data, isBinary) => {
      if (isBinary) {
        this.onFrame(data as Buffer);
        return;
      }
      const message = JSON.parse((data as Buffer).toString()) as Heard;
      this.heard.push(message);
      this.onHeard(message);
    });
    this.socket.on('error', () => undefined);
    this.socket.on('close', (code, reason) => (this.ending = { code, reason: reason.toString() }));
  }

  /** Resolves with the HTTP status: 101 when there is a WebSocket. */
  async status(): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.socket.readyState === WebSocket.OPEN) resolve(101);
      this.socket.once('open', () => resolve(101));
      this.socket.once('unexpected-response', (request, response) => {
        resolve(response.statusCode ?? 0);
        request.destroy();
      });
      this.socket.once('error', reject);
    });
  }

  say(message: Said): void {
    this.socket.send(JSON.stringify(message));
  }

  sayRaw(data: string | Uint8Array): void {
    this.socket.send(data);
  }

  /** The first message of a type, heard already or soon, that is as wanted. */
  async hear<T extends Heard['type']>(
    type: T,
    wanted: (message: Extract<Heard, { type: T }>) => boolean = () => true,
  ): Promise<Extract<Heard, { type: T }>> {
    return until(`a message ${type}`, () => {
      const found = this.heard.find(message => message.type === type && wanted(message as never));
      if (!found && this.ending) throw new Error(`closed (${this.ending.code}) instead of a message ${type}`);
      return found as Extract<Heard, { type: T }> | undefined;
    });
  }

  async closed(): Promise<Ending> {
    return until('the close', () => this.ending);
  }

  async close(): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return;
    this.socket.close(1000);
    await once(this.socket, 'close');
  }

  /** Hangs up without a word, as a lost network does. */
  cut(): void {
    this.socket.terminate();
  }
}
