import assert from 'node:assert/strict';
import type { NetworkInterfaceInfo } from 'node:os';
import { describe, it } from 'mocha';
import { localUrl, machineAddresses } from './addresses.ts';

const info = (address: string, internal = false): NetworkInterfaceInfo => {
  const common = { address, netmask: '', mac: '', internal, cidr: null };
  return address.includes(':') ? { ...common, family: 'IPv6', scopeid: 0 } : { ...common, family: 'IPv4' };
};

describe('the addresses of this machine', () => {
  it('are those that others reach, IPv4 first', () => {
    const found = machineAddresses({
      lo: [info('127.0.0.1', true), info('::1', true)],
      eth0: [info('fd00::5'), info('fe80::1'), info('192.168.1.20')],
      usb0: [info('169.254.7.7')],
      tailscale0: [info('100.64.0.9')],
      down: undefined,
    });
    assert.deepEqual(found, [
      { address: '192.168.1.20', network: 'eth0' },
      { address: '100.64.0.9', network: 'tailscale0' },
      { address: 'fd00::5', network: 'eth0' },
    ]);
  });

  it('make a URL, with TLS wherever it leaves this machine', () => {
    assert.equal(localUrl({ host: '127.0.0.1', port: 7780 }), 'ws://127.0.0.1:7780');
    assert.equal(localUrl({ host: '10.0.0.5', port: 1 }), 'wss://10.0.0.5:1');
    assert.equal(localUrl({ host: 'fd00::5', port: 7780 }), 'wss://[fd00::5]:7780');
  });
});
