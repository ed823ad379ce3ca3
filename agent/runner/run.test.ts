import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { ulid } from 'ulid';
import { foldRun, sealRequest, type RunId, type UpdateRequest } from '../../protocol/index.ts';
import { readRefusal } from '../run-directory/refusal.ts';
import { inboxPaths, runPaths, statePaths } from '../run-directory/layout.ts';
import { takeRunLock } from './run-lock.ts';
import { revision, TestHost } from './testing/test-host.ts';

describe('an update', function () {
  this.timeout(60_000);
  let host: TestHost;
  beforeEach(() => (host = new TestHost()));
  afterEach(() => host.remove());

  it('goes through all phases, and the host ends with the new generation, its agent, profile and boot default', async () => {
    host.push({ 'hosts.nix': '{ web = 1; }\n' }, 'give web a number');
    const runId = host.ask();
    assert.equal(await host.run(runId), 0);
    const run = foldRun(host.events(runId));
    assert.equal(run.end?.reason, undefined, host.output(runId));
    assert.equal(run.end?.outcome, 'succeeded');
    assert.equal(run.end.changed, true);
    assert.deepEqual(
      run.phases.map(span => span.phase),
      ['accepted', 'pulling', 'locking', 'building', 'activating', 'confirming', 'committing'],
    );
    assert.equal(run.commits?.listed[0]?.subject, 'give web a number');
    assert.equal(run.lock?.after.rev, revision('a'));
    const state = host.state();
    const toplevel = run.built?.toplevel ?? '';
    assert.deepEqual([state.running, state.profile], [toplevel, toplevel]);
    assert.equal(state.agent, run.built?.manifest.storePath);
    assert.equal(run.confirmed?.proof, 'hello');
    assert.deepEqual(run.end.after.generation, { toplevel, number: 1 });
    assert.equal(run.end.after.agent?.storePath, state.agent);
    assert.deepEqual(host.activations(), [`test ${toplevel}`, `boot ${toplevel}`]);
    const output = host.output(runId);
    assert.match(output, /\$ git fetch origin refs\/heads\/main\n/);
    assert.match(output, /nixos-system-web>.* part 3\n/);
    assert.equal(readFileSync(runPaths(host.config.stateDir, runId).lockAfter, 'utf8'), state.lock);
    assert.ok(run.steps.every(step => step.exitCode === 0));
  });

  it('says what it built, which packages it changes, and that the host needs a reboot', async () => {
    await host.update();
    host.release('b');
    host.plan({ packages: 'hello: 2.12.1 → 2.12.2, \x1b[31;1m+9.0 KiB\x1b[0m\n' });
    mkdirSync(join(host.home, 'booted-system'));
    writeFileSync(join(host.home, 'linux'), '');
    symlinkSync(join(host.home, 'linux'), join(host.home, 'booted-system/kernel'));
    const runId = host.ask();
    await host.run(runId);
    const run = foldRun(host.events(runId));
    assert.equal(run.end?.outcome, 'succeeded', host.output(runId));
    assert.deepEqual(run.packages?.changes, [{ name: 'hello', before: ['2.12.1'], after: ['2.12.2'], bytes: 9216 }]);
    assert.deepEqual([run.totals?.builds, run.totals?.downloads], [1, 0]);
    assert.deepEqual(run.reboot?.because, ['kernel']);
    assert.equal(existsSync(runPaths(host.config.stateDir, runId).progress), false, 'nothing is left of the progress');
  });

  it('is none the worse for a nix that cannot say which packages change', async () => {
    await host.update();
    host.release('b');
    const runId = host.ask();
    await host.run(runId);
    const run = foldRun(host.events(runId));
    assert.equal(run.end?.outcome, 'succeeded', host.output(runId));
    assert.equal(run.packages, undefined);
  });

  it('with nothing to update succeeds unchanged, says so, and activates nothing', async () => {
    await host.update();
    const before = host.state();
    const activations = host.activations();
    const runId = host.ask();
    await host.run(runId);
    const end = host.end(runId);
    assert.deepEqual([end.outcome, end.changed], ['succeeded', false]);
    assert.deepEqual(host.activations(), activations);
    assert.deepEqual(host.state(), before);
    assert.match(host.output(runId), /nothing to update/);
  });

  it('pulls although the last update left its lock, also when upstream commits that lock or another', async () => {
    await host.update();
    host.release('b');
    host.push({ 'flake.lock': '{ "nodes": { "root": {} }, "root": "root", "version": 7 }\n' }, 'commit a lock');
    assert.equal((await host.update()).outcome, 'succeeded');
    const end = await host.update();
    assert.deepEqual([end.outcome, end.changed], ['succeeded', false]);
    assert.equal(end.after.input?.rev, revision('b'));
  });

  it('locks exactly the revision that was asked for, although there is a newer one', async () => {
    await host.update();
    host.release('newer');
    const end = await host.update({ targetRev: revision('asked') });
    assert.equal(end.outcome, 'succeeded', end.reason?.message);
    assert.equal(end.after.input?.rev, revision('asked'));
  });

  it('does not try a revision again that it took back, until somebody says so; then it is forgotten', async () => {
    await host.update();
    host.configure({ deadlines: { confirming: 4000, settling: 50 } });
    const bad = host.release('bad');
    host.plan({ newest: bad, agent: 'crash' });
    const first = host.ask();
    await host.run(first);
    assert.equal(host.end(first).outcome, 'rolled-back');
    const before = host.state();
    host.plan({ newest: bad });
    const refused = await host.update();
    assert.deepEqual([refused.outcome, refused.reason?.kind], ['failed', 'failed-before']);
    assert.match(refused.reason?.message ?? '', new RegExp(`before \\(run ${first}, .*was not proven`));
    assert.match(refused.reason?.advice ?? '', /Retry Anyway/);
    assert.deepEqual(host.state(), before);
    assert.equal((await host.update({ retryAnyway: true })).outcome, 'succeeded');
    assert.equal((await host.update()).outcome, 'succeeded');
  });

  it('reaches that revision also when the input was not locked before', async () => {
    const end = await host.update({ targetRev: revision('asked') });
    assert.equal(end.after.input?.rev, revision('asked'));
  });

  it('works with a nix that cannot update one input by name', async () => {
    host.plan({ version: '2.18.1' });
    const runId = host.ask();
    await host.run(runId);
    assert.equal(host.end(runId).outcome, 'succeeded');
    assert.match(host.output(runId), /nix flake lock --update-input nixfleet/);
  });

  it('works in a folder of the repository, through a link to it, and takes everything back there too', async () => {
    host.push(
      {
        'machines/flake.nix': '{ }\n',
        'machines/flake.lock': '{ "nodes": { "root": {} }, "root": "root", "version": 7 }\n',
      },
      'move',
    );
    host.git('pull', '--quiet');
    symlinkSync(join(host.checkout, 'machines'), join(host.home, 'link'));
    host.configure({ nixcfgPath: join(host.home, 'link') });
    const runId = host.ask();
    await host.run(runId);
    assert.equal(foldRun(host.events(runId)).host?.nixcfg, join(host.checkout, 'machines'));
    assert.equal(host.end(runId).outcome, 'succeeded', host.output(runId));
    assert.equal(host.git('status', '--porcelain'), ' M machines/flake.lock\n');
    host.release('b');
    host.push({ 'machines/hosts.nix': '{ }\n' }, 'more');
    host.plan({ build: { exit: 1 } });
    const [head, lock] = [
      host.git('rev-parse', 'HEAD'),
      readFileSync(join(host.checkout, 'machines/flake.lock'), 'utf8'),
    ];
    assert.equal((await host.update()).outcome, 'failed');
    assert.deepEqual(
      [host.git('rev-parse', 'HEAD'), readFileSync(join(host.checkout, 'machines/flake.lock'), 'utf8')],
      [head, lock],
    );
  });

  it('names units that failed as a warning, and rolls back for them only when told to', async () => {
    await host.update();
    const before = host.state();
    host.release('b');
    host.plan({ activation: { exit: 4, stderr: ['warning: the following units failed: x.service'] } });
    const undone = await host.update({ rollback: 'always' });
    assert.equal(undone.outcome, 'rolled-back', undone.reason?.message);
    assert.deepEqual(host.state(), before);
    const runId = host.ask();
    await host.run(runId);
    const run = foldRun(host.events(runId));
    assert.equal(run.end?.outcome, 'succeeded', host.output(runId));
    assert.match(run.warnings.join(), /units failed/);
  });

  it('that must not be rolled back stays where it is and says so', async () => {
    await host.update();
    host.release('b');
    host.configure({ deadlines: { confirming: 400, settling: 50 } });
    host.plan({ agent: 'crash' });
    const end = await host.update({ rollback: 'never' });
    assert.deepEqual([end.outcome, end.changed], ['inconsistent', true]);
    assert.match(end.reason?.message ?? '', /rollback is off/);
    assert.equal(host.state().running, end.after.generation?.toplevel);
  });

  it('whose commit fails says what is: the new generation runs, and what boots is another', async () => {
    host.plan({ commit: 'fail' });
    const end = await host.update();
    assert.deepEqual([end.outcome, end.reason?.kind], ['inconsistent', 'commit']);
    assert.match(end.reason?.message ?? '', /profile could not be set: error: cannot lock the profile/);
  });
});

