import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { before, describe, it } from 'mocha';
import { agentConfigSchema, type AgentConfig } from '../config.ts';
import type { Launcher } from '../launcher/launcher.ts';
import { statePaths } from '../run-directory/layout.ts';
import type { User } from '../steps/user.ts';
import { FakeRelay } from '../testing/fake-relay.ts';
import { TemporaryFolder } from '../testing/temporary.ts';
import { goThrough, well, wrong, type Finding } from './check.ts';
import { hostChecks } from './host-checks.ts';
import { checkRelay } from './relay-check.ts';
import { checkSharedState } from './state-checks.ts';

const launcher: Launcher = {
  name: 'setsid',
  launch: () => Promise.resolve(),
  isAlive: () => Promise.resolve(false),
  whereToLook: () => '',
};

function configIn(folder: TemporaryFolder, more: Partial<AgentConfig> = {}): AgentConfig {
  return agentConfigSchema.parse({
    host: 'web',
    relayUrl: 'ws://127.0.0.1:1',
    tokenFile: folder.join('token'),
    stateDir: folder.join('state'),
    nixcfgPath: folder.join('nixcfg'),
    ...more,
  });
}

async function findings(config: AgentConfig): Promise<Record<string, Finding>> {
  const found: Record<string, Finding> = {};
  for (const check of hostChecks(config, launcher)) found[check.name] = await check.look();
  return found;
}

