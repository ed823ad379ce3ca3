import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readFileSync, renameSync } from 'node:fs';
import { get } from 'node:https';
import { connect, createServer } from 'node:net';
import { TLSSocket } from 'node:tls';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { WebSocket } from 'ws';
import { startRelay } from '../relay.ts';
import { makeCertificate } from '../testing/certificates.ts';
import { Harness, temporaryFolder } from '../testing/harness.ts';
import { until } from '../testing/wait.ts';
import { AddressError } from './address.ts';

/** The name in the certificate that a server shows now. */
function servedBy(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(url, { rejectUnauthorized: false, agent: false }, response => {
      response.resume();
      if (response.socket instanceof TLSSocket) resolve(String(response.socket.getPeerCertificate().subject.CN));
      else reject(new Error('no TLS'));
    });
    request.once('error', reject);
  });
}

describe('listening', () => {
  it('takes wss with a certificate, and nothing else on that address', async () => {
    await using folder = await temporaryFolder();
    const certificate = makeCertificate(folder.path, 'one');
    await using harness = await Harness.start({ certificate });
    assert.match(harness.url, /^wss:\/\/127\.0\.0\.1:\d+$/);
    const ca = readFileSync(certificate.cert);
    const ana = await harness.operator('ana', { ca });
    await harness.agent('web', { ca });
    await until('the host', () => ana.hosts.get('web')?.online);

    const stranger = new WebSocket(`${harness.url}/v1/operator`, { headers: { authorization: 'Bearer x' } });
    const error = await new Promise<Error>(resolve => stranger.once('error', resolve));
    assert.match(error.message, /self-signed/, 'who does not trust the certificate sends no token');
    const plain = new WebSocket(`${harness.url.replace('wss:', 'ws:')}/v1/operator`);
    await new Promise(resolve => plain.once('error', resolve));
  });

  it('uses a new certificate without a restart, when both files belong together', async () => {
    await using folder = await temporaryFolder();
    const files = makeCertificate(folder.path, 'one');
    const next = makeCertificate(folder.path, 'two');
    await using harness = await Harness.start({ certificate: files, timings: { certificate: 10 } });
    const url = `${harness.url.replace('wss:', 'https:')}/healthz`;
    const ana = await harness.operator('ana', { ca: readFileSync(files.cert) });
    assert.equal(await servedBy(url), 'one');
    // as a renewal does it: another file under the same name
    copyFileSync(next.cert, join(folder.path, 'new.crt'));
    renameSync(join(folder.path, 'new.crt'), files.cert);
    await new Promise(resolve => setTimeout(resolve, 60));
    assert.equal(await servedBy(url), 'one', 'the key does not fit yet');
    copyFileSync(next.key, files.key);
    await until('the new one', async () => (await servedBy(url)) === 'two');
    assert.equal(ana.ending, undefined, 'who is connected stays');
  });

  it('does not start with a certificate that cannot be used', async () => {
    await using folder = await temporaryFolder();
    const one = makeCertificate(folder.path, 'one');
    const two = makeCertificate(folder.path, 'two');
    const start = (cert: string, key: string) =>
      startRelay({ store: join(folder.path, 'data'), listen: ['127.0.0.1:0'], certificate: { cert, key } });
    await assert.rejects(
      start(one.cert, two.key),
      /^CertificateError: the key .*two\S* cannot be used with .*mismatch/,
    );
    await assert.rejects(
      start(join(folder.path, 'none'), one.key),
      /^CertificateError: the certificate \S+none does not exist$/,
    );
    await assert.rejects(
      start(one.key, one.key),
      /^CertificateError: the certificate \S+ is not a PEM certificate chain/,
    );
    await assert.rejects(start(one.cert, folder.path), /^CertificateError: the key \S+|^CertificateError: the key of/);
    assert.equal(existsSync(join(folder.path, 'data')), false);
  });

  it('takes no tokens in clear text from the network, unless it was told to', async () => {
    await using folder = await temporaryFolder();
    const start = (allowPlaintext: boolean) =>
      startRelay({ store: folder.path, listen: ['0.0.0.0:0'], allowPlaintext });
    await assert.rejects(start(false), (error: unknown) => {
      assert.ok(error instanceof AddressError);
      assert.match(error.message, /--cert and --key.*--allow-plaintext/s);
      return true;
    });
    const relay = await start(true);
    assert.match(relay.addresses[0] ?? '', /^ws:\/\/0\.0\.0\.0:\d+$/);
    await relay.close();
  });

  it('is possible on a socket file, also when a killed relay left one there', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'relay.sock');
    const killed = createServer().listen(path);
    await until('the socket', () => existsSync(path));
    // closing removes the file, being killed does not
    renameSync(path, `${path}.kept`);
    await new Promise(resolve => killed.close(resolve));
    renameSync(`${path}.kept`, path);
    await using harness = await Harness.start({ listen: [`unix:${path}`, '127.0.0.1:0'] });
    assert.equal(harness.relay.addresses.length, 2);
    const ana = await harness.operator();
    await harness.agent('web');
    await until('the host', () => ana.hosts.get('web')?.online);
    await using other = await temporaryFolder();
    await assert.rejects(startRelay({ store: other.path, listen: [`unix:${path}`] }), /cannot listen.*EADDRINUSE/);
  });

  it('fails with a clear word, and leaves nothing behind, when the address is taken', async () => {
    await using harness = await Harness.start();
    await using folder = await temporaryFolder();
    const taken = harness.url.replace('ws://', '');
    await assert.rejects(
      startRelay({ store: folder.path, listen: ['127.0.0.1:0', taken] }),
      /cannot listen.*EADDRINUSE/,
    );
    // the folder is free again
    const relay = await startRelay({ store: folder.path, listen: ['127.0.0.1:0'] });
    await relay.close();
    await relay.close();
  });

  it('is not hurt by what is not HTTP', async () => {
    await using harness = await Harness.start();
    const { hostname, port } = new URL(harness.url);
    for (const bytes of [
      Buffer.from('\x16\x03\x01 hello'),
      Buffer.from('GET / HTTP/9\r\n\r\n'),
      Buffer.alloc(100_000, 'A'),
    ]) {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => undefined);
      socket.write(bytes);
      await until(
        'the end',
        () => socket.closed || socket.readableEnded || socket.readableLength > 0 || socket.bytesRead > 0,
      );
      socket.destroy();
    }
    await harness.operator();
  });
});
