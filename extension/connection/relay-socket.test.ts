import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { CloseCode, MAX_FRAME_PAYLOAD, type RunId, type ToOperatorMessage } from '../../protocol/index.ts';
import { ENGLISH } from '../base/locale.ts';
import { FakeRelay, eventually } from './fake-relay.ts';
import { openRelaySocket, type RelaySocket } from './relay-socket.ts';
import { TEST_CERTIFICATE } from './test-certificate.ts';
import type { Trouble } from './trouble.ts';
import { troubleWords } from './trouble-words.ts';

const CLIENT = { name: 'test', version: '1' };

/** Connects and tells everything that came. */
class Attempt {
  readonly messages: ToOperatorMessage[] = [];
  readonly unknown: string[] = [];
  frames = 0;
  opened = false;
  trouble: Trouble | undefined;
  ends = 0;
  readonly socket: RelaySocket;

  constructor(url: string, fingerprint?: string) {
    this.socket = openRelaySocket({ url, token: 'secret', fingerprint }, CLIENT, {
      onOpen: () => (this.opened = true),
      onHeard: () => undefined,
      onMessage: message => this.messages.push(message),
      onFrame: () => (this.frames += 1),
      onUnknown: detail => this.unknown.push(detail),
      onEnd: trouble => {
        this.ends += 1;
        this.trouble = trouble;
      },
    });
  }

  async end(): Promise<Trouble> {
    return eventually(() => this.trouble);
  }
}

/** Servers of the test that runs. */
const servers: Server[] = [];