function git(cwd: string, ...args: string[]): string {
  return execFileSync('git', ['-c', 'user.name=ana', '-c', 'user.email=ana@example.org', ...args], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

describe('going through checks', () => {
  it('prints a line each, with what to do where something is wrong, and says whether all is well', async () => {
    const lines: string[] = [];
    const print = (line: string) => lines.push(line);
    const all = await goThrough(
      [
        { name: 'one', look: () => well('fine') },
        { name: 'three', look: () => Promise.resolve(wrong('not there', 'make it')) },
        { name: 'six', look: () => Promise.reject(new Error('boom')) },
      ],
      print,
    );
    assert.ok(!all);
    assert.deepEqual(lines, [
      '✓ one    fine',
      '✗ three  not there',
      '         → make it',
      '✗ six    boom',
      '         → This check itself failed; please report it.',
    ]);
    assert.ok(await goThrough([{ name: 'one', look: () => well('fine') }], print));
  });
});

describe('checking the relay', () => {
  it('accepts one that accepts the token, without saying hello', async () => {
    using folder = new TemporaryFolder();
    await using relay = await FakeRelay.start({ token: 'right' });
    writeFileSync(folder.join('token'), 'right');
    assert.ok((await checkRelay(configIn(folder, { relayUrl: relay.url }))).ok);
    await relay.until('the goodbye', () => relay.closes[0]?.code === 1000);
    assert.deepEqual(relay.messages, []);
  });

  it('says precisely what is wrong', async () => {
    using folder = new TemporaryFolder();
    const detail = async (relayUrl: string) => {
      const finding = await checkRelay(configIn(folder, { relayUrl }));
      assert.ok(!finding.ok);
      return finding.detail;
    };
    assert.match(await detail('ws://127.0.0.1:1'), /token file .* does not exist/);
    writeFileSync(folder.join('token'), 'wrong');
    assert.match(await detail('ws://127.0.0.1:1'), /nobody listens at 127\.0\.0\.1:1/);
    assert.match(await detail('ws://relay.example.org'), /clear text/);
    await using relay = await FakeRelay.start({ token: 'right' });
    assert.match(await detail(relay.url), /rejects the token \(HTTP 401\)/);
    const server = createServer((_, response) => response.writeHead(404).end());
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    assert.match(
      await detail(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`),
      /HTTP 404 instead of a WebSocket/,
    );
    server.close();
  });
});

describe('checking the state of an agent that may write its own part alone', () => {
  const agent: User = { name: 'nixfleet-agent', uid: 1234, gid: 1234, home: '/' };
  const ana: User = { name: 'ana', uid: 1000, gid: 1000, home: '/home/ana' };

  /** As the module's tmpfiles make it. */
  class SharedState extends TemporaryFolder {
    readonly paths = statePaths(this.path);
    readonly folders = {
      inbox: this.paths.inbox,
      agent: dirname(this.paths.agent),
      status: dirname(this.paths.status),
      runs: this.paths.runs,
    };

    constructor() {
      super();
      this.make('inbox', 1234, 1234, 0o700);
      this.make('agent', 1234, 1234, 0o755);
      this.make('status', 1000, 0, 0o755);
      this.make('runs', 0, 1234, 0o2751);
    }

    make(folder: keyof typeof this.folders, uid: number, gid: number, mode: number): void {
      mkdirSync(this.folders[folder], { recursive: true });
      chownSync(this.folders[folder], uid, gid);
      chmodSync(this.folders[folder], mode);
    }

    detail(statusOwner: User | undefined = ana): string {
      return checkSharedState(this.path, agent, statusOwner).detail;
    }
  }

  before(function () {
    if (process.getuid?.() !== 0) this.skip();
  });

  it('finds it well as the module makes it', () => {
    using state = new SharedState();
    assert.deepEqual(checkSharedState(state.path, agent, ana), well(state.path));
    assert.deepEqual(checkSharedState(state.path, agent, undefined), well(state.path));
  });

  it('names the folder that is not as it must be', () => {
    using state = new SharedState();
    const { inbox, status, runs } = state.folders;
    state.make('inbox', 0, 0, 0o700);
    assert.match(state.detail(), new RegExp(`^${inbox} belongs to user 0 and not to nixfleet-agent`));
    state.make('inbox', 1234, 1234, 0o777);
    assert.match(state.detail(), /may be written by others/);
    state.make('inbox', 1234, 1234, 0o700);
    state.make('status', 0, 0, 0o755);
    assert.match(state.detail(), new RegExp(`^${status} belongs to user 0 and not to ana`));
    state.make('status', 1000, 0, 0o755);
    state.make('runs', 0, 1234, 0o751);
    assert.match(state.detail(), /cannot be read by the group of nixfleet-agent/);
    state.make('runs', 1234, 1234, 0o2751);
    assert.match(state.detail(), new RegExp(`^${runs} belongs to user 1234 and not to root`));
    rmdirSync(runs);
    assert.equal(state.detail(), `${runs} does not exist`);
    assert.match(checkSharedState('/nonexistent', agent, ana).detail, /^\/nonexistent does not exist/);
  });
});

describe('checking the host', () => {
  it('of an unprivileged agent says whom to be', async function () {
    if (process.getuid?.() !== 0) this.skip();
    using folder = new TemporaryFolder();
    const asRoot = await findings(configIn(folder, { launcher: 'systemd-unit' }));
    assert.equal(asRoot['you'], undefined);
    assert.ok(asRoot['token']);
    const getuid = process.getuid;
    process.getuid = () => 1234;
    try {
      const other = hostChecks(configIn(folder, { launcher: 'systemd-unit' }), launcher);
      assert.deepEqual(
        other.map(check => check.name),
        ['you', 'agent', 'launcher', 'status', 'nixcfg'],
      );
      const you = await other[0]?.look();
      assert.ok(you && !you.ok);
      assert.match(you.detail, /\(user 1234\) may not see all/);
      assert.equal(you.advice, 'sudo nixfleet-agent check');
    } finally {
      process.getuid = getuid;
    }
  });

  it('wants a token that not everybody can read', async () => {
    using folder = new TemporaryFolder();
    writeFileSync(folder.join('token'), 'abc');
    chmodSync(folder.join('token'), 0o644);
    const open = (await findings(configIn(folder)))['token'];
    assert.ok(open && !open.ok);
    assert.match(open.detail, /read by everybody \(mode 644\)/);
    chmodSync(folder.join('token'), 0o400);
    assert.ok((await findings(configIn(folder)))['token']?.ok);
  });

  it('names what was tried for nixcfg, and leaves out what depends on it', async () => {
    using folder = new TemporaryFolder();
    const found = await findings(configIn(folder));
    assert.ok(found['nixcfg'] && !found['nixcfg'].ok);
    assert.match(found['nixcfg'].detail, /nixcfg \(does not exist\)/);
    assert.equal(found['git remote'], undefined);
  });

  it('asks the remote of the checkout, without changing the checkout', async () => {
    using folder = new TemporaryFolder();
    const checkout = folder.join('nixcfg');
    mkdirSync(checkout);
    git(checkout, 'init', '-q', '-b', 'main');
    writeFileSync(`${checkout}/flake.nix`, '{}');
    git(checkout, 'add', '.');
    git(checkout, 'commit', '-q', '-m', 'one');
    const without = (await findings(configIn(folder)))['git remote'];
    assert.ok(without && !without.ok);
    assert.match(without.detail, /has no upstream/);

    git(folder.path, 'clone', '-q', '--bare', checkout, 'remote.git');
    git(checkout, 'remote', 'add', 'origin', folder.join('remote.git'));
    git(checkout, 'fetch', '-q');
    git(checkout, 'branch', '-q', '--set-upstream-to=origin/main');
    const before = git(checkout, 'for-each-ref');
    assert.ok((await findings(configIn(folder)))['git remote']?.ok);
    assert.equal(git(checkout, 'for-each-ref'), before);

    git(checkout, 'remote', 'set-url', 'origin', folder.join('gone.git'));
    const gone = (await findings(configIn(folder)))['git remote'];
    assert.ok(gone && !gone.ok);
    assert.match(gone.detail, /does not answer without a prompt: fatal: /);
  });
});