describe('an agent that the relay does not greet', function () {
  this.timeout(60_000);
  let host: TestHost;
  before(async function () {
    host = new TestHost();
    await host.update();
    host.release('b');
    host.plan({ agent: 'shy' });
    host.save();
  });
  afterEach(() => host.restore());
  after(() => host.remove());

  it('is proof enough when nobody can reach the relay', async () => {
    host.configure({ deadlines: { confirming: 4000, settling: 50 } });
    const runId = host.ask();
    await host.run(runId);
    const run = foldRun(host.events(runId));
    assert.equal(run.end?.outcome, 'succeeded', host.output(runId));
    assert.equal(run.confirmed?.proof, 'local');
  });

  it('is rolled back when the relay answers this host', async () => {
    const relay = createServer((_, response) => response.end('ok'));
    relay.listen(0, '127.0.0.1');
    await once(relay, 'listening');
    try {
      host.release('c');
      host.plan({ agent: 'shy' });
      host.configure({
        relayUrl: `ws://127.0.0.1:${(relay.address() as AddressInfo).port}`,
        deadlines: { confirming: 3000, settling: 50 },
      });
      const end = await host.update();
      assert.equal(end.reason?.kind, 'agent-not-confirmed');
      assert.match(end.reason.message, /the relay has not greeted it/);
    } finally {
      relay.close();
    }
  });

  it('is waited for past the deadline where the relay was away and has just come back', async () => {
    let asked = 0;
    const relay = createServer((_, response) => {
      asked++;
      response.statusCode = asked === 1 ? 503 : 200;
      response.end();
      // the runner asks every 2 s: the deadline is over by now
      if (asked === 3) greet();
    });
    const greet = (): void => {
      const file = statePaths(host.config.stateDir).agent;
      writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as object), helloAt: 1 }));
    };
    relay.listen(0, '127.0.0.1');
    await once(relay, 'listening');
    try {
      host.release('d');
      host.plan({ agent: 'shy' });
      host.configure({
        relayUrl: `ws://127.0.0.1:${(relay.address() as AddressInfo).port}`,
        // longer than the relay was away, or its absence would be proof enough
        deadlines: { confirming: 3000, settling: 3000 },
      });
      const runId = host.ask();
      await host.run(runId);
      const run = foldRun(host.events(runId));
      assert.equal(run.end?.outcome, 'succeeded', host.output(runId));
      assert.equal(run.confirmed?.proof, 'hello');
    } finally {
      relay.close();
    }
  });
});

