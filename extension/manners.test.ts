import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { after, before, describe, it } from 'mocha';
import type { ExtensionContext } from 'vscode';
import type { OperatorMessage } from '../protocol/index.ts';
import type { NixFleetApi } from './api.ts';
import { eventually, FakeRelay } from './connection/fake-relay.ts';
import { aRollout, aRun, anEndedRun, anOutdatedHost, NO_COUNTS, NOW, runId } from './fleet/samples.ts';
import { loadExtension, type Loaded } from './testing/load.ts';

/** An entry of a menu. */
interface Entry {
  readonly command: string;
}

const TOKEN = 'MARK-of-a-token-7f3a9c';
const RUN = runId(1);

describe('the extension from activate to its end', function () {
  this.timeout(30_000);
  let vscode: Loaded['vscode'];
  let extension: Loaded['extension'];
  let unload: Loaded['unload'];
  let storage: string;
  let relay: FakeRelay;

  before(async () => {
    ({ vscode, extension, unload } = await loadExtension());
    storage = mkdtempSync(join(tmpdir(), 'manners-'));
    relay = await FakeRelay.start();
    relay.onMessage = answer;
  });
  after(async () => {
    await relay[Symbol.asyncDispose]();
    rmSync(storage, { recursive: true, force: true });
    unload();
  });

  function answer(message: OperatorMessage): void {
    if (message.type === 'hello') {
      relay.welcome();
      relay.say({ type: 'fleet', hosts: [anOutdatedHost('web', { runs: [aRun(1)] })], last: true });
    } else if ('id' in message) relay.say({ type: 'reply', id: message.id, ok: true });
  }

  /** Lives once, connected to the relay, and ends as VS Code ends it. */
  async function live(during: (api: NixFleetApi) => Promise<void>, remembered: object = {}): Promise<void> {
    const workspaceState = new vscode.Memento();
    for (const [key, value] of Object.entries(remembered)) await workspaceState.update(key, value);
    const subscriptions: { dispose(): unknown }[] = [];
    const secrets = new vscode.SecretStorage();
    await secrets.store('nixfleet.relay', JSON.stringify({ url: relay.url, token: TOKEN }));
    const context = {
      ...{ subscriptions, secrets, extensionUri: vscode.Uri.file('/extension') },
      ...{ workspaceState, globalState: new vscode.Memento() },
      ...{ storageUri: vscode.Uri.file(storage), globalStorageUri: vscode.Uri.file(storage) },
      extensionMode: vscode.ExtensionMode.Test,
    };
    const api = extension.activate(context as unknown as ExtensionContext);
    assert.ok(api);
    await eventually(() => api.fleet.hosts.has('web'));
    await during(api);
    await extension.deactivate();
    for (const subscription of subscriptions.reverse()) subscription.dispose();
  }

  /** Opens a panel and a channel, lets output come, cancels, and loses the link for a moment. */
  async function work(api: NixFleetApi): Promise<void> {
    const row = { kind: 'run', host: 'web', runId: RUN };
    await vscode.commands.executeCommand('nixfleet.showRun', row);
    await vscode.commands.executeCommand('nixfleet.showOutput', row);
    const panel = await eventually(() => vscode.panels.at(-1));
    panel.webview.received.fire({ type: 'ready' });
    panel.webview.received.fire({ type: 'follow', rows: 20 });
    await eventually(() => panel.webview.posted.length > 0);
    const bytes = Buffer.from('building\n');
    relay.send({ runId: RUN, stream: 'output', at: { epoch: 0, offset: 0 }, time: Date.now(), end: false, bytes });
    await eventually(() => JSON.stringify(panel.webview.posted).includes('building'));
    await vscode.commands.executeCommand('nixfleet.copyHostName', row);
    await vscode.commands.executeCommand('nixfleet.cancelUpdate', row);
    relay.say({ type: 'rollouts', rollouts: [aRollout()] });
    await vscode.commands.executeCommand('nixfleet.enrollHost');
    const link = { path: '/connect', query: `relay=wss://relay.example.org&token=${TOKEN}` };
    await vscode.linkHandlers.at(-1)?.handleUri(link);
    assert.ok(vscode.said.some(line => line.startsWith('warning: A link was not opened')));
    // a socket that is lost is a timer that waits
    relay.socket?.terminate();
    await eventually(() => api.connection.kind === 'reconnecting');
    await eventually(() => api.connection.kind === 'online');
  }

  const resources = (): string => process.getActiveResourcesInfo().sort().join(' ');

  /** Lives once; nothing that Node holds open for it is held afterwards. */
  async function liveAndLeaveNothing(...life: Parameters<typeof live>): Promise<void> {
    await turn(); // mocha's own timer begins behind the first turn
    const before = resources();
    await live(...life);
    // only a socket may take a moment to close
    await eventually(() => !resources().includes('Socket'));
    await turn();
    assert.equal(resources(), before);
  }

  it('leaves no timer, socket, process, file or listener', async () => {
    const listeners = (): string =>
      JSON.stringify(process.eventNames().map(name => [String(name), process.listenerCount(name)]));
    const before = listeners();
    await liveAndLeaveNothing(work);
    assert.deepEqual([...vscode.held].map(({ what }) => what).sort(), []);
    assert.equal(listeners(), before);
    if (process.platform === 'linux')
      assert.deepEqual(
        openFiles().filter(file => file.startsWith(storage)),
        [],
      );
  });

  it('leaves what it was about to tell to other windows, and no timer', async () => {
    const asked = [{ host: 'web', runId: RUN }];
    const rollout = aRollout({ endedAt: NOW });
    const remembered = {
      'nixfleet.watchedRuns': [{ askedAt: Date.now(), runs: asked }],
      'nixfleet.watchedRollouts': [{ rolloutId: rollout.rolloutId, askedAt: Date.now(), told: false }],
    };
    vscode.window.state.focused = false;
    try {
      await liveAndLeaveNothing(async () => {
        relay.say({ type: 'run', run: anEndedRun(1) }, { type: 'rollout', rollout });
        await eventually(() => vscode.said.includes('memory nixfleet.watchedRuns: []'));
        await eventually(() => vscode.said.includes('memory nixfleet.watchedRollouts: []'));
      }, remembered);
    } finally {
      vscode.window.state.focused = true;
    }
    assert.ok(!existsSync(join(storage, 'told')));
  });

  it('leaves to other windows what its own, which is gone, could not show', async () => {
    const asked = [{ host: 'web', runId: RUN }];
    const remembered = { 'nixfleet.watchedRuns': [{ askedAt: Date.now(), runs: asked }] };
    vscode.window.isThere = false;
    try {
      await live(async () => {
        const before = vscode.said.length;
        relay.say({ type: 'run', run: anEndedRun(1) });
        await eventually(() => vscode.said.slice(before).includes('the window: is asked'));
        await turn();
      }, remembered);
    } finally {
      vscode.window.isThere = true;
    }
    assert.ok(!existsSync(join(storage, 'told')));
  });

  it('tells that a rollout waits for hosts that are offline, and when it is over', async () => {
    const rollout = aRollout({ counts: { ...NO_COUNTS, succeeded: 3, offline: 1 } });
    const remembered = {
      'nixfleet.watchedRollouts': [{ rolloutId: rollout.rolloutId, askedAt: Date.now(), told: false }],
    };
    const told = (): string[] => vscode.said.filter(line => line.includes('hosts updated'));
    await live(async () => {
      relay.say({ type: 'rollout', rollout });
      await eventually(() => told().length === 1);
      relay.say({ type: 'rollout', rollout: aRollout({ counts: { ...NO_COUNTS, succeeded: 4 }, endedAt: NOW }) });
      await eventually(() => told().length === 2);
    }, remembered);
  });

  it('says its token to the relay, and to nobody and nothing else', async () => {
    await live(work);
    assert.equal(relay.tokens.at(-1), `Bearer ${TOKEN}`);
    assert.ok(vscode.said.some(line => line.startsWith('webview')));
    assert.ok(vscode.said.some(line => line.includes('link: online')));
    const kept = readdirSync(storage, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => readFileSync(join(entry.parentPath, entry.name), 'latin1'));
    assert.ok(kept.length > 0);
    assert.ok(!relay.heard.some(message => JSON.stringify(message).includes(TOKEN)));
    for (const text of [...vscode.said, ...kept]) assert.ok(!text.includes(TOKEN), text);
  });

  it('takes each command of the palette without a selection: it asks, or says why it does nothing', async () => {
    const { contributes } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')) as {
      contributes: { commands: { command: string; enablement?: string }[]; menus: Record<string, Entry[]> };
    };
    const hidden = new Set((contributes.menus['commandPalette'] ?? []).map(({ command }) => command));
    const shown = contributes.commands.filter(
      // those of a nixcfg workspace are tried in VS Code itself
      ({ command, enablement }) => !hidden.has(command) && !/nixcfg|workspaceFolder/.test(enablement ?? ''),
    );
    await live(async api => {
      for (const { command } of shown) {
        await eventually(() => api.connection.kind === 'online');
        const before = vscode.said.length;
        await vscode.commands.executeCommand(command);
        const since = vscode.said.slice(before + 1);
        assert.deepEqual(
          since.filter(line => /^error: NixFleet: |\.error: nixfleet\./.test(line)),
          [],
          command,
        );
        assert.ok(since.length > 0 || command === 'nixfleet.reconnect', `${command} does nothing`);
        if (command === 'nixfleet.disconnect') await api.connect({ url: relay.url, token: TOKEN });
      }
    });
    assert.ok(shown.length > 10);
  });
});

function openFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap(fd => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return [];
    }
  });
}
