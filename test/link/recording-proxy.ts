import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer, type RawData } from 'ws';

/** A line of a transcript: see protocol/transcripts/README.md. */
export interface TranscriptLine {
  readonly from: 'agent' | 'relay' | 'operator';
  readonly connects?: true;
  readonly text?: { readonly type: string };
  readonly frame?: string;
}

/** Of what an operator says, what an agent hears of. */
const PASSED_ON = new Set(['update-agent', 'cancel', 'refresh']);

/** Stands between a relay and its peers, passes every message on, and writes down what agents say and hear. */
export class RecordingProxy implements AsyncDisposable {
  readonly lines: TranscriptLine[] = [];
  readonly #server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });

  static async to(url: string): Promise<RecordingProxy> {
    const proxy = new RecordingProxy();
    proxy.#server.on('connection', (near, request) => {
      const { authorization = '' } = request.headers;
      const far = new WebSocket(new URL(request.url ?? '', url), {
        headers: { authorization },
        perMessageDeflate: false,
      });
      proxy.#join(near, far, request.url === '/v1/agent');
    });
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #join(near: WebSocket, far: WebSocket, isAgent: boolean): void {
    const opened = once(far, 'open').then(() => {
      if (isAgent) this.lines.push({ from: 'agent', connects: true });
    });
    opened.catch(() => near.terminate());
    near.on('message', (data, isBinary) => {
      opened.then(
        () => {
          this.#note(isAgent ? 'agent' : 'operator', data, isBinary);
          far.send(data as Buffer, { binary: isBinary });
        },
        () => undefined,
      );
    });
    far.on('message', (data, isBinary) => {
      if (isAgent) this.#note('relay', data, isBinary);
      near.send(data as Buffer, { binary: isBinary });
    });
    // what one side sent before it went still reaches the other
    near.on('close', () => far.close());
    far.on('close', () => near.terminate());
    for (const socket of [near, far]) socket.on('error', () => undefined);
  }

  #note(from: TranscriptLine['from'], data: RawData, isBinary: boolean): void {
    if (isBinary) {
      this.lines.push({ from, frame: (data as Buffer).toString('base64') });
      return;
    }
    const text = JSON.parse((data as Buffer).toString()) as { type: string };
    if (from !== 'operator' || PASSED_ON.has(text.type)) this.lines.push({ from, text });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate();
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }
}
