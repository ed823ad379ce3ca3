import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import { describe, it } from 'mocha';
import { temporaryFolder } from '../testing/harness.ts';
import { makeSelfSigned, selfSignedCertificate } from './self-signed.ts';
import { shownCertificate } from './shown-certificate.ts';

describe('a certificate that signs itself', () => {
  it('names what it is reached by, is signed by its own key, and never expires', () => {
    const names = ['relay.example.org', '192.168.1.20', 'fd00::1:0:20', '::ffff:10.0.0.1'];
    const certificate = new X509Certificate(makeSelfSigned(names));
    for (const ip of names.slice(1)) assert.equal(certificate.checkIP(ip), ip);
    assert.equal(certificate.checkHost('relay.example.org'), 'relay.example.org');
    assert.equal(certificate.checkHost('other.example.org'), undefined);
    assert.ok(certificate.verify(certificate.publicKey));
    assert.equal(certificate.ca, true);
    assert.ok(certificate.validFromDate.getTime() < Date.now());
    assert.equal(certificate.validToDate.getUTCFullYear(), 9999);
    assert.equal(shownCertificate(Buffer.from(makeSelfSigned(names))).selfSigned, true);
  });

  it('is accepted by whoever is given it as an authority', async () => {
    const pem = makeSelfSigned(['127.0.0.1']);
    const server = createServer({ cert: pem, key: pem }, socket => socket.end('hello')).listen(0, '127.0.0.1');
    try {
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const socket = connect({ host: '127.0.0.1', port, ca: pem });
      const [said] = (await once(socket, 'data')) as [Buffer];
      assert.equal(said.toString(), 'hello');
      assert.equal(socket.authorized, true);
      socket.destroy();
    } finally {
      server.close();
    }
  });

  it('is made once in a folder, for its owner alone', async () => {
    await using folder = await temporaryFolder();
    const dir = join(folder.path, 'relay');
    const { cert, key } = selfSignedCertificate(dir, ['127.0.0.1']);
    assert.equal(statSync(key).mode & 0o777, 0o600);
    const made = readFileSync(cert, 'utf8');
    assert.deepEqual(selfSignedCertificate(dir, ['10.0.0.1']), { cert, key });
    assert.equal(readFileSync(cert, 'utf8'), made);
    assert.deepEqual(readdirSync(dir), ['self-signed.pem']);
  });
});
