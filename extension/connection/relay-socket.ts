import { WebSocket } from 'ws';
import {
  decodeFrame,
  decodeMessage,
  MAX_MESSAGE_BYTES,
  OLDEST_RELAY_PROTOCOL,
  PROTOCOL,
  ROLLOUTS,
  toOperatorMessageSchema,
  type OperatorMessage,
  type OutputFrame,
  type ToOperatorMessage,
} from '../../protocol/index.ts';
import { pinnedConnection } from './pinned-connection.ts';
import { troubleOfClose, troubleOfError, troubleOfStatus, type Trouble } from './trouble.ts';

/** A relay and the right to speak to it. */
export interface RelayTarget {
  /** `wss://host[:port][/prefix]`, or `ws://`. */
  readonly url: string;
  readonly token: string;
  /** SHA-256 of the one certificate that is accepted, `AA:BB:…`; without it the system's authorities decide. */
  readonly fingerprint?: string | undefined;
  /** It is the relay that this machine runs for its windows, by the id of its data. */
  readonly local?: string | undefined;
}

export interface ClientInfo {
  readonly name: string;
  readonly version: string;
}

export interface SocketHandlers {
  /** The upgrade went through and the hello is out. */
  onOpen(): void;
  /** Anything came, a ping or pong too. */
  onHeard(): void;
  onMessage(message: ToOperatorMessage): void;
  onFrame(frame: OutputFrame): void;
  /** A message of a type that only a newer relay knows. */
  onUnknown(detail: string): void;
  /** Once, and the last. */
  onEnd(trouble: Trouble): void;
}

export interface RelaySocket {
  send(message: OperatorMessage): void;
  ping(): void;
  /** Reads no more until `resume`; what the relay has meanwhile waits there. A little that was read already still comes. */
  pause(): void;
  resume(): void;
  /** Ends it without another word to the handlers. */
  close(): void;
}

/** Milliseconds that the relay has to answer a close. */
const CLOSE_WITHIN = 1000;

/** Opens one connection to `/v1/operator`, says hello, and says precisely how it ended. Never throws. */
export function openRelaySocket(target: RelayTarget, client: ClientInfo, handlers: SocketHandlers): RelaySocket {
  const url = new URL(target.url);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/v1/operator`;
  const socket = new WebSocket(url, {
    headers: { authorization: `Bearer ${target.token}` },
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
    ...(target.fingerprint !== undefined && { createConnection: pinnedConnection(target.fingerprint) }),
  });
  let over = false;
  let greeted = false;
  let said: string | undefined;

  const end = (trouble: Trouble): void => {
    if (over) return;
    over = true;
    socket.terminate();
    handlers.onEnd(trouble);
  };

  const say = (message: OperatorMessage): void => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  };

  const takeText = (text: string): void => {
    const decoded = decodeMessage(toOperatorMessageSchema, text);
    if (!decoded.ok) {
      if (!greeted) end({ kind: 'not-a-relay', detail: decoded.detail });
      else if (decoded.kind === 'unknown-type') handlers.onUnknown(decoded.detail);
      else end({ kind: 'failed', detail: `the relay sent something that is not a message: ${decoded.detail}` });
      return;
    }
    const { message } = decoded;
    if (message.type === 'error') said = message.message;
    else if (message.type === 'welcome') {
      if (message.protocol > PROTOCOL) {
        end({ kind: 'too-old' });
        return;
      }
      if (message.protocol < OLDEST_RELAY_PROTOCOL) {
        end({ kind: 'relay-too-old', version: message.relayVersion });
        return;
      }
      greeted = true;
    }
    handlers.onMessage(message);
  };

  const takeFrame = (data: Buffer): void => {
    const decoded = decodeFrame(data);
    if (decoded.ok) handlers.onFrame(decoded.frame);
    else end({ kind: 'failed', detail: `the relay sent something that is not output: ${decoded.message}` });
  };

  socket.on('open', () => {
    if (over) return;
    say({ type: 'hello', protocol: PROTOCOL, client, features: [ROLLOUTS] });
    handlers.onOpen();
  });
  socket.on('message', (data: Buffer, isBinary) => {
    if (over) return;
    handlers.onHeard();
    if (isBinary) takeFrame(data);
    else takeText(data.toString());
  });
  for (const event of ['ping', 'pong'] as const) socket.on(event, () => over || handlers.onHeard());
  socket.on('unexpected-response', (_request, response) => {
    response.destroy();
    end(troubleOfStatus(response.statusCode ?? 0));
  });
  socket.on('error', error => end(troubleOfError(error, url.hostname)));
  socket.on('close', (code, reason) => end(troubleOfClose(code, said ?? (reason.toString() || undefined))));

  return {
    send: say,
    ping: () => {
      if (socket.readyState === WebSocket.OPEN) socket.ping();
    },
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    close: () => {
      over = true;
      // the answer to it is read
      if (socket.isPaused) socket.resume();
      socket.close(1000);
      const timer = setTimeout(() => socket.terminate(), CLOSE_WITHIN);
      socket.once('close', () => clearTimeout(timer));
    },
  };
}
