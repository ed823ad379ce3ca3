// The first five minutes: from an empty window to a relay on this machine, an enrolled host, and its agent online; and again
// after the window was reloaded, and after the relay was killed.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'mocha';
import { isRunning } from '../../../extension/local-relay/process-identity.ts';
import { readState } from '../../../extension/local-relay/state-file.ts';
import { localUrl } from '../../../extension/local-relay/addresses.ts';
import { root } from '../../../scripts/test/files.ts';
import { oneStory } from '../../../scripts/test/one-story.ts';
import { FakeAgent } from '../../support/fake-agent.ts';
import { openWorkbench, waitUntil, type Theme, type Workbench } from '../workbench.ts';

const FLAKE = `{
  inputs.nixfleet.url = "github:nixfleet/nixfleet";
  outputs = { self, nixpkgs, nixfleet }: {
    nixosConfigurations.web1 = nixpkgs.lib.nixosSystem { };
    homeConfigurations."ana@laptop" = nixfleet.lib.home { };
  };
}
`;
const THEMES: readonly Theme[] = ['dark', 'light', 'high-contrast'];

describe('the first run', function () {
  oneStory(this);
  const opened = new AsyncDisposableStack();
  let workbench: Workbench;
  let stateFile: string;
  let agent: FakeAgent;

  before(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nixfleet-first-'));
    opened.defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
    const nixcfg = join(folder, 'nixcfg');
    mkdirSync(nixcfg);
    writeFileSync(join(nixcfg, 'flake.nix'), FLAKE);
    const dataDir = join(folder, 'vscode');
    stateFile = join(dataDir, 'data/User/globalStorage/nixfleet.nixfleet/local-relay/state.json');
    // nobody's child: it would outlive a test that fails. After the window, which would bring it back
    opened.defer(endRelay);
    workbench = opened.use(await openWorkbench({ folder: nixcfg, dataDir, extensions: [root] }));
    const context = workbench.page.context();
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    // half of the key by which a browser window keeps secrets comes from a part of the server that is not there
    await context.route('**/mint-key', route => route.fulfill({ body: Buffer.alloc(32, 7) }));
    await workbench.openContainer('NixFleet');
  });
  after(() => opened.disposeAsync());
  afterEach(function () {
    return workbench.keepFailure(this);
  });

  const relay = async (): Promise<{ readonly pid: number; readonly url: string } | undefined> => {
    const state = await readState(stateFile);
    if (!state?.process || !(await isRunning(state.process))) return undefined;
    return { pid: state.process.pid, url: localUrl(state.listen) };
  };
  async function endRelay(): Promise<void> {
    const left = await relay();
    if (left) process.kill(left.pid, 'SIGKILL');
  }
  const button = (name: string) => workbench.page.locator('.sidebar').getByRole('button', { name }).first();
  async function pictures(name: string): Promise<void> {
    for (const theme of THEMES) {
      await workbench.setTheme(theme);
      await workbench.picture(`first-run-${name}-${theme}`);
    }
    await workbench.setTheme('dark');
  }

  it('offers a relay that there is, and one on this machine', async () => {
    await button('Connect to a Relay').waitFor();
    await button('Start a Local Relay').waitFor();
    await pictures('welcome');
  });

  it('has a walkthrough from the relay to the first update', async () => {
    await workbench.command('NixFleet: Get Started');
    const steps = workbench.page.locator('.getting-started-step');
    await waitUntil('it has five steps', async () => (await steps.count()) === 5);
    await workbench.command('View: Toggle Primary Side Bar Visibility');
    await pictures('walkthrough');
    await workbench.openContainer('NixFleet');
  });

  it('starts a relay on this machine, and connects to it', async () => {
    await button('Start a Local Relay').click();
    await workbench.quickInput.getByText('On This Machine Only').waitFor();
    await workbench.picture('first-run-where');
    await workbench.pick('On This Machine Only');
    await workbench.notification('The local relay is running at').waitFor();
    await button('Enroll a Host').waitFor();
    assert.ok(await relay());
    await workbench.picture('first-run-no-hosts');
    await workbench.clearNotifications();
  });

  it('enrols a host of nixcfg: text to paste, and the token on the clipboard alone', async () => {
    await workbench.command('View: Close All Editors');
    await button('Enroll a Host').click();
    await workbench.pick('web1');
    await workbench.answer('Name of the host', 'web1');
    await workbench.answer('Login name of whoever has the checkout', 'ana');
    await workbench.tab('web1.md').waitFor();
    await workbench.page.locator('.editor-instance .view-line', { hasText: 'services.nixfleet-agent' }).waitFor();
    await workbench.notification('web1 is enrolled').waitFor();
    await pictures('enrolment');
    await workbench.answerNotification('web1 is enrolled', 'Copy Token');
    await workbench.notification('in the clipboard').waitFor();
    const token = await workbench.page.evaluate<string>('navigator.clipboard.readText()');
    assert.match(token, /^nixfleet_host_\S{43}$/);
    const url = (await relay())?.url ?? '';
    agent = opened.use(await FakeAgent.connect({ url, host: 'web1', token }));
    await workbench.treeItem('web1').filter({ hasText: '1.0.0' }).waitFor();
    await workbench.clearNotifications();
    await workbench.picture('first-run-host');
  });

  it('keeps no token where it could be read', () => {
    const log = readFileSync(join(stateFile, '../relay.log'), 'utf8');
    for (const text of [log, readFileSync(stateFile, 'utf8')]) assert.doesNotMatch(text, /nixfleet_(?:host|operator)_/);
  });

  it('is connected again after the window was reloaded', async () => {
    const before = await relay();
    await workbench.reload();
    await workbench.openContainer('NixFleet');
    await workbench.treeItem('web1').filter({ hasText: '1.0.0' }).waitFor();
    assert.deepEqual(await relay(), before, 'the relay is still that one');
  });

  it('brings a relay back that was killed, where it was', async () => {
    const before = await relay();
    assert.ok(before);
    process.kill(before.pid, 'SIGKILL');
    await waitUntil('another relay', async () => ![undefined, before.pid].includes((await relay())?.pid));
    assert.equal((await relay())?.url, before.url);
    const reconnected = (): Promise<boolean> =>
      agent.connect().then(
        () => true,
        () => false, // it runs, and does not listen yet
      );
    await waitUntil('the agent is back', reconnected);
    await workbench.treeItem('web1').filter({ hasText: '1.0.0' }).waitFor();
  });

  it('stops it when a person says so, and leaves it stopped', async () => {
    await workbench.command('NixFleet: Stop Local Relay');
    await workbench.notification('The local relay is stopped').waitFor();
    await button('Start a Local Relay').waitFor();
    assert.equal(await relay(), undefined);
  });
});
