import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'mocha';
import { agentConfigSchema, type AgentConfig } from '../config.ts';
import type { Launcher } from '../launcher/launcher.ts';
import { FakeRelay } from '../testing/fake-relay.ts';
import { TemporaryFolder } from '../testing/temporary.ts';
import { goThrough, well, wrong, type Finding } from './check.ts';
import { hostChecks } from './host-checks.ts';
import { checkRelay } from './relay-check.ts';

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

describe('checking the host', () => {
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