describe('a request', function () {
  this.timeout(60_000);
  let host: TestHost;
  beforeEach(() => (host = new TestHost()));
  afterEach(() => host.remove());
  const refusal = (runId: RunId): { kind?: string; message?: string } => readRefusal(host.config.stateDir, runId) ?? {};
  const runs = (): string[] => readdirSync(join(host.home, 'state/runs'));

  it('is kept as its bytes came, with who brought it, and leaves the inbox', async () => {
    const runId = host.ask();
    const { request } = inboxPaths(host.config.stateDir, runId);
    const entry = JSON.parse(readFileSync(request, 'utf8')) as { envelope: { request: string } };
    await host.run(runId);
    const paths = runPaths(host.config.stateDir, runId);
    assert.equal(readFileSync(paths.request).toString('base64'), entry.envelope.request);
    assert.match(readFileSync(paths.envelope, 'utf8'), /"broughtBy":"ws:\/\/relay"/);
    assert.equal(existsSync(request), false);
  });

  it('asked twice is one run; under the same id with other content it is refused', async () => {
    const runId = host.ask();
    await host.run(runId);
    const events = host.events(runId).length;
    const { request } = runPaths(host.config.stateDir, runId);
    host.ask(JSON.parse(readFileSync(request, 'utf8')) as UpdateRequest);
    assert.equal(await host.run(runId), 0);
    assert.equal(refusal(runId).kind, undefined);
    host.ask({ runId, targetRev: revision('other') });
    assert.equal(await host.run(runId), 0);
    assert.equal(refusal(runId).kind, 'other-content');
    assert.equal(host.events(runId).length, events);
  });

  it('is refused as busy, with the name of the run that is at work', async () => {
    const other = ulid() as RunId;
    const lock = takeRunLock(statePaths(host.config.stateDir), other);
    assert.ok(lock.ok);
    const runId = host.ask();
    assert.equal(await host.run(runId), 0);
    assert.equal(refusal(runId).kind, 'busy');
    assert.match(refusal(runId).message ?? '', new RegExp(other));
    lock.release();
    assert.equal((await host.update()).outcome, 'succeeded');
  });

  const bad: readonly (readonly [string, (runId: RunId) => string | undefined, string])[] = [
    ['is no JSON', () => 'not json', 'bad-request'],
    ['is too large', () => 'x'.repeat(100_000), 'bad-request'],
    ['names another host', runId => entry(runId, { host: 'db' }), 'wrong-host'],
    ['has expired', runId => entry(runId, { expiresAt: 1 }), 'expired'],
    ['names a path', runId => entry(runId, { nixcfgPath: '/etc/passwd' }), 'bad-request'],
    ['names more than a message can hold', runId => entry(runId, { ['x'.repeat(11_000)]: 1 }), 'bad-request'],
    ['names a shell command for a revision', runId => entry(runId, { targetRev: '$(reboot)' }), 'bad-request'],
    ['lies under the name of another run', () => entry(ulid() as RunId, {}), 'bad-request'],
  ];
  for (const [title, content, kind] of bad)
    it(`that ${title} is refused, and nothing is made of it`, async () => {
      const runId = ulid() as RunId;
      writeFileSync(inboxPaths(host.config.stateDir, runId).request, content(runId) ?? '');
      assert.equal(await host.run(runId), 0);
      assert.equal(refusal(runId).kind, kind);
      assert.ok(readRefusal(host.config.stateDir, runId), 'the agent can read it');
      assert.deepEqual(runs(), [`${runId}.refused.json`]);
      assert.deepEqual(readdirSync(join(host.home, 'state/inbox')), []);
    });

  it('that is a link to another file is not followed', async () => {
    const runId = ulid() as RunId;
    const secret = join(host.home, 'secret');
    writeFileSync(secret, entry(runId, {}));
    symlinkSync(secret, inboxPaths(host.config.stateDir, runId).request);
    await host.run(runId);
    assert.equal(refusal(runId).kind, 'bad-request');
    assert.equal(existsSync(secret), true);
  });

  function entry(runId: RunId, more: object): string {
    const request = {
      format: 1,
      verb: 'update-agent',
      runId,
      host: 'web',
      requestedAt: 1,
      expiresAt: Date.now() + 60_000,
      ...more,
    };
    const envelope = sealRequest(request as unknown as Parameters<typeof sealRequest>[0]);
    return JSON.stringify({ format: 1, envelope, broughtBy: 'ws://relay', receivedAt: 1 });
  }
});
