// The extension in VS Code's real extension host, against a real relay, with agents whose runs are written here.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, afterEach, before, describe, it } from 'mocha';
import * as vscode from 'vscode';
import type { NixFleetApi } from '../../../extension/api.ts';
import type { TreeNode } from '../../../extension/tree/nodes.ts';
import { FakeRelay } from '../../../extension/connection/fake-relay.ts';
import {
  isOver,
  parseRequest,
  requestBytes,
  type FleetHost,
  type RunId,
  type RunSummary,
  type UpdateRequest,
} from '../../../protocol/index.ts';
import { FakeAgent, type FakeAgentOptions } from '../../support/fake-agent.ts';
import { RelayBeside } from './relay-in-host.ts';

const OLD = 'a'.repeat(40);
const NEW = 'b'.repeat(40);

const lockText = (rev: string): string =>
  `${JSON.stringify(
    {
      nodes: {
        nixfleet: {
          locked: {
            type: 'github',
            owner: 'nixfleet',
            repo: 'nixfleet',
            rev,
            lastModified: 1_700_000_000,
            narHash: 'sha256-AAAA',
          },
          original: { type: 'github', owner: 'nixfleet', repo: 'nixfleet' },
        },
        root: { inputs: { nixfleet: 'nixfleet' } },
      },
      root: 'root',
      version: 7,
    },
    null,
    2,
  )}\n`;

