// Connect to a Relay… where it does not work: each reason is said in the box in which it can be mended.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'mocha';
import { CloseCode } from '../../../protocol/index.ts';
import { FakeRelay } from '../../../extension/connection/fake-relay.ts';
import { TEST_CERTIFICATE } from '../../../extension/connection/test-certificate.ts';
import { root } from '../../../scripts/test/files.ts';
import { openWorkbench, type Workbench } from '../workbench.ts';

describe('connecting to a relay in vain', () => {
  const opened = new AsyncDisposableStack();
  const urls = new Map<string, string>();
  let workbench: Workbench;

  async function port(server: Server): Promise<number> {
    opened.defer(() => void server.close());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  before(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nixfleet-connect-'));
    opened.defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
    const newer = opened.use(await FakeRelay.start());
    newer.onMessage = () => newer.socket?.close(CloseCode.protocolTooOld, 'protocol-too-old');
    const http = await port(createHttpServer((_request, response) => response.writeHead(404).end()));
    const closed = createHttpServer();
    const free = await port(closed);
    closed.close();
    urls.set('not a NixFleet relay', `ws://127.0.0.1:${http}`);
    urls.set('does not speak TLS', `wss://127.0.0.1:${http}`);
    urls.set(
      'signed by nobody whom this machine trusts',
      `wss://127.0.0.1:${await port(createHttpsServer(TEST_CERTIFICATE))}`,
    );
    urls.set('refused the connection', `ws://127.0.0.1:${free}`);
    urls.set('no longer serves this version of the extension', newer.url);
    workbench = opened.use(await openWorkbench({ folder, extensions: [root] }));
    await workbench.openContainer('NixFleet');
    await workbench.page.getByRole('button', { name: 'Connect to a Relay' }).first().waitFor();
  });
  after(() => opened.disposeAsync());
  afterEach(function () {
    return workbench.keepFailure(this);
  });

  for (const words of [
    'not a NixFleet relay',
    'does not speak TLS',
    'signed by nobody whom this machine trusts',
    'refused the connection',
    'no longer serves this version of the extension',
  ]) {
    it(`says: ${words}`, async () => {
      await workbench.command('NixFleet: Connect to a Relay…');
      await workbench.answer('URL of the relay', urls.get(words) ?? '');
      await workbench.answer('Operator token', 'a-token');
      await workbench.quickInput.getByText(words).waitFor();
      await workbench.page.keyboard.press('Escape');
      await workbench.quickInput.waitFor({ state: 'hidden' });
    });
  }
});
