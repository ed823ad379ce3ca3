// The Hosts view of somebody whose relay does not answer as it should, before there was ever a host to show: in place of rows
// it says what is the matter, and offers what mends it.
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'mocha';
import { root } from '../../../scripts/test/files.ts';
import { oneStory } from '../../../scripts/test/one-story.ts';
import { RelayProcess } from '../../support/relay-process.ts';
import { openWorkbench, type Workbench } from '../workbench.ts';

describe('the Hosts view without hosts', function () {
  oneStory(this);
  const opened = new AsyncDisposableStack();
  const sockets = new Set<Socket>();
  const silent = createServer(socket => sockets.add(socket.on('error', () => undefined)));
  let folder: string;
  let port: number;
  let workbench: Workbench;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'nixfleet-welcome-'));
    opened.defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
    silent.listen(0, '127.0.0.1');
    opened.defer(hangUp);
    await once(silent, 'listening');
    ({ port } = silent.address() as AddressInfo);
    const tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, 'nixfleet_operator_of-another-relay', { mode: 0o600 });
    mkdirSync(join(folder, 'nixcfg'));
    const env = { NIXFLEET_RELAY_URL: `ws://127.0.0.1:${port}`, NIXFLEET_RELAY_TOKEN_FILE: tokenFile };
    workbench = opened.use(await openWorkbench({ folder: join(folder, 'nixcfg'), extensions: [root], env }));
    await workbench.openContainer('NixFleet');
  });

  after(() => opened.disposeAsync());

  afterEach(function () {
    return workbench.keepFailure(this);
  });

  /** Nobody listens there any more. */
  function hangUp(): void {
    silent.close();
    for (const socket of sockets) socket.destroy();
  }

  const says = (words: string): Promise<void> =>
    workbench.page.locator('.sidebar').getByText(words).first().waitFor({ timeout: 60_000 });
  const press = (name: string): Promise<void> =>
    workbench.page.locator('.sidebar').getByRole('button', { name }).first().click();

  async function pictures(name: string): Promise<void> {
    for (const theme of ['light', 'high-contrast', 'dark'] as const) {
      await workbench.setTheme(theme);
      await workbench.picture(`welcome-${name}-${theme}`);
    }
  }

  it('says that it connects', async () => {
    await says('Connecting to the relay…');
    await workbench.picture('welcome-connecting');
  });

  it('says when nothing comes back, and goes on trying', async () => {
    await says('The relay cannot be reached. Trying again…');
    await pictures('unreachable');
  });

  it('says when nobody listens there', async () => {
    hangUp();
    await press('Try Again');
    await says('The relay refused the connection.');
    await pictures('refused');
  });

  it('says when the token is not one of that relay, and asks for another one', async () => {
    const relay = opened.use(
      await RelayProcess.start({
        data: join(folder, 'relay'),
        log: join(folder, 'relay.log'),
        listen: [`127.0.0.1:${port}`],
      }),
    );
    await press('Try Again');
    await says('The relay did not accept the token.');
    await pictures('token-rejected');
    await press('Connect with Another Token…');
    await workbench.answer('(1/2)', relay.url);
    await workbench.answer('(2/2)', await relay.operator('ana'));
    await says('The relay has no hosts yet.');
  });
});
