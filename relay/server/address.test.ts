import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { AddressError, addressUrl, isLoopback, parseAddress, refusePlaintext } from './address.ts';

describe('an address to listen on', () => {
  it('is a host and a port, or a socket file', () => {
    assert.deepEqual(parseAddress('127.0.0.1:7780'), { kind: 'tcp', host: '127.0.0.1', port: 7780 });
    assert.deepEqual(parseAddress('[::1]:0'), { kind: 'tcp', host: '::1', port: 0 });
    assert.deepEqual(parseAddress('localhost:65535'), { kind: 'tcp', host: 'localhost', port: 65535 });
    assert.deepEqual(parseAddress('unix:/run/relay.sock'), { kind: 'unix', path: '/run/relay.sock' });
  });

  it('is nothing else', () => {
    for (const text of [
      '',
      '7780',
      ':7780',
      'host',
      'host:',
      'host:port',
      '::1:7780',
      '127.0.0.1:65536',
      'unix:relay.sock',
      'unix:',
    ])
      assert.throws(() => parseAddress(text), AddressError, text);
  });

  it('is written as a client writes it', () => {
    assert.equal(addressUrl(parseAddress('[::1]:80'), false), 'ws://[::1]:80');
    assert.equal(addressUrl(parseAddress('relay:443'), true), 'wss://relay:443');
    assert.equal(addressUrl(parseAddress('unix:/r.sock'), true), 'ws+unix:/r.sock');
  });

  it('takes tokens in clear text only where nobody else can read them', async () => {
    for (const ip of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1']) assert.equal(isLoopback(ip), true, ip);
    for (const ip of ['0.0.0.0', '::', '10.0.0.1', '128.0.0.1', 'localhost', '::ffff:10.0.0.1'])
      assert.equal(isLoopback(ip), false, ip);
    await refusePlaintext(parseAddress('127.0.0.1:0'));
    await refusePlaintext(parseAddress('localhost:0'));
    await refusePlaintext(parseAddress('unix:/run/relay.sock'));
    for (const text of ['0.0.0.0:7780', '[::]:7780', '192.0.2.1:7780', 'no.such.name.invalid:7780'])
      await assert.rejects(refusePlaintext(parseAddress(text)), AddressError, text);
  });
});
