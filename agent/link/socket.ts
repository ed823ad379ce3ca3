import { WebSocket } from 'ws';
import { MAX_MESSAGE_BYTES } from '../../protocol/index.ts';
import type { AgentConfig } from '../config.ts';
import { OtherCertificate, relayTls } from './certificate.ts';
import { agentEndpoint, isLoopback } from './endpoint.ts';
import { readToken } from './token.ts';
import type { Trouble } from './trouble.ts';

export interface SocketEvents {
  opened(): void;
  text(message: string): void;
  /** A ping, a pong or a message. */
  heard(): void;
  /** Last, once. */
  lost(trouble: Trouble): void;
}

/** Everything that an open needs, read anew each time: token and certificate may have been replaced. */
export type LinkConfig = Pick<AgentConfig, 'relayUrl' | 'allowPlaintext' | 'tokenFile' | 'caFile' | 'fingerprint'>;

export type OpenResult =
  { readonly ok: true; readonly socket: WebSocket } | { readonly ok: false; readonly trouble: Trouble };

/** Begins to connect. What comes of it is told through `events`, unless nothing could be tried at all. */
export function openSocket(config: LinkConfig, events: SocketEvents, handshakeTimeout: number): OpenResult {
  const endpoint = agentEndpoint(config);
  if (!endpoint.ok) return unfit(endpoint.message, endpoint.advice);
  const token = readToken(config.tokenFile);
  if (!token.ok) return unfit(token.message, token.advice);
  const tls = relayTls(endpoint.url, config);
  if (!tls.ok) return unfit(tls.message, tls.advice);
  const socket = new WebSocket(endpoint.url, {
    headers: { authorization: `Bearer ${token.token}` },
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
    handshakeTimeout,
    followRedirects: false,
    // masks protect proxies that read along (RFC 6455, 10.3); below TLS and on this machine there are none
    ...((endpoint.url.protocol === 'wss:' || isLoopback(endpoint.url.hostname)) && { generateMask: noMask }),
    // @types/ws takes createConnection for that of node:net; it is handed on to node:http
    ...(tls.options as { ca?: string }),
  });
  listen(socket, endpoint.url, events);
  return { ok: true, socket };
}

function noMask(mask: Buffer): void {
  mask.fill(0);
}

function unfit(message: string, advice: string): OpenResult {
  return { ok: false, trouble: { kind: 'unfit', message, advice } };
}

function listen(socket: WebSocket, url: URL, events: SocketEvents): void {
  let trouble: Trouble | undefined;
  let isOpen = false;
  socket.on('unexpected-response', (request, response) => {
    trouble = { kind: 'rejected', status: response.statusCode ?? 0 };
    response.resume();
    request.destroy();
    events.lost(trouble);
  });
  socket.on('error', error => {
    // the relay's oversized or malformed frames come here as well; a close follows in every case
    trouble ??= { kind: 'unreachable', message: describeConnectError(error, url) };
  });
  socket.on('close', (code, reason) => {
    if (trouble?.kind === 'rejected') return;
    if (trouble && (!isOpen || code === ABNORMAL)) events.lost(trouble);
    else events.lost({ kind: 'closed', code, reason: printable(reason.toString()) });
  });
  socket.on('open', () => {
    isOpen = true;
    events.opened();
  });
  socket.on('message', (data: Buffer, isBinary: boolean) => {
    events.heard();
    // the relay has nothing binary to say to an agent
    if (!isBinary) events.text(data.toString('utf8'));
  });
  socket.on('ping', () => events.heard());
  socket.on('pong', () => events.heard());
}

/** RFC 6455: the connection broke without a close frame. */
const ABNORMAL = 1006;

/** Why a connection was not made, for people, with what to do where that is known. */
export function describeConnectError(error: Error, url: URL): string {
  if (error instanceof OtherCertificate) return error.message;
  const inner = error instanceof AggregateError && error.errors[0] instanceof Error ? error.errors[0] : error;
  const code = (inner as NodeJS.ErrnoException).code ?? '';
  const where = url.host;
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the name ${url.hostname} cannot be resolved`;
    case 'ECONNREFUSED':
      return `nobody listens at ${where}`;
    case 'ECONNRESET':
    case 'EPIPE':
      return `${where} broke the connection off`;
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ENETDOWN':
      return `there is no way to ${where}`;
    case 'ETIMEDOUT':
      return `${where} does not answer`;
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return `the certificate of ${where} is not one that this host trusts (${code}): set caFile to the relay's certificate, or fingerprint to its SHA-256`;
    case 'CERT_HAS_EXPIRED':
    case 'CERT_NOT_YET_VALID':
      return `the certificate of ${where} is not valid now (${code}): renew it, or look at this host's clock`;
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `the certificate of ${where} is for another name`;
    default:
      return `${where}: ${printable(inner.message || code || 'unknown error')}`;
  }
}

/** Text of the other side, fit for a log. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e\u00a0-\uffff]+/g, ' ').slice(0, 300);
}
