import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { nixcfgOptions } from './enrollment.ts';

const options = (url: string | undefined, selfSigned?: boolean): string =>
  nixcfgOptions('nixos', {
    host: 'web',
    url,
    owner: 'bea',
    certificate: selfSigned === undefined ? undefined : { fingerprint: 'AA:BB', selfSigned },
  });

describe('the options that make a host part of the fleet', () => {
  it('name the host, its relay, and whose checkout it is', () => {
    const text = options('wss://relay.example.org');
    for (const line of ['host = "web";', 'relayUrl = "wss://relay.example.org";', 'owner = "bea"; #']) {
      assert.ok(text.includes(`  ${line}`), line);
    }
    assert.match(options(undefined), /relayUrl = "wss:\/\/relay\.example\.org:7780";/);
  });

  it('pin a certificate that nobody vouches for, and no other', () => {
    assert.match(options('wss://10.0.0.1', true), /fingerprint = "AA:BB";/);
    assert.doesNotMatch(options('wss://10.0.0.1', false), /fingerprint/);
    assert.doesNotMatch(options('wss://10.0.0.1'), /fingerprint/);
  });

  it('allow clear text where it leaves the machine, and say so', () => {
    for (const url of ['ws://10.0.0.1:7780', 'ws://localhost.example.org', 'ws://127.example.org']) {
      assert.match(options(url), /allowPlaintext = true; # the relay has no certificate/, url);
    }
    for (const url of ['ws://127.0.0.1:7780', 'ws://localhost:7780', 'ws://[::1]:7780', 'wss://10.0.0.1']) {
      assert.doesNotMatch(options(url), /allowPlaintext/, url);
    }
  });
});
