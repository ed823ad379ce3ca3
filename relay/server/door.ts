import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { MAX_MESSAGE_BYTES } from '../../protocol/index.ts';
import type { Backbone, TokenOwner } from '../backbone/backbone.ts';
import { bearerToken, hashToken } from '../tokens.ts';
import { pathOf } from './http.ts';

const KINDS: Record<string, TokenOwner['kind']> = { '/v1/agent': 'host', '/v1/operator': 'operator' };

/** Why somebody is not let in. */
export type Refusal = 'path' | 'origin' | 'token' | 'store';

const STATUS: Record<Refusal, number> = { path: 404, origin: 403, token: 401, store: 503 };

export interface DoorOptions {
  readonly backbone: Backbone;
  /** Origins of web pages that may connect. Programs send none. */
  readonly origins: readonly string[];
  readonly onConnection: (socket: WebSocket, owner: TokenOwner, tokenHash: string) => void;
  readonly onRefused: (refusal: Refusal, request: IncomingMessage, error?: unknown) => void;
}

/** Lets in who may come in: checks path, origin and token before there is a WebSocket. */
export class Door {
  readonly #options: DoorOptions;
  readonly #sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: MAX_MESSAGE_BYTES });

  constructor(options: DoorOptions) {
    this.#options = options;
  }

  /** For the `upgrade` of an HTTP server. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // whoever hangs up while the token is looked up is nobody's problem
    socket.on('error', () => undefined);
    void this.#admit(request).then(admitted => {
      if (admitted.kind === 'refused') {
        this.#options.onRefused(admitted.refusal, request, admitted.error);
        refuse(socket, STATUS[admitted.refusal]);
        return;
      }
      this.#sockets.handleUpgrade(request, socket, head, ws => {
        this.#options.onConnection(ws, admitted.owner, admitted.tokenHash);
      });
    });
  }

  async #admit(request: IncomingMessage): Promise<Admitted> {
    const kind = KINDS[pathOf(request)];
    if (!kind) return { kind: 'refused', refusal: 'path' };
    const { origin, authorization } = request.headers;
    if (origin !== undefined && !this.#options.origins.includes(origin)) return { kind: 'refused', refusal: 'origin' };
    const token = bearerToken(authorization);
    if (token === undefined) return { kind: 'refused', refusal: 'token' };
    const tokenHash = hashToken(token);
    try {
      const owner = await this.#options.backbone.tokenOwner(tokenHash);
      return owner?.kind === kind ? { kind: 'admitted', owner, tokenHash } : { kind: 'refused', refusal: 'token' };
    } catch (error) {
      return { kind: 'refused', refusal: 'store', error };
    }
  }
}

type Admitted =
  | { readonly kind: 'admitted'; readonly owner: TokenOwner; readonly tokenHash: string }
  | { readonly kind: 'refused'; readonly refusal: Refusal; readonly error?: unknown };

function refuse(socket: Duplex, status: number): void {
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, 'Connection: close', 'Content-Length: 0'];
  if (status === 401) head.push('WWW-Authenticate: Bearer');
  socket.end(`${head.join('\r\n')}\r\n\r\n`);
}
