import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';

/** Where the relay listens. */
export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  /** A socket file: whoever may open it is on this machine. */
  | { readonly kind: 'unix'; readonly path: string };

/** An address that cannot be listened on, or must not be. The message says what to write instead. */
export class AddressError extends Error {
  override readonly name = 'AddressError';
}

/**
 * Reads `HOST:PORT`, `[IPV6]:PORT` or `unix:/PATH`.
 * @throws AddressError
 */
export function parseAddress(text: string): ListenAddress {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    if (!path.startsWith('/'))
      throw new AddressError(`${text}: a socket's path is absolute, such as unix:/run/nixfleet/relay.sock`);
    return { kind: 'unix', path };
  }
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65535) {
    throw new AddressError(`${text} is not an address: write HOST:PORT, [IPV6]:PORT or unix:/PATH`);
  }
  return { kind: 'tcp', host, port };
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Whether an IP address is one that only this machine reaches. */
export function isLoopback(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && loopback.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

/**
 * Refuses to carry tokens in clear text over a network.
 * @throws AddressError
 */
export async function refusePlaintext(address: ListenAddress): Promise<void> {
  if (address.kind === 'unix') return;
  const resolved = await lookup(address.host, { all: true }).catch(() => []);
  if (resolved.length > 0 && resolved.every(({ address: ip }) => isLoopback(ip))) return;
  throw new AddressError(
    `${address.host}:${address.port} would take tokens in clear text from the network. Give --cert and --key, ` +
      'or listen on 127.0.0.1 behind a proxy that does TLS; --allow-plaintext does it all the same',
  );
}

/** The address as a client writes it. */
export function addressUrl(address: ListenAddress, isTls: boolean): string {
  if (address.kind === 'unix') return `ws+unix:${address.path}`;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `${isTls ? 'wss' : 'ws'}://${host}:${address.port}`;
}
