import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server } from 'node:https';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { after, before, beforeEach, describe, it } from 'mocha';
import { WebSocketServer } from 'ws';
import { checkRelay } from '../../agent/check/relay-check.ts';
import { agentConfigSchema } from '../../agent/config.ts';
import { openSocket } from '../../agent/link/socket.ts';
import { probeRelay } from '../../agent/runner/relay-probe.ts';
import { makeCertificate } from '../../relay/testing/certificates.ts';

describe('an agent and the certificate of its relay', function () {
  this.timeout(20_000);
  const folder = mkdtempSync(join(tmpdir(), 'nixfleet-tls-test-'));
  let server: Server;
  let port: number;
  /** What came through TLS, by the Authorization header and path. */
  const requests: string[] = [];
  const fingerprints = { relay: '', other: '' };

  before(async () => {
    const { cert, key } = makeCertificate(folder, 'relay');
    makeCertificate(folder, 'other');
    for (const name of ['relay', 'other'] as const)
      fingerprints[name] = new X509Certificate(readFileSync(join(folder, `${name}.crt`))).fingerprint256;
    writeFileSync(join(folder, 'token'), 'token');
    server = createServer({ cert: readFileSync(cert), key: readFileSync(key) });
    server.on('upgrade', request => requests.push(`${request.headers.authorization ?? ''} ${request.url ?? ''}`));
    server.on('request', (request, response) => {
      requests.push(request.url ?? '');
      response.end('ok');
    });
    new WebSocketServer({ server });
    await new Promise<void>(resolve => server.listen(0, '0.0.0.0', resolve));
    port = (server.address() as AddressInfo).port;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });

  beforeEach(() => requests.splice(0));

  const pinned = (more: Record<string, unknown>) =>
    agentConfigSchema.parse({
      host: 'web',
      relayUrl: `wss://127.0.0.1:${port}`,
      tokenFile: join(folder, 'token'),
      ...more,
    });

  const look = (caFile?: string, host = '127.0.0.1') =>
    checkRelay({
      relayUrl: `wss://${host}:${port}`,
      allowPlaintext: false,
      tokenFile: join(folder, 'token'),
      ...(caFile !== undefined && { caFile: join(folder, caFile) }),
    });

  it('meet when the certificate is the one that caFile names', async () => {
    assert.deepEqual((await look('relay.crt')).ok, true);
    assert.deepEqual((await look('relay.crt', 'localhost')).ok, true);
  });

  it('do not meet over a certificate that nobody vouches for, and the agent says what to set', async () => {
    for (const caFile of [undefined, 'other.crt']) {
      const finding = await look(caFile);
      assert.ok(!finding.ok);
      assert.match(finding.detail, /is not one that this host trusts .*set caFile/);
    }
  });

  it('do not meet under another name, or with a caFile that is not there', async () => {
    const otherName = await look('relay.crt', '127.0.0.2');
    assert.ok(!otherName.ok);
    assert.match(otherName.detail, /is for another name/);
    const missing = await look('none.crt');
    assert.ok(!missing.ok);
    assert.match(missing.detail, /caFile cannot be read/);
  });

  it('meet when it is the pinned one, whoever issued it and whatever name it is for', async () => {
    for (const fingerprint of [fingerprints.relay, fingerprints.relay.replaceAll(':', '').toLowerCase()])
      for (const host of ['127.0.0.1', 'localhost', '127.0.0.2']) {
        const config = pinned({ fingerprint, relayUrl: `wss://${host}:${port}`, caFile: join(folder, 'none.crt') });
        assert.deepEqual((await checkRelay(config)).ok, true, host);
        assert.deepEqual(await probeRelay(config), { reachable: true });
      }
    assert.equal(requests.filter(request => request === 'Bearer token /v1/agent').length, 6);
  });

  it('do not meet when another one is pinned: it is named, and no request is sent, let alone the token', async () => {
    const config = pinned({ fingerprint: fingerprints.other, caFile: join(folder, 'relay.crt') });
    const finding = await checkRelay(config);
    assert.ok(!finding.ok);
    assert.ok(finding.detail.includes(`the relay shows the certificate ${fingerprints.relay}, and not the one that`));
    assert.match(
      finding.detail,
      new RegExp(`fingerprint ${fingerprints.other}.*is 127\\.0\\.0\\.1:\\d+ the right relay`),
    );
    const probe = await probeRelay(config);
    assert.match(probe.reachable ? '' : probe.why, /and not the one that is configured/);
    assert.deepEqual(requests, []);
  });

  it('do not meet any more when the relay shows another one, however often they met before', async () => {
    const config = pinned({ fingerprint: fingerprints.relay });
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const show = (name: string): void =>
        server.setSecureContext({
          cert: readFileSync(join(folder, `${name}.crt`)),
          key: readFileSync(join(folder, `${name}.key`)),
          maxVersion: version,
        });
      show('relay');
      for (let i = 0; i < 3; i++) assert.equal((await checkRelay(config)).ok, true);
      requests.splice(0);
      show('other');
      assert.equal((await checkRelay(config)).ok, false);
      assert.deepEqual(requests, []);
      show('relay');
    }
  });

  it('do not meet over ws:// when one is pinned, and the agent says why', async () => {
    const finding = await checkRelay(pinned({ fingerprint: fingerprints.relay, relayUrl: `ws://127.0.0.1:${port}` }));
    assert.ok(!finding.ok);
    assert.match(finding.detail, /without TLS the relay shows no certificate/);
  });

  it('do not meet where nobody speaks TLS, or nobody answers', async () => {
    const silent = createTcpServer().listen(0, '127.0.0.1');
    const plain = createHttpServer((_, response) => response.end()).listen(0, '127.0.0.1');
    await Promise.all([once(silent, 'listening'), once(plain, 'listening')]);
    const portOf = (of: { address(): unknown }): number => (of.address() as AddressInfo).port;
    try {
      const config = (at: number) => pinned({ fingerprint: fingerprints.relay, relayUrl: `wss://127.0.0.1:${at}` });
      assert.equal((await checkRelay(config(portOf(plain)))).ok, false);
      const outcome = await new Promise<string>(resolve => {
        const opened = openSocket(
          config(portOf(silent)),
          {
            opened: () => resolve('opened'),
            text: () => undefined,
            heard: () => undefined,
            lost: trouble => resolve(trouble.kind === 'unreachable' ? trouble.message : trouble.kind),
          },
          200,
        );
        assert.ok(opened.ok);
      });
      assert.match(outcome, /does not answer|timed out/);
    } finally {
      silent.close();
      plain.close();
    }
  });
});
