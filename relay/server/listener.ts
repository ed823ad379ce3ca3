import { chmod, unlink } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { connect } from 'node:net';
import { AddressError, type ListenAddress } from './address.ts';
import type { Certificate } from './certificate.ts';

/** Milliseconds that a client has for the head of its request; what comes then is a WebSocket or answered at once. */
const HEAD_TIMEOUT = 10_000;

/** A server that listens. */
export interface Listener {
  readonly server: Server | TlsServer;
  /** With the port that it was given. */
  readonly address: ListenAddress;
  readonly isTls: boolean;
  setCertificate(certificate: Certificate): void;
  close(): Promise<void>;
}

/**
 * Listens on an address; with a certificate for TLS, unless it is a socket file.
 * @throws AddressError
 */
export async function listen(
  address: ListenAddress,
  certificate: Certificate | undefined,
  onRequest: RequestListener,
): Promise<Listener> {
  const options = { headersTimeout: HEAD_TIMEOUT, requestTimeout: HEAD_TIMEOUT, connectionsCheckingInterval: 2_000 };
  const tls =
    certificate && address.kind === 'tcp' ? createTlsServer({ ...options, ...certificate }, onRequest) : undefined;
  const server = tls ?? createServer(options, onRequest);
  if (address.kind === 'unix') await removeStaleSocket(address.path);
  await new Promise<void>((resolve, reject) => {
    server.once('error', error => reject(new AddressError(`cannot listen: ${error.message}`)));
    if (address.kind === 'unix') server.listen(address.path, resolve);
    else server.listen(address.port, address.host, resolve);
  });
  // its tokens are what protects the relay, not its socket's mode
  if (address.kind === 'unix') await chmod(address.path, 0o666);
  const bound = server.address();
  return {
    server,
    address: address.kind === 'tcp' && bound && typeof bound === 'object' ? { ...address, port: bound.port } : address,
    isTls: tls !== undefined,
    setCertificate: next => tls?.setSecureContext(next),
    close: () =>
      new Promise<void>(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A relay that was killed leaves its socket file behind, which nobody answers. */
async function removeStaleSocket(path: string): Promise<void> {
  const probe = connect(path);
  const isStale = await new Promise<boolean>(resolve => {
    probe.once('connect', () => resolve(false));
    probe.once('error', error => resolve('code' in error && error.code === 'ECONNREFUSED'));
    probe.setTimeout(1000, () => resolve(false));
  });
  probe.destroy();
  if (isStale) await unlink(path);
}