async function listening(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A server that answers every upgrade with an HTTP status. */
async function answering(status: number): Promise<string> {
  const server = createHttpServer((_request, response) => response.writeHead(status).end());
  server.on('upgrade', (_request, socket) => socket.end(`HTTP/1.1 ${status} No\r\nConnection: close\r\n\r\n`));
  return `ws://127.0.0.1:${await listening(server)}`;
}

describe('a socket to the relay', () => {
  let relay: FakeRelay;

  beforeEach(async () => {
    relay = await FakeRelay.start();
  });

  afterEach(async () => {
    for (const server of servers.splice(0)) server.close();
    await relay[Symbol.asyncDispose]();
  });

  it('shows the token in the header, and says hello', async () => {
    const attempt = new Attempt(relay.url);
    await eventually(() => attempt.messages[0]?.type === 'welcome');
    assert.deepEqual(relay.tokens, ['Bearer secret']);
    assert.deepEqual(relay.heard, [{ type: 'hello', protocol: 1, client: CLIENT, features: ['rollouts'] }]);
    attempt.socket.close();
    await eventually(() => relay.socket?.readyState === 3);
    assert.equal(attempt.ends, 0, 'who closes does not need to be told');
  });

  it('leaves with the relay what it does not read', async () => {
    const attempt = new Attempt(relay.url);
    await eventually(() => attempt.messages.length === 1);
    attempt.socket.pause();
    // more than the buffers of a connection hold
    const bytes = new Uint8Array(MAX_FRAME_PAYLOAD);
    const runId = '01JTESTTESTTESTTESTTESTTES' as RunId;
    for (let i = 0; i < 400; i++)
      relay.send({ runId, stream: 'output', at: { epoch: 0, offset: i * bytes.length }, time: 1, end: false, bytes });
    relay.say({ type: 'host-removed', host: 'web' });
    await eventually(() => (relay.socket?.bufferedAmount ?? 0) > 5_000_000);
    assert.ok(attempt.frames < 10);
    attempt.socket.resume();
    await eventually(() => attempt.messages.length === 2);
    assert.equal(attempt.frames, 400);
    attempt.socket.pause();
    attempt.socket.close();
    await eventually(() => relay.socket?.readyState === 3);
  });

  it('goes to the path below which the relay is served', async () => {
    const attempt = new Attempt(`${relay.url}/fleet`);
    assert.equal((await attempt.end()).kind, 'not-a-relay');
  });

  describe('that does not come about', () => {
    it('says that a name was not found', async () => {
      const attempt = new Attempt('ws://relay.invalid:7780');
      assert.deepEqual(await attempt.end(), { kind: 'name-not-found', host: 'relay.invalid' });
    });

    it('says that nobody listens', async () => {
      const server = createServer();
      const port = await listening(server);
      server.close();
      await once(server, 'close');
      assert.deepEqual(await new Attempt(`ws://127.0.0.1:${port}`).end(), { kind: 'connection-refused' });
      assert.deepEqual(await new Attempt(`ws://localhost:${port}`).end(), { kind: 'connection-refused' });
    });

    for (const [status, trouble] of [
      [401, { kind: 'token-rejected' }],
      [403, { kind: 'forbidden', detail: 'HTTP 403' }],
      [404, { kind: 'not-a-relay', detail: 'HTTP 404' }],
      [200, { kind: 'not-a-relay', detail: 'HTTP 200' }],
      [302, { kind: 'not-a-relay', detail: 'HTTP 302' }],
      [503, { kind: 'unavailable', status: 503 }],
    ] as const) {
      it(`knows what HTTP ${status} means`, async () => {
        const url = await answering(status);
        const attempt = new Attempt(url);
        assert.deepEqual(await attempt.end(), trouble);
        assert.equal(attempt.ends, 1);
      });
    }

    it('says that the other end does not speak TLS', async () => {
      const url = await answering(200);
      assert.deepEqual(await new Attempt(url.replace('ws:', 'wss:')).end(), { kind: 'no-tls' });
    });

    it('says what is wrong with a certificate', async () => {
      const port = await listening(createHttpsServer(TEST_CERTIFICATE));
      const trouble = await new Attempt(`wss://localhost:${port}`).end();
      assert.equal(trouble.kind, 'certificate');
      assert.equal(trouble.code, 'DEPTH_ZERO_SELF_SIGNED_CERT');
    });

    it('asks nothing but the fingerprint of a certificate that is pinned', async () => {
      const server = createHttpsServer(TEST_CERTIFICATE);
      const asked = new Promise<string | undefined>(resolve => {
        server.once('upgrade', ({ headers }, socket) => {
          resolve(headers.authorization);
          socket.end('HTTP/1.1 401 No\r\nConnection: close\r\n\r\n');
        });
      });
      const url = `wss://127.0.0.1:${await listening(server)}`;
      const trouble = await new Attempt(url, new X509Certificate(TEST_CERTIFICATE.cert).fingerprint256).end();
      assert.equal(trouble.kind, 'token-rejected');
      assert.equal(await asked, 'Bearer secret');
    });

    it('sends nothing to whoever shows another certificate than the pinned one', async () => {
      const server = createHttpsServer(TEST_CERTIFICATE);
      let asked = 0;
      server.on('request', () => (asked += 1)).on('upgrade', () => (asked += 1));
      const url = `wss://127.0.0.1:${await listening(server)}`;
      const trouble = await new Attempt(url, Array<string>(32).fill('AB').join(':')).end();
      assert.ok(trouble.kind === 'certificate' && trouble.code === 'OTHER_CERTIFICATE');
      assert.match(
        troubleWords(trouble, 'relay', ENGLISH),
        /relay shows another certificate .* Is it the right relay\?$/,
      );
      assert.equal(asked, 0);
    });

    it('says that what answers is not even a web server', async () => {
      const server = createServer(socket => socket.resume().end('220 mail.example.org ESMTP\r\n'));
      const port = await listening(server);
      assert.equal((await new Attempt(`ws://127.0.0.1:${port}`).end()).kind, 'not-a-relay');
    });
  });

  describe('that was open', () => {
    for (const [code, kind] of [
      [CloseCode.revoked, 'token-revoked'],
      [CloseCode.protocolTooOld, 'too-old'],
      [CloseCode.tooSlow, 'too-slow'],
      [CloseCode.normal, 'going-down'],
      [CloseCode.forbidden, 'forbidden'],
      [1011, 'lost'],
    ] as const) {
      it(`knows what close ${code} means`, async () => {
        const attempt = new Attempt(relay.url);
        await eventually(() => attempt.messages.length > 0);
        relay.socket?.close(code);
        assert.equal((await attempt.end()).kind, kind);
        assert.equal(attempt.ends, 1);
      });
    }

    it('keeps what the relay said before it hung up', async () => {
      const attempt = new Attempt(relay.url);
      await eventually(() => attempt.messages.length > 0);
      relay.say({ type: 'error', kind: 'too-old', message: 'Protocol 1 is no longer served.' });
      relay.socket?.close(CloseCode.protocolTooOld);
      assert.deepEqual(await attempt.end(), { kind: 'too-old', detail: 'Protocol 1 is no longer served.' });
    });

    it('was lost when it broke without a word', async () => {
      const attempt = new Attempt(relay.url);
      await eventually(() => attempt.messages.length > 0);
      relay.socket?.terminate();
      assert.deepEqual(await attempt.end(), { kind: 'lost', code: 1006 });
    });

    it('is not one to a relay when the first words are not a welcome', async () => {
      relay.onMessage = () => relay.socket?.send('{"jsonrpc":"2.0"}');
      assert.equal((await new Attempt(relay.url).end()).kind, 'not-a-relay');
    });

    it('tells that the relay speaks only newer words than it was asked for', async () => {
      relay.onMessage = () => relay.say({ type: 'welcome', protocol: 99, relayVersion: '9', operator: 'ana', now: 0 });
      assert.deepEqual(await new Attempt(relay.url).end(), { kind: 'too-old' });
    });

    it('tells that the relay is too old for this extension', async () => {
      relay.onMessage = () => relay.say({ type: 'welcome', protocol: 0, relayVersion: '0.0.9', operator: 'a', now: 0 });
      assert.deepEqual(await new Attempt(relay.url).end(), { kind: 'relay-too-old', version: '0.0.9' });
    });

    it('goes over what only a newer relay says', async () => {
      const attempt = new Attempt(relay.url);
      await eventually(() => attempt.messages.length > 0);
      relay.socket?.send('{"type":"weather","sunny":true}');
      relay.say({ type: 'fleet', hosts: [], last: true });
      await eventually(() => attempt.messages[1]?.type === 'fleet');
      assert.match(attempt.unknown[0] ?? '', /weather/);
    });

    it('ends when the relay speaks nonsense', async () => {
      for (const nonsense of ['{', '{"type":"fleet"}', Buffer.from([9, 9, 9])]) {
        const attempt = new Attempt(relay.url);
        await eventually(() => attempt.messages.length > 0);
        relay.socket?.send(nonsense);
        assert.equal((await attempt.end()).kind, 'failed');
      }
    });

    it('takes no message beyond the limit', async () => {
      const attempt = new Attempt(relay.url);
      await eventually(() => attempt.messages.length > 0);
      relay.socket?.send(`"${'x'.repeat(2 * 1024 * 1024)}"`);
      await attempt.end();
      assert.equal(attempt.ends, 1);
    });
  });
});
