import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'mocha';
import { WebSocketServer } from 'ws';
import { checkRelay } from '../../agent/check/relay-check.ts';
import { makeCertificate } from '../../relay/testing/certificates.ts';

describe('an agent and the certificate of its relay', function () {
  this.timeout(20_000);
  const folder = mkdtempSync(join(tmpdir(), 'nixfleet-tls-test-'));
  let server: Server;
  let port: number;

  before(async () => {
    const { cert, key } = makeCertificate(folder, 'relay');
    makeCertificate(folder, 'other');
    writeFileSync(join(folder, 'token'), 'token');
    server = createServer({ cert: readFileSync(cert), key: readFileSync(key) });
    new WebSocketServer({ server });
    await new Promise<void>(resolve => server.listen(0, '0.0.0.0', resolve));
    port = (server.address() as AddressInfo).port;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
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
});
