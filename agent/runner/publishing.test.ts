import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { foldRun, type RunId, type RunState } from '../../protocol/index.ts';
import { bootId } from '../process.ts';
import { JournalWriter } from '../run-directory/journal-writer.ts';
import { inboxPaths, runPaths } from '../run-directory/layout.ts';
import { keepRequest, readInbox } from './accept.ts';
import { processesMarked } from './process-group.ts';
import { RUN_MARK } from './step-runner.ts';
import { TestHost } from './testing/test-host.ts';

const lockOf = (rev: string): string => `{ "nodes": { "root": {} }, "root": "root", "version": 7, "rev": "${rev}" }\n`;
const LOCK = lockOf('new');

describe('publishing the lock', function () {
  this.timeout(120_000);
  let host: TestHost;
  beforeEach(() => {
    host = new TestHost();
    host.configure({ lock: { publish: 'push' } });
  });
  afterEach(() => host.remove());

  /** Runs an update that succeeds, whatever becomes of its lock. */
  async function update(): Promise<RunState> {
    const runId = host.ask();
    await host.run(runId);
    return stateOf(runId);
  }

  function stateOf(runId: RunId): RunState {
    const run = foldRun(host.events(runId));
    assert.equal(run.end?.outcome, 'succeeded', host.output(runId));
    return run;
  }

  /** A run that has reached its goal with this lock, and whose runner died then: what is left to the next is to publish it. */
  function reached(lock = LOCK): RunId {
    const { stateDir } = host.config;
    const runId = host.ask();
    const intake = readInbox(stateDir, runId, 'web');
    assert.ok(intake.kind === 'request');
    keepRequest(stateDir, runId, intake.entry, intake.bytes);
    const paths = runPaths(stateDir, runId);
    const { journal } = JournalWriter.open(paths.journal);
    const [path, rev] = [host.config.nixcfgPath ?? '', head()];
    const names = { platform: 'local', method: 'staged', owner: 'ana', attribute: 'web', input: 'nixfleet' };
    journal.append({ type: 'phase', phase: 'accepted' });
    journal.append({ type: 'host', ...names, nixcfg: path, bootId: bootId() });
    journal.append({ type: 'recorded', before: { head: rev, branch: 'main' } });
    journal.append({ type: 'pulled', from: rev, to: rev, commits: [], more: 0 });
    journal.append({ type: 'phase', phase: 'committing' });
    journal.append({ type: 'publishing', changed: true });
    journal.close();
    writeFileSync(paths.lockAfter, lock);
    writeFileSync(join(path, 'flake.lock'), lock);
    return runId;
  }

  /** Publishes the lock of such a run. */
  async function publish(lock?: string): Promise<RunState> {
    const runId = reached(lock);
    assert.equal(await host.run(runId), 0);
    return stateOf(runId);
  }

  function upstream(...args: string[]): string {
    return execFileSync('git', ['-C', host.remote, ...args], { encoding: 'utf8' }).trim();
  }

  /** A hook of a repository. */
  function hook(name: string, script: string, folder = join(host.remote, 'hooks')): void {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  }

  /** Somebody else's push, which comes through while the first push of the host is being taken. */
  function overtake(script: string): void {
    const clone = join(host.home, 'overtaker');
    execFileSync('git', ['clone', '--quiet', host.remote, clone]);
    const commands = [
      ...['git pull --quiet', script, 'git add --all'],
      'git -c user.name=Bob -c user.email=b@example.org commit --quiet -m overtaken',
      'git push --quiet',
    ];
    writeFileSync(join(host.home, 'overtake.sh'), `set -e\ncd ${clone}\n${commands.join('\n')}\n`);
    hook(
      'pre-receive',
      `[ -e ${host.home}/overtaken ] && exit 0\n: > ${host.home}/overtaken\n` +
        `exec env -i PATH="$PATH" HOME=${host.home}/home sh ${host.home}/overtake.sh`,
    );
  }

  const head = (): string => host.git('rev-parse', 'HEAD').trim();

  it('is off unless the host says so', async () => {
    host.configure({ lock: { publish: 'none' } });
    const before = upstream('rev-parse', 'main');
    assert.equal((await publish()).published, undefined);
    assert.equal(upstream('rev-parse', 'main'), before);
  });

  it('commits it alone, as NixFleet, whatever a person has staged and configured, and pushes exactly that', async () => {
    host.push({ 'flake.lock': '{ "nodes": { "root": {} }, "root": "root", "version": 7 }\n' }, 'a lock');
    host.git('pull', '--quiet');
    for (const [key, value] of [
      ['commit.gpgSign', 'true'],
      ['tag.gpgSign', 'true'],
      ['push.gpgSign', 'true'],
      ['gpg.program', 'false'],
      ['push.followTags', 'true'],
      ['push.pushOption', 'ci.skip'],
      ['user.name', 'Ana'],
      ['merge.autoStash', 'true'],
    ] as const)
      host.git('config', key, value);
    for (const name of ['pre-commit', 'commit-msg', 'prepare-commit-msg', 'pre-push', 'post-index-change'])
      hook(name, 'exit 1', join(host.checkout, '.git/hooks'));
    host.git('-c', 'tag.gpgSign=false', 'tag', '-a', '-m', 'mine', 'mine');
    host.write('staged.nix', '{ }\n');
    host.git('add', 'staged.nix');
    host.write('hosts.nix', '{ mine = 1; }\n');
    const parent = head();

    const run = await update();
    const rev = upstream('rev-parse', 'main');
    assert.deepEqual([run.published?.result, run.published?.to, run.published?.rev], ['pushed', 'origin/main', rev]);
    assert.deepEqual(run.warnings, []);
    assert.equal(upstream('rev-parse', `${rev}^`), parent);
    assert.equal(upstream('diff', '--name-only', parent, rev), 'flake.lock');
    assert.equal(`${upstream('show', `${rev}:flake.lock`)}\n`, host.state().lock);
    const identity = 'NixFleet <nixfleet@web>';
    assert.equal(upstream('log', '-1', '--format=%an <%ae>%n%cn <%ce>%n%G?', rev), `${identity}\n${identity}\nN`);
    assert.match(upstream('log', '-1', '--format=%B', rev), /^flake\.lock: update nixfleet to 1\.0\./);
    assert.equal(upstream('tag'), '');
    assert.equal(head(), rev);
    assert.equal(run.end?.after.head, rev);
    assert.equal(host.git('status', '--porcelain'), ' M hosts.nix\nA  staged.nix\n');
    assert.ok(run.steps.every(step => step.exitCode === 0));

    const next = await update();
    assert.deepEqual([next.end?.changed, next.published?.result, next.published?.rev], [false, 'held', rev]);
    assert.equal(upstream('rev-parse', 'main'), rev);
    assert.ok(!next.steps.some(step => step.argv[1] === 'push'));
  });

  it('adds a lock that was never committed, in the folder of the flake, with modes and odd names as they are', async () => {
    host.push({ 'machines/größe/flake.nix': '{ }\n', 'machines/größe/a\tb\n': 'odd\n' }, 'move');
    host.git('pull', '--quiet');
    symlinkSync('hosts.nix', join(host.checkout, 'link'));
    writeFileSync(join(host.checkout, 'run.sh'), '#!/bin/sh\n', { mode: 0o755 });
    host.git('add', '--all');
    host.git('-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '--quiet', '-m', 'more');
    host.git('push', '--quiet');
    host.configure({ nixcfgPath: join(host.checkout, 'machines/größe') });
    const run = await publish();
    assert.equal(run.published?.result, 'pushed', run.published?.why);
    assert.equal(
      upstream('-c', 'core.quotePath=false', 'diff', '--name-status', 'main^', 'main'),
      'A\tmachines/größe/flake.lock',
    );
    assert.equal(host.git('status', '--porcelain'), '');
    assert.equal(host.git('fsck', '--strict', '--no-dangling'), '');
  });

  it('goes to a remote that takes fast-forwards only', async () => {
    upstream('config', 'receive.denyNonFastForwards', 'true');
    assert.equal((await publish()).published?.result, 'pushed');
  });

  it('that a protected branch refuses stays unpublished, says why, and is in nobody’s way', async () => {
    hook('update', 'echo "error: GH006: Protected branch update failed" >&2; exit 1');
    const before = [head(), upstream('rev-parse', 'main')];
    const run = await update();
    const why = run.published?.why ?? '';
    assert.equal(run.published?.result, 'not-published');
    assert.match(why, /the remote refused it: GH006: Protected branch update failed; hook declined/);
    assert.deepEqual(run.warnings, [`flake.lock was not published: ${why}`]);
    assert.deepEqual([head(), upstream('rev-parse', 'main')], before);
    assert.equal(host.git('status', '--porcelain'), '?? flake.lock\n');

    rmSync(join(host.remote, 'hooks/update'));
    host.push({ 'hosts.nix': '{ theirs = 1; }\n' }, 'theirs');
    const next = await update();
    assert.deepEqual([next.end?.changed, next.published?.result], [false, 'pushed'], next.published?.why);
    assert.equal(upstream('diff', '--name-only', 'main^', 'main'), 'flake.lock');
    assert.equal(host.git('status', '--porcelain'), '');
  });

  it('when upstream moves on meanwhile commits on top of that, and the checkout follows', async () => {
    overtake('echo "{ theirs = 2; }" > hosts.nix');
    const run = await publish();
    assert.equal(run.published?.result, 'pushed', run.published?.why);
    assert.deepEqual(upstream('log', '--format=%s', '-2', 'main').split('\n').length, 2);
    assert.equal(upstream('log', '-1', '--format=%s', 'main^'), 'overtaken');
    assert.equal(upstream('diff', '--name-only', 'main^', 'main'), 'flake.lock');
    assert.equal(head(), upstream('rev-parse', 'main'));
    assert.equal(host.git('status', '--porcelain'), '');
    assert.equal(readFileSync(join(host.checkout, 'hosts.nix'), 'utf8'), '{ theirs = 2; }\n');
  });

  it('when another host was faster with the same lock pulls that and carries on', async () => {
    writeFileSync(join(host.home, 'their.lock'), LOCK);
    overtake(`cp ${host.home}/their.lock flake.lock; echo "{ theirs = 2; }" > hosts.nix`);
    const run = await publish();
    assert.deepEqual([run.published?.result, run.published?.rev], ['held', upstream('rev-parse', 'main')]);
    assert.equal(head(), upstream('rev-parse', 'main'));
    assert.equal(upstream('rev-list', '--count', '--author=NixFleet', 'main'), '0');
    assert.equal(host.git('status', '--porcelain'), '');
  });

  it('that another host has published by then is not pushed again', async () => {
    const runId = reached();
    host.push({ 'flake.lock': LOCK }, 'theirs');
    await host.run(runId);
    const run = stateOf(runId);
    assert.equal(run.published?.result, 'held');
    assert.ok(!run.steps.some(step => step.argv[1] === 'push'));
    assert.deepEqual([head(), host.git('status', '--porcelain')], [run.published.rev, '']);
  });

  it('when upstream has another lock by then leaves that alone, and the next update starts from it', async () => {
    overtake(`echo '{ "nodes": { "root": {} }, "root": "root", "version": 7 }' > flake.lock`);
    const run = await publish();
    assert.match(run.published?.why ?? '', /upstream holds another lock by now/);
    assert.equal(upstream('log', '-1', '--format=%s', 'main'), 'overtaken');
    const next = await update();
    assert.equal(next.published?.result, 'pushed', next.published?.why);
    assert.equal(upstream('log', '-1', '--format=%s', 'main^'), 'overtaken');
  });

  it('never overwrites a branch that was set back', async () => {
    // what is pushed to is not what is pulled from: it holds less than the commit's parent
    const elsewhere = join(host.home, 'elsewhere.git');
    execFileSync('git', ['clone', '--quiet', '--bare', host.remote, elsewhere]);
    const old = host.git('-C', elsewhere, 'rev-parse', 'main');
    host.push({ 'hosts.nix': '{ n = 3; }\n' }, 'later taken back');
    host.git('pull', '--quiet');
    host.git('config', 'remote.origin.pushurl', elsewhere);
    const run = await publish();
    assert.match(run.published?.why ?? '', /upstream moved on 5 times/);
    assert.equal(host.git('-C', elsewhere, 'rev-parse', 'main'), old);
    assert.equal(head(), upstream('rev-parse', 'main'));
  });

  it('never pushes a person’s commits', async () => {
    host.git('-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '--quiet', '--allow-empty', '-m', 'mine');
    const before = [head(), upstream('rev-parse', 'main')];
    assert.match((await publish()).published?.why ?? '', /commits that were not pushed/);
    assert.deepEqual([head(), upstream('rev-parse', 'main')], before);
  });

  it('to a remote that cannot be reached says so, in words', async () => {
    host.git('config', 'remote.origin.pushurl', 'git://127.0.0.1:9/nixcfg.git');
    const run = await publish();
    assert.match(run.published?.why ?? '', /could not be reached: .*127\.0\.0\.1/);
    assert.equal(host.git('status', '--porcelain'), '?? flake.lock\n');
  });

  it('is left out where the checkout takes signed commits only', async () => {
    host.git('config', 'merge.verifySignatures', 'yes');
    assert.match((await publish()).published?.why ?? '', /merge\.verifySignatures/);
  });

  it('leaves the checkout where it is when a person’s change is in the way of others’ commits', async () => {
    overtake('echo "{ theirs = 2; }" > hosts.nix');
    host.write('hosts.nix', '{ mine = 1; }\n');
    const before = head();
    const run = await publish();
    assert.equal(run.published?.result, 'pushed', run.published?.why);
    assert.match(run.warnings.join(), /checkout was not brought to origin\/main.*hosts\.nix/);
    assert.equal(head(), before);
    assert.equal(readFileSync(join(host.checkout, 'hosts.nix'), 'utf8'), '{ mine = 1; }\n');
    host.git('checkout', '--quiet', 'hosts.nix');
    host.git('clean', '--quiet', '--force', 'flake.lock');
    host.git('pull', '--quiet', '--ff-only');
    assert.equal(host.git('status', '--porcelain'), '');
  });

  it('is left out when a person has left the branch meanwhile', async () => {
    const runId = reached();
    host.git('checkout', '--quiet', '--detach');
    await host.run(runId);
    assert.match(stateOf(runId).published?.why ?? '', /not on main any more/);
  });

  describe('that takes too long', () => {
    beforeEach(() => hook('pre-receive', 'exec sleep 600'));

    it('is given up at its deadline, and the run has succeeded all the same', async () => {
      host.configure({ deadlines: { settling: 50, confirming: 20_000, publishing: 1500 } });
      const runId = reached();
      await host.run(runId);
      const run = stateOf(runId);
      assert.match(run.published?.why ?? '', /publishing was not done within its deadline of 2 s/);
      assert.equal(run.end?.reason, undefined);
      assert.deepEqual(processesMarked(RUN_MARK, runId), []);
      assert.equal(host.git('status', '--porcelain'), '?? flake.lock\n');
    });

    it('is skipped when somebody cancels, and so is the rest of nothing', async () => {
      const runId = reached();
      const running = host.run(runId);
      await until(() => foldRun(host.events(runId)).steps.some(step => step.argv[1] === 'push'));
      writeFileSync(inboxPaths(host.config.stateDir, runId).cancel, '{"by":"ana"}');
      await running;
      const run = stateOf(runId);
      assert.match(run.published?.why ?? '', /cancelled by ana while publishing/);
      assert.equal(run.cancelAsked?.by, 'ana');
    });

    it('is skipped when the runner is told to stop', async () => {
      const runId = reached();
      const stop = new AbortController();
      const running = host.run(runId, stop.signal);
      await until(() => foldRun(host.events(runId)).steps.some(step => step.argv[1] === 'push'));
      stop.abort();
      await running;
      assert.match(stateOf(runId).published?.why ?? '', /told to stop while publishing/);
    });
  });

  for (const [when, name] of [
    ['before the remote took it', 'pre-receive'],
    ['after the remote took it', 'post-receive'],
  ] as const)
    for (const isPowerLoss of [false, true])
      it(`whose runner dies ${when}${isPowerLoss ? ', with the whole host,' : ''} is published once`, async () => {
        hook(name, `: > ${host.home}/taken; exec sleep 600`);
        const runId = reached();
        await host.killWhen(runId, () => existsSync(join(host.home, 'taken')));
        if (isPowerLoss) await host.losePower(runId);
        rmSync(join(host.remote, 'hooks', name));
        assert.equal(await host.run(runId), 0);
        const run = stateOf(runId);
        assert.deepEqual([run.published?.result, run.end?.changed], ['pushed', true], run.published?.why);
        assert.equal(run.published?.rev, upstream('rev-parse', 'main'));
        assert.equal(upstream('rev-list', '--count', '--author=NixFleet', 'main'), '1');
        assert.equal(head(), upstream('rev-parse', 'main'));
        assert.equal(host.git('status', '--porcelain'), '');
        assert.deepEqual(host.activations(), []);
        assert.deepEqual(processesMarked(RUN_MARK, runId), []);
      });

  for (const isCommitted of [false, true])
    it(`whose fast-forward is stopped leaves the lock of the run${isCommitted ? ' in the place of an older one' : ''}`, async () => {
      const files = { '.gitattributes': 'slow-* filter=slow\n', ...(isCommitted && { 'flake.lock': lockOf('old') }) };
      host.push(files, 'before');
      host.git('pull', '--quiet');
      host.git('config', 'filter.slow.smudge', 'sleep 600');
      overtake('echo "{ n = 5; }" > hosts.nix; echo new > a-new.nix; echo slow > slow-1');
      const before = head();
      const runId = reached();
      const running = host.run(runId);
      await until(() => existsSync(join(host.checkout, 'a-new.nix')));
      writeFileSync(inboxPaths(host.config.stateDir, runId).cancel, '{"by":"ana"}');
      await running;
      const run = stateOf(runId);
      assert.equal(run.published?.result, 'pushed');
      assert.match(run.warnings.join(), /was not brought to origin\/main.*cancelled by ana/);
      assert.equal(host.state().lock, LOCK);
      assert.equal(head(), before);
      assert.equal(host.git('status', '--porcelain'), isCommitted ? ' M flake.lock\n' : '?? flake.lock\n');
      host.git('config', '--unset', 'filter.slow.smudge');
      const next = await update();
      assert.deepEqual([next.commits?.to, next.published?.result], [run.published.rev, 'pushed'], next.published?.why);
    });

  it('whose runner dies with the whole host when the checkout has just been fast-forwarded loses no file', async () => {
    overtake('echo "{ n = 6; }" > hosts.nix; echo new > a-new.nix');
    const sync = join(host.home, 'bin/sync');
    const before = readFileSync(sync);
    writeFileSync(sync, `#!/bin/sh\n[ "$*" != "-f ." ] || { : > ${host.home}/syncing; sleep 10; }\n`);
    const runId = reached();
    await host.killWhen(runId, () => existsSync(join(host.home, 'syncing')));
    writeFileSync(sync, before);
    writeFileSync(join(host.checkout, 'hosts.nix'), '');
    rmSync(join(host.checkout, 'a-new.nix'));
    await host.losePower(runId);
    assert.equal(await host.run(runId), 0);
    assert.equal(stateOf(runId).published?.result, 'pushed');
    assert.equal(head(), upstream('rev-parse', 'main'));
    assert.equal(host.git('status', '--porcelain'), '');
    assert.equal(host.state().lock, LOCK);
  });

  it('whose runner dies in the middle of the fast-forward leaves no file half merged', async () => {
    host.push({ '.gitattributes': 'slow-* filter=slow\n' }, 'attributes');
    host.git('pull', '--quiet');
    host.git('config', 'filter.slow.smudge', 'sleep 600');
    overtake('echo "{ n = 5; }" > hosts.nix; echo new > a-new.nix; echo slow > slow-1');
    const runId = reached();
    await host.killWhen(
      runId,
      (_, output) => output.includes('$ git merge') && existsSync(join(host.checkout, 'a-new.nix')),
    );
    host.git('config', '--unset', 'filter.slow.smudge');
    assert.equal(await host.run(runId), 0);
    assert.equal(stateOf(runId).published?.result, 'pushed');
    assert.equal(head(), upstream('rev-parse', 'main'));
    assert.equal(host.git('status', '--porcelain'), '');
  });
});

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, 'it did not come so far');
    await new Promise(resolve => setTimeout(resolve, 10));
  }
}
