import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { agentEndpoint, healthUrl } from './endpoint.ts';

const endpoint = (relayUrl: string, allowPlaintext = false) => agentEndpoint({ relayUrl, allowPlaintext });

describe("the relay's address", () => {
  it('is the path for agents below the URL of the relay', () => {
    for (const [given, wanted] of [
      ['wss://relay.example', 'wss://relay.example/v1/agent'],
      ['wss://relay.example:8443/', 'wss://relay.example:8443/v1/agent'],
      ['wss://example.org/fleet/', 'wss://example.org/fleet/v1/agent'],
      ['wss://relay.example/?x=1#y', 'wss://relay.example/v1/agent'],
    ] as const) {
      const result = endpoint(given);
      assert.equal(result.ok && result.url.href, wanted);
    }
  });

  it('has its health beside that', () => {
    assert.equal(healthUrl('wss://relay.example:8443').href, 'https://relay.example:8443/healthz');
    assert.equal(healthUrl('ws://127.0.0.1:7780/fleet/').href, 'http://127.0.0.1:7780/fleet/healthz');
  });

  it('may be plain on this machine', () => {
    for (const url of ['ws://127.0.0.1:7780', 'ws://127.8.8.8', 'ws://localhost:1', 'ws://[::1]:7780'])
      assert.ok(endpoint(url).ok, url);
  });

  it('may not be plain elsewhere, unless somebody says so', () => {
    for (const url of [
      'ws://relay.example',
      'ws://10.77.0.1:7780',
      'ws://127.0.0.1.example.org',
      'ws://localhost.example.org',
      'ws://0.0.0.0',
      'ws://[::ffff:10.0.0.1]',
    ]) {
      const result = endpoint(url);
      assert.ok(!result.ok, url);
      assert.match(result.message, /clear text/);
      assert.ok(endpoint(url, true).ok);
    }
  });
});
