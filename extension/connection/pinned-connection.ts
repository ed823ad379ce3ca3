import type { ClientRequestArgs } from 'node:http';
import { isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect } from 'node:tls';

/** The code of the error of a relay that showed another certificate than the pinned one. Nothing was sent to it. */
export const OTHER_CERTIFICATE = 'OTHER_CERTIFICATE';

type CreateConnection = (
  options: ClientRequestArgs,
  done: (error: Error | null, socket: Duplex) => void,
) => Socket | null | undefined;

/**
 * Connects, and hands the connection over only once the certificate on it is the pinned one: no token is written before.
 * Name, issuer and date are not asked for. No session is resumed, because a resumed one shows no certificate.
 * @param fingerprint SHA-256 of the certificate, `AA:BB:…`
 */
export function pinnedConnection(fingerprint: string): CreateConnection {
  return ({ host, port, timeout }, done) => {
    const name = host ?? 'localhost';
    const socket = connect({
      host: name,
      port: Number(port),
      servername: isIP(name) ? '' : name,
      rejectUnauthorized: false,
      ...(timeout !== undefined && { timeout }),
    });
    const fail = (error: Error): void => {
      socket.destroy();
      done(error, socket);
    };
    socket.once('error', fail);
    socket.once('secureConnect', () => {
      socket.removeListener('error', fail);
      const shown = socket.getPeerX509Certificate()?.fingerprint256 ?? '';
      if (shown === fingerprint && !socket.isSessionReused()) done(null, socket);
      else
        fail(Object.assign(new Error(`it shows ${shown}, and ${fingerprint} is pinned`), { code: OTHER_CERTIFICATE }));
    });
    return undefined;
  };
}
