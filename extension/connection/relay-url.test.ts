import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { parseRelayUrl, relayName } from './relay-url.ts';

function urlOf(text: string, allowPlain = false): string {
  const parsed = parseRelayUrl(text, allowPlain);
  return parsed.ok ? parsed.url : parsed.kind;
}

describe('the URL of a relay', () => {
  it('is taken as it is typed', () => {
    assert.equal(urlOf('wss://relay.example.org'), 'wss://relay.example.org');
    assert.equal(urlOf('  wss://relay.example.org:7780/ '), 'wss://relay.example.org:7780');
    assert.equal(urlOf('wss://example.org/fleet/'), 'wss://example.org/fleet');
    assert.equal(urlOf('WSS://Relay.Example.ORG'), 'wss://relay.example.org');
  });

  it('may be a web address, or an address as a program has it', () => {
    assert.equal(urlOf('https://relay.example.org/'), 'wss://relay.example.org');
    assert.equal(urlOf('http://localhost:7780'), 'ws://localhost:7780');
    assert.equal(urlOf('wss://relay.example.org/v1/operator'), 'wss://relay.example.org');
  });

  it('means TLS without a scheme, except on this machine', () => {
    assert.equal(urlOf('relay.example.org'), 'wss://relay.example.org');
    assert.equal(urlOf('relay.example.org:7780'), 'wss://relay.example.org:7780');
    assert.equal(urlOf('localhost:7780'), 'ws://localhost:7780');
    assert.equal(urlOf('127.0.0.1:7780'), 'ws://127.0.0.1:7780');
    assert.equal(urlOf('[::1]:7780'), 'ws://[::1]:7780');
    assert.equal(urlOf('wss://localhost:7780'), 'wss://localhost:7780');
  });

  it('does not change the port that was meant', () => {
    assert.equal(urlOf('http://localhost'), 'ws://localhost');
    assert.equal(urlOf('localhost'), 'ws://localhost');
    assert.equal(urlOf('wss://relay.example.org:443'), 'wss://relay.example.org');
    assert.equal(urlOf('wss://relay.example.org:80'), 'wss://relay.example.org:80');
  });

  it('does not send a token unencrypted to another machine unless that is allowed', () => {
    assert.equal(urlOf('ws://relay.example.org'), 'plain');
    assert.equal(urlOf('http://10.0.0.1:7780'), 'plain');
    assert.equal(urlOf('ws://127.0.0.1.example.org'), 'plain');
    assert.equal(urlOf('ws://relay.example.org', true), 'ws://relay.example.org');
  });

  it('is refused with the reason', () => {
    assert.equal(urlOf('  '), 'empty');
    assert.equal(urlOf('ftp://relay.example.org'), 'scheme');
    assert.equal(urlOf('wss://'), 'not-a-url');
    assert.equal(urlOf('relay example org'), 'not-a-url');
    assert.equal(urlOf('wss://ana:secret@relay.example.org'), 'credentials');
    assert.equal(urlOf('wss://relay.example.org:99999'), 'not-a-url');
  });

  it('stays the same when it is parsed again', () => {
    fc.assert(
      fc.property(fc.webUrl({ validSchemes: ['https', 'wss', 'ws'] }), text => {
        const once = urlOf(text, true);
        assert.equal(urlOf(once, true), once);
      }),
    );
  });

  it('is spoken of by host and port', () => {
    assert.equal(relayName('wss://relay.example.org:7780/fleet'), 'relay.example.org:7780');
    assert.equal(relayName('ws://127.0.0.1:7780'), '127.0.0.1:7780');
  });
});