describe('NixFleet in VS Code', () => {
  let api: NixFleetApi;
  let relay: RelayBeside;
  let token: string;
  const agents: FakeAgent[] = [];
  const hostTokens = new Map<string, string>();

  before(async () => {
    const extension = vscode.extensions.getExtension<NixFleetApi>('nixfleet.nixfleet');
    assert.ok(extension, 'the extension is not installed');
    api = await extension.activate();
    relay = await RelayBeside.start(extension.extensionPath);
    token = await relay.run('operator', 'ana', '--token-only');
  });

  afterEach(async () => {
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    for (const agent of agents.splice(0)) await agent[Symbol.asyncDispose]();
  });

  after(async () => {
    await vscode.commands.executeCommand('nixfleet.disconnect');
    await relay[Symbol.asyncDispose]();
  });

  /** Waits until something holds, looking whenever the extension says that anything changed. */
  async function until<T>(
    what: string,
    condition: () => T | undefined | false | Promise<T | undefined | false>,
  ): Promise<T> {
    const deadline = Date.now() + 15_000;
    for (;;) {
      const value = await condition();
      if (value !== undefined && value !== false) return value;
      if (Date.now() > deadline) throw new Error(`waited for ${what}; the view: ${JSON.stringify(api.viewState)}`);
      await new Promise<void>(resolve => {
        const timer = setTimeout(done, 50);
        const subscription = api.onDidChange(done);
        function done(): void {
          clearTimeout(timer);
          subscription.dispose();
          resolve();
        }
      });
    }
  }

  async function agent(host: string, options: Partial<FakeAgentOptions> = {}): Promise<FakeAgent> {
    const hostToken = hostTokens.get(host) ?? (await relay.run('enroll', host, '--token-only'));
    hostTokens.set(host, hostToken);
    const fake = await FakeAgent.connect({
      url: relay.url,
      host,
      token: hostToken,
      status: { input: { rev: OLD }, upstream: { rev: NEW, checkedAt: Date.now() } },
      ...options,
    });
    agents.push(fake);
    return fake;
  }

  async function row(host: string): Promise<vscode.TreeItem | undefined> {
    const nodes = (await api.tree.getChildren()) ?? [];
    const node = nodes.find(candidate => candidate.kind !== 'rollout' && candidate.host === host);
    return node && (await api.tree.getTreeItem(node));
  }

  const nodeOf = (host: string): TreeNode => ({ kind: 'host', host });
  const descriptionOf = async (host: string): Promise<string> => String((await row(host))?.description ?? '');
  const runsOf = (host: string): readonly RunSummary[] => api.fleet.hosts.get(host)?.runs ?? [];

  const messageNow = (): string | undefined => api.viewState?.message;
  const lastRun = (host: string): RunId | 'none' => runsOf(host)[0]?.runId ?? 'none';

  /** The newest run, once it is another than it was. */
  async function newRun(host: string, than: RunId | 'none'): Promise<RunSummary> {
    return until(`a run of ${host}`, () => {
      const newest = runsOf(host)[0];
      return newest && newest.runId !== than && newest;
    });
  }

  const over = (host: string, runId: RunId): Promise<RunSummary> =>
    until(`the end of the run of ${host}`, () => runsOf(host).find(run => run.runId === runId && isOver(run)));

  it('says what it is while nothing is configured', async () => {
    assert.equal(api.isNixcfgLoaded, false, 'there is no flake');
    await until('the secrets', () => api.configured === 'nothing');
    assert.equal(api.viewState?.key, 'not-configured');
    assert.equal(api.connection.kind, 'signed-out');
  });

  it('says precisely that a token is refused', async () => {
    await api.connect({ url: relay.url, token: 'nonsense' });
    await until('the refusal', () => api.connection.kind === 'refused');
    assert.equal(api.viewState?.key, 'token-rejected');
    assert.match(api.statusBarText, /token not accepted/);
  });

  it('connects, and shows that there are no hosts', async () => {
    await api.connect({ url: relay.url, token });
    await until('no hosts', () => api.viewState?.key === 'no-hosts');
    assert.equal(api.connection.kind, 'online');
  });

  it('shows a host as soon as its agent connects, and counts it', async () => {
    await vscode.commands.executeCommand('nixfleet.hosts.focus');
    await agent('ada');
    await until('the host', async () => (await descriptionOf('ada')) === `1.0.0 → ${NEW.slice(0, 7)} available`);
    assert.match((await row('ada'))?.contextValue ?? '', /;online;idle;outdated;/);
    assert.equal(api.viewState?.badge, 1);
    assert.match(api.statusBarText, /1 online · 1 update/);
  });

  it('updates a host: row, output to the byte, channel, locks in the diff editor', async () => {
    const ada = await agent('ada');
    await until('the host', () => api.fleet.hosts.get('ada')?.online);
    const before = lastRun('ada');
    const asked = ada.nextRun();
    await vscode.commands.executeCommand('nixfleet.updateAgent', nodeOf('ada'));
    const run = await asked;
    const { runId } = await newRun('ada', before);
    assert.equal(runId, run.runId);

    run
      .phase('accepted')
      .phase('pulling')
      .event({ type: 'recorded', before: { input: { rev: OLD } } });
    run.whole('lock-before', lockText(OLD)).phase('locking').whole('lock-after', lockText(NEW));
    run.event({ type: 'locked', input: 'nixfleet', before: { rev: OLD }, after: { rev: NEW }, changed: true });
    run.phase('building').output('\u001b[32mbuilding\u001b[0m part 1\r\nbuilding part 2\n');
    await until('the phase', async () => (await descriptionOf('ada')).startsWith('updating · building'));
    const session = await api.sessions.open(runId);
    await until('the output', () => session.output.size > 30);

    run.output('the end\n').phase('activating').phase('confirming').phase('committing').end();
    await over('ada', runId);
    await until('all output', () => session.output.ended);
    assert.deepEqual(readFileSync(session.output.path), run.outputBytes);
    await until('the locks', () => session.lockAfter !== undefined);
    assert.equal(session.lockBefore, lockText(OLD));
    session.dispose();

    await vscode.commands.executeCommand('nixfleet.showOutput', nodeOf('ada'));
    const text = await until('the channel', () =>
      vscode.workspace.textDocuments
        .filter(document => document.uri.scheme === 'output')
        .map(document => document.getText())
        .find(content => content.includes('the end')),
    );
    assert.match(text, /building part 1\nbuilding part 2\nthe end\n/);

    await vscode.commands.executeCommand('nixfleet.showLockDiff', nodeOf('ada'));
    const tab = await until('the diff editor', () => {
      const active = vscode.window.tabGroups.activeTabGroup.activeTab;
      return active?.input instanceof vscode.TabInputTextDiff && active;
    });
    assert.equal(tab.label, `flake.lock (ada, ${OLD.slice(0, 7)} → ${NEW.slice(0, 7)})`);
    const { original, modified } = tab.input as vscode.TabInputTextDiff;
    assert.equal((await vscode.workspace.openTextDocument(original)).getText(), lockText(OLD));
    assert.equal((await vscode.workspace.openTextDocument(modified)).getText(), lockText(NEW));
  });

  it('updates several hosts to the revision that one of them found, though a newer one is pushed in between', async () => {
    let found = NEW;
    const options = {
      onRefresh: (fake: FakeAgent) => {
        fake.sayStatus({ upstream: { rev: found, checkedAt: (fake.status.upstream?.checkedAt ?? 0) + 1 } });
        found = 'c'.repeat(40);
      },
    };
    const [ada, grace] = await Promise.all([agent('ada', options), agent('grace', options)]);
    await until('both', () => ['ada', 'grace'].every(name => api.fleet.hosts.get(name)?.online));
    const runs = Promise.all([ada.nextRun(), grace.nextRun()]);
    await vscode.commands.executeCommand('nixfleet.updateAgent', nodeOf('ada'), [nodeOf('ada'), nodeOf('grace')]);
    for (const [index, run] of (await runs).entries()) {
      const host = ['ada', 'grace'][index] ?? '';
      const summary = await until('the run', () => runsOf(host).find(({ runId }) => runId === run.runId));
      assert.equal(summary.targetRev, NEW);
      run.succeed();
      await over(host, run.runId);
    }
  });

  it('asks a relay that does not know rollouts for one run a host, all to one revision', async () => {
    await using older = await FakeRelay.start();
    const hostAt = (host: string, checkedAt: number): FleetHost => {
      const status = { at: 1, problems: [], input: { rev: OLD }, upstream: { rev: NEW, checkedAt } };
      return { host, enrolledAt: 1, online: true, runs: [], status };
    };
    const asked: UpdateRequest[] = [];
    const unknown: string[] = [];
    older.onMessage = message => {
      if (message.type === 'hello') {
        older.welcome();
        older.say({ type: 'fleet', hosts: [hostAt('ada', 1), hostAt('grace', 1)], last: true });
      } else if (message.type === 'refresh') {
        older.say({ type: 'reply', id: message.id, ok: true }, { type: 'host', host: hostAt(message.host, 2) });
      } else if (message.type === 'update-agent') {
        const parsed = parseRequest(requestBytes(message), message.runId);
        if (parsed.ok) asked.push(parsed.request);
        older.say({ type: 'reply', id: message.id, ok: true });
      } else unknown.push(message.type);
    };
    await api.connect({ url: older.url, token: 'x' });
    await until('its hosts', () => api.fleet.hosts.size === 2 && !api.fleet.stale);
    await vscode.commands.executeCommand('nixfleet.updateAgent', nodeOf('ada'), [nodeOf('ada'), nodeOf('grace')]);
    assert.deepEqual(asked.map(({ host, targetRev }) => `${host} ${targetRev === NEW}`).sort(), [
      'ada true',
      'grace true',
    ]);
    assert.deepEqual(unknown, []);
    await api.connect({ url: relay.url, token });
    await until('the hosts of the relay', () => api.connection.kind === 'online' && !api.fleet.stale);
  });

  it('queues for a host that is offline, shows it, and updates it when it comes back', async () => {
    const ada = await agent('ada');
    await until('the host', () => api.fleet.hosts.get('ada')?.online);
    await ada.disconnect();
    await until('its absence', () => api.fleet.hosts.get('ada')?.online === false);
    const before = lastRun('ada');
    await vscode.commands.executeCommand('nixfleet.updateAgent', nodeOf('ada'));
    const { runId } = await newRun('ada', before);
    await until('the row', async () => (await descriptionOf('ada')) === 'queued · waits for host');
    const asked = ada.nextRun();
    await ada.connect();
    (await asked).succeed();
    assert.equal((await over('ada', runId)).outcome, 'succeeded');
  });

  it('loses nothing when the relay is killed in the middle of a run, and keeps the rows meanwhile', async () => {
    const ada = await agent('ada');
    await until('the host', () => api.fleet.hosts.get('ada')?.online);
    const asked = ada.nextRun();
    const before = lastRun('ada');
    await vscode.commands.executeCommand('nixfleet.updateAgent', nodeOf('ada'));
    const run = await asked;
    const { runId } = await newRun('ada', before);
    const session = await api.sessions.open(runId);
    run.phase('accepted').phase('building');
    for (let i = 0; i < 200; i++) run.output(`line ${i} ${'x'.repeat(500)}\n`);
    await until('some output', () => session.output.size > 10_000);

    await relay.kill();
    await until('the loss', () => api.connection.kind === 'reconnecting');
    assert.match(await until('the message', () => api.viewState?.message), /last known/);
    assert.equal(api.viewState?.key, 'hosts');
    for (let i = 200; i < 400; i++) run.output(`line ${i}\n`);
    await relay.start();
    await ada.connect();
    await vscode.commands.executeCommand('nixfleet.reconnect');
    run.end({ after: {} });
    await over('ada', runId);
    await until('all output', () => session.output.ended);
    assert.deepEqual(readFileSync(session.output.path), run.outputBytes);
    assert.equal(messageNow(), undefined);
    session.dispose();
  });

  it('cancels', async () => {
    const ada = await agent('ada');
    await until('the host', () => api.fleet.hosts.get('ada')?.online);
    const asked = ada.nextRun();
    await vscode.commands.executeCommand('nixfleet.updateAgent', nodeOf('ada'));
    const run = await asked;
    run.phase('accepted').phase('pulling');
    await until('the phase', () => runsOf('ada')[0]?.phase === 'pulling');
    await vscode.commands.executeCommand('nixfleet.cancelUpdate', nodeOf('ada'));
    await ada.waitFor('the cancel', () => ada.cancelled.includes(run.runId));
    run.end({ outcome: 'cancelled', changed: false });
    assert.equal((await over('ada', run.runId)).outcome, 'cancelled');
  });

  it('copies host names, in the order of the selection', async () => {
    await Promise.all([agent('ada'), agent('grace')]);
    await until('both', () => ['ada', 'grace'].every(name => api.fleet.hosts.get(name)?.online));
    await vscode.commands.executeCommand('nixfleet.copyHostName', nodeOf('grace'), [nodeOf('grace'), nodeOf('ada')]);
    assert.equal(await vscode.env.clipboard.readText(), 'grace\nada');
  });

  it('keeps the rows and says so when the token is revoked', async () => {
    await relay.run('revoke', 'operator', 'ana');
    await until('the refusal', () => api.connection.kind === 'refused');
    const message = await until('the message', () => api.viewState?.message);
    assert.match(message, /revoked.*last known/);
    assert.equal(api.viewState?.key, 'hosts');
    token = await relay.run('operator', 'ana', '--token-only');
    await api.connect({ url: relay.url, token });
    await until('the link', () => api.connection.kind === 'online');
  });

  it('forgets the hosts and the token on Disconnect', async () => {
    await vscode.commands.executeCommand('nixfleet.disconnect');
    await until('the end', () => api.viewState?.key === 'signed-out');
    assert.equal(api.fleet.hosts.size, 0);
  });
});
