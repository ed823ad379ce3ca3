/** Which certificate of the relay is good enough: one that the system or `caFile` vouches for, or the one that is pinned. */
import { readFileSync } from 'node:fs';
import type { ClientRequestArgs } from 'node:http';
import { isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect, type ConnectionOptions } from 'node:tls';
import type { AgentConfig } from '../config.ts';

/** Options of a request to the relay, for ws and for node:https. */
export type RelayTls =
  | { readonly ok: true; readonly options: { ca?: string } | { createConnection: CreateConnection } }
  | { readonly ok: false; readonly message: string; readonly advice: string };

type CreateConnection = (
  options: ClientRequestArgs,
  done: (error: Error | null, socket: Duplex) => void,
) => Socket | null | undefined;

/** The relay showed another certificate than the pinned one. Nothing was sent to it. */
export class OtherCertificate extends Error {
  override readonly name = 'OtherCertificate';

  constructor(where: string, shown: string, pinned: string) {
    super(
      `the relay shows the certificate ${inBytes(shown)}, and not the one that is configured (fingerprint ${inBytes(pinned)}): ` +
        `is ${where} the right relay? If its certificate was renewed, put what nixfleet-relay prints at its start into the configuration`,
    );
  }
}

/** How the relay at that URL has to prove who it is. Files are read anew each time. */
export function relayTls(url: URL, config: Pick<AgentConfig, 'caFile' | 'fingerprint'>): RelayTls {
  const { caFile, fingerprint } = config;
  const isTls = url.protocol === 'wss:' || url.protocol === 'https:';
  if (fingerprint !== undefined) {
    if (isTls) return { ok: true, options: { createConnection: pinnedConnection(fingerprint) } };
    return {
      ok: false,
      message: 'a fingerprint is configured, but without TLS the relay shows no certificate',
      advice: 'Use wss:// in relayUrl, or take the fingerprint out of the configuration.',
    };
  }
  if (caFile === undefined || !isTls) return { ok: true, options: {} };
  try {
    return { ok: true, options: { ca: readFileSync(caFile, 'utf8') } };
  } catch (error) {
    return {
      ok: false,
      message: `caFile cannot be read: ${(error as Error).message}`,
      advice: "It holds the relay's certificate, PEM.",
    };
  }
}

/**
 * Connects and hands the connection over only once the certificate on it is the pinned one, so that no request, and no
 * token, is written before. A name, an issuer and a date are not asked for. No session is resumed: in a resumed one no
 * certificate is shown.
 * @param fingerprint SHA-256 of the certificate, 64 hexadecimal digits
 */
function pinnedConnection(fingerprint: string): CreateConnection {
  return (options, done) => {
    const { host, servername, port, timeout, signal, family, lookup } = options as ClientRequestArgs &
      ConnectionOptions;
    const name = host ?? 'localhost';
    const socket = connect({
      host: name,
      port: Number(port),
      servername: servername ?? (isIP(name) ? '' : name),
      rejectUnauthorized: false,
      ...(timeout !== undefined && { timeout }),
      ...(family !== undefined && { family }),
      ...(lookup && { lookup }),
      ...(signal && { signal }),
    });
    const fail = (error: Error): void => {
      socket.destroy();
      done(error, socket);
    };
    const onTimeout = (): void =>
      fail(Object.assign(new Error('the TLS handshake took too long'), { code: 'ETIMEDOUT' }));
    socket.once('error', fail);
    socket.once('timeout', onTimeout);
    socket.once('secureConnect', () => {
      socket.removeListener('error', fail);
      socket.removeListener('timeout', onTimeout);
      const shown = socket.getPeerX509Certificate()?.fingerprint256.replaceAll(':', '').toLowerCase() ?? '';
      if (shown === fingerprint && !socket.isSessionReused()) done(null, socket);
      else fail(new OtherCertificate(`${name}:${String(port)}`, shown, fingerprint));
    });
    return undefined;
  };
}

/** As openssl and nixfleet-relay write it: `AA:BB:…`. */
function inBytes(fingerprint: string): string {
  return fingerprint === '' ? 'none' : (fingerprint.toUpperCase().match(/../g)?.join(':') ?? fingerprint);
}
