import type { NetworkInterfaceInfo } from 'node:os';

/** Where a relay listens that only this machine reaches. */
export const LOOPBACK = '127.0.0.1';

export interface MachineAddress {
  readonly address: string;
  /** The network interface that has it. */
  readonly network: string;
}

/** The addresses by which other machines may reach this one: IPv4 first, and none that is only good on one link. */
export function machineAddresses(
  networks: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>,
): readonly MachineAddress[] {
  const found = Object.entries(networks).flatMap(([network, infos = []]) =>
    infos.filter(isReachable).map(({ address, family }) => ({ address, network, family })),
  );
  return found.sort((a, b) => a.family.localeCompare(b.family)).map(({ address, network }) => ({ address, network }));
}

function isReachable({ address, family, internal }: NetworkInterfaceInfo): boolean {
  return !internal && !(family === 'IPv4' ? address.startsWith('169.254.') : /^fe[89ab]/i.test(address));
}

/** `wss://10.0.0.5:7780`: how clients reach a relay that listens there. On loopback it does no TLS. */
export function localUrl({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host === LOOPBACK ? 'ws' : 'wss'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
