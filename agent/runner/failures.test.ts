import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  cpSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { runPaths } from '../run-directory/layout.ts';
import { readRefusal } from '../run-directory/refusal.ts';
import { listRuns } from '../run-directory/run-list.ts';
import { foldRun, type Phase } from '../../protocol/index.ts';
import { unknownRevision, TestHost, type Ended, type FaultPlan } from './testing/test-host.ts';

let host: TestHost;
before(async function () {
  this.timeout(30_000);
  host = new TestHost();
  // a host that was updated before: a generation, an agent, and the lock that the run left
  assert.equal((await host.update()).outcome, 'succeeded');
  host.push({ 'flake.lock': host.state().lock ?? '' }, 'commit the lock');
  assert.equal((await host.update()).outcome, 'succeeded');
  host.release('b');
  host.save();
});
afterEach(() => host.restore());
after(() => host.remove());

/** Updates, and sees that the run failed in that phase for that reason and left everything as it was. */
async function failsAsItWas(
  kind: string,
  phase: Phase,
  says: RegExp,
  outcome: Ended['outcome'] = 'failed',
): Promise<Ended> {
  const before = host.state();
  const runId = host.ask();
  assert.equal(await host.run(runId), 0);
  const run = foldRun(host.events(runId));
  const output = host.output(runId);
  assert.equal(run.end?.reason?.kind, kind, output);
  assert.equal(run.end.outcome, outcome, output);
  assert.equal(run.end.phase, phase);
  assert.equal(run.end.changed, false);
  assert.match(run.end.reason.message, says);
  assert.notEqual(run.end.reason.advice ?? '', '', 'it says what to do');
  assert.deepEqual(host.state(), before);
  assert.ok((run.end.lastLines ?? []).every(line => !/[\x00-\x08\x1b]/.test(line)));
  return host.end(runId);
}

describe('a run that fails leaves everything as it was:', function () {
  this.timeout(30_000);

  it('and shows no token that is in the URL of a remote or an input', async () => {
    const token = 't0ken-of-somebody';
    host.git('config', 'branch.main.remote', `https://ana:${token}@127.0.0.1:9/nixcfg.git`);
    await failsAsItWas('remote-unreachable', 'pulling', /https:\/\/\*\*\*@127\.0\.0\.1:9\/nixcfg\.git/);
    host.git('config', 'branch.main.remote', 'origin');
    const said = `error: unable to download 'https://${token}@example.org/a.tar.gz': HTTP error 500`;
    host.plan({ update: { stderr: [said], exit: 1 } });
    await failsAsItWas('remote-unreachable', 'locking', /https:\/\/\*\*\*@example\.org\/a\.tar\.gz/);
    for (const runId of listRuns(host.config.stateDir)) {
      const { journal } = runPaths(host.config.stateDir, runId);
      assert.ok(!readFileSync(journal, 'utf8').includes(token), 'the journal');
      assert.ok(!host.output(runId).includes(token), 'the output');
    }
  });

  it('also when the power is lost just then: what was put back is on the disk before the run says so', async () => {
    host.push({ 'hosts.nix': '# synced\n' }, 'to be taken back');
    host.plan({ build: { exit: 1, errors: ['error: builder for x failed'] } });
    const before = host.syncs().length;
    await failsAsItWas('evaluation', 'building', /builder for x failed/);
    const [pulled, locked, ...rest] = host.syncs().slice(before);
    assert.equal(pulled, `${host.checkout} -f . after step-ended`);
    assert.equal(locked, `${host.checkout} -- flake.lock . after step-ended`);
    assert.equal(rest.at(-1), `${host.checkout} -f . after step-ended`);
  });

  it('the remote of nixcfg cannot be reached', async () => {
    host.git('remote', 'set-url', 'origin', 'git://127.0.0.1:9/nixcfg.git');
    const end = await failsAsItWas(
      'remote-unreachable',
      'pulling',
      /git:\/\/127\.0\.0\.1:9\/nixcfg\.git.*Connection refused|unable to connect/,
    );
    assert.ok(end.lastLines?.some(line => /unable to connect/.test(line)));
  });

  it('the branch has diverged', async () => {
    host.push({ 'hosts.nix': '{ theirs = 1; }\n' }, 'theirs');
    host.git('-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '--quiet', '--allow-empty', '-m', 'ours');
    await failsAsItWas('diverged', 'pulling', /branch main .* has diverged from origin/);
  });

  it('HEAD is detached', async () => {
    host.git('checkout', '--quiet', '--detach');
    await failsAsItWas('detached-head', 'pulling', /on no branch/);
  });

  it('the branch has no upstream', async () => {
    host.git('branch', '--unset-upstream');
    await failsAsItWas('no-upstream', 'pulling', /branch main .* follows no remote branch/);
  });

  it('the upstream branch is gone', async () => {
    host.git('config', 'branch.main.merge', 'refs/heads/gone');
    await failsAsItWas('upstream-gone', 'pulling', /no longer has the branch/);
  });

  it('a person’s change is in the way', async () => {
    host.write('hosts.nix', '{ mine = 1; }\n');
    host.push({ 'hosts.nix': '{ theirs = 2; }\n' }, 'theirs');
    await failsAsItWas('local-changes', 'pulling', /nixcfg: hosts\.nix$/);
  });

  it('a person’s new file is in the way, even one that git ignores', async () => {
    host.write('secret.nix', 'mine\n');
    host.write('.git/info/exclude', 'secret.nix\n');
    host.push({ 'secret.nix': 'theirs\n' }, 'theirs');
    await failsAsItWas('local-changes', 'pulling', /secret\.nix/);
  });

  it('a person has changed the lock', async () => {
    host.write('flake.lock', '{ "mine": true }\n');
    await failsAsItWas('local-changes', 'pulling', /flake\.lock/);
  });

  it('another git is at work in the checkout', async () => {
    host.push({ 'hosts.nix': '{ theirs = 3; }\n' }, 'theirs');
    host.write('.git/index.lock', '');
    const before = host.git('rev-parse', 'HEAD');
    const end = await host.update();
    assert.equal(end.reason?.kind, 'checkout-busy');
    assert.equal(host.git('rev-parse', 'HEAD'), before);
  });

  it('nixcfg is not there, and the message lists what was tried', async () => {
    host.configure({ nixcfgPath: join(host.home, 'elsewhere') });
    await failsAsItWas('nixcfg-not-found', 'pulling', /elsewhere \(does not exist\)/);
  });

  it('nixcfg is no git checkout', async () => {
    rmSync(join(host.checkout, '.git'), { recursive: true });
    const end = await host.update();
    assert.equal(end.reason?.kind, 'not-a-repository');
  });

  it('there is no such input', async () => {
    host.configure({ inputName: 'other' });
    await failsAsItWas('no-such-input', 'locking', /no input named other/);
  });

  const locking: readonly (readonly [string, string, RegExp, NonNullable<FaultPlan['update']>])[] = [
    [
      'the source of the input cannot be reached, although nix exits 0',
      'remote-unreachable',
      /could not be reached/,
      {
        stale: true,
        stderr: [
          'fatal: unable to connect to 10.77.0.1:',
          "warning: could not update local clone of Git repository 'git://10.77.0.1/nixfleet.git'; continuing with the most recent version",
        ],
      },
    ],
    [
      'a forge’s rate limit',
      'rate-limit',
      /rate limit/,
      {
        exit: 1,
        stderr: [
          "error: unable to download 'https://api.github.com/x': HTTP error 403",
          'API rate limit exceeded for 192.0.2.1.',
        ],
      },
    ],
    [
      'no key for a private input',
      'auth',
      /does not let this host in/,
      { exit: 1, stderr: ['git@github.com: Permission denied (publickey).'] },
    ],
    ['nix leaves a broken lock', 'lock-unreadable', /cannot be read/, { garbage: true }],
    ['nix fails after it has written half a lock', 'internal', /exit code 3/, { garbage: true, exit: 3 }],
  ];
  for (const [title, kind, says, update] of locking)
    it(title, async () => {
      host.push({ 'hosts.nix': `# ${kind}\n` }, 'theirs');
      host.plan({ update });
      await failsAsItWas(kind, 'locking', says);
    });

  it('an evaluation error', async () => {
    host.push({ 'flake.nix': '{ broken = 1; }\n' }, 'break it');
    host.plan({ build: { exit: 1, lines: 0, errors: ["\x1b[31;1merror:\x1b[0m undefined variable 'pkgz'"] } });
    const end = await failsAsItWas('evaluation', 'building', /web does not evaluate: undefined variable 'pkgz'/);
    assert.deepEqual(end.lastLines?.at(-1), "error: undefined variable 'pkgz'");
  });

  it('a build error', async () => {
    host.plan({ build: { exit: 1, errors: ["error: builder for '/nix/store/x-work.drv' failed with exit code 1"] } });
    await failsAsItWas('build', 'building', /web does not build: builder for/);
  });

  it('a configuration without an agent', async () => {
    host.plan({ agent: 'none' });
    const activations = host.activations();
    await failsAsItWas('no-agent-in-configuration', 'building', /carries no NixFleet agent/);
    assert.deepEqual(host.activations(), activations, 'nothing was activated');
  });

  it('an activation error: the recorded generation is activated again', async () => {
    host.plan({ activation: { exit: 2, stderr: ['Activation script snippet users failed (1)'] } });
    const { running } = host.state();
    await failsAsItWas('activation', 'activating', /an activation script failed/);
    assert.equal(host.activations().at(-1), `test ${running ?? ''}`);
  });

  it('a generation that needs a reboot: nothing was touched', async () => {
    host.plan({
      activation: {
        at: 'check',
        exit: 1,
        stderr: ["Pre-switch check 'switchInhibitors' failed", 'Pre-switch checks failed'],
      },
    });
    await failsAsItWas('needs-reboot', 'activating', /needs a reboot/);
    assert.match(host.activations().at(-1) ?? '', /1\.0\.e9d7/, 'the old generation was not activated again');
  });

  it('a phase past its deadline', async () => {
    host.configure({ deadlines: { building: 300, settling: 50 } });
    host.plan({ build: { hang: true } });
    await failsAsItWas('deadline', 'building', /building was not done within its deadline of 300 ms/);
  });

  it('a build that says nothing for too long', async () => {
    host.configure({ deadlines: { buildSilence: 500, settling: 50 } });
    host.plan({ build: { hang: true } });
    await failsAsItWas('stuck', 'building', /nix build said nothing for 500 ms/);
  });

  it('an activation that hangs', async () => {
    host.configure({ deadlines: { activating: 700, settling: 50 } });
    host.plan({ activation: { hang: true } });
    const before = host.state();
    const end = await host.update();
    assert.equal(end.outcome, 'failed');
    assert.equal(end.reason?.kind, 'deadline');
    assert.deepEqual(host.state(), before);
  });

  for (const agent of ['crash', 'silent'] as const)
    it(`a new agent that is ${agent === 'crash' ? 'not there' : 'there and does nothing'}: rolled back`, async () => {
      host.configure({ deadlines: { confirming: 5000, settling: 50 } });
      host.plan({ agent });
      await failsAsItWas('agent-not-confirmed', 'confirming', /was not proven within 5 s/, 'rolled-back');
    });

  it('a revision that was asked for is not reached', async () => {
    host.plan({ update: { stale: true } });
    const before = host.state();
    const end = await host.update({ targetRev: unknownRevision() });
    assert.equal(end.reason?.kind, 'target-not-reached');
    assert.deepEqual(host.state(), before);
  });

  describe('the disk of the state folder is full', () => {
    let state: string;
    let isMounted = false;
    before(function () {
      state = join(host.home, 'small');
      mkdirSync(state);
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'nixfleet-test', state], { stdio: 'ignore' });
        isMounted = true;
        cpSync(join(host.home, 'state'), state, { recursive: true, verbatimSymlinks: true });
      } catch {
        // only root may mount, and not in every container
        this.skip();
      }
    });
    beforeEach(() => host.configure({ stateDir: state }));
    // lazily: a test that failed may have left somebody in it
    after(() => isMounted && execFileSync('umount', ['--lazy', state]));

    it('in the middle of a build', async () => {
      host.plan({ build: { lines: 100_000 } });
      await failsAsItWas('disk-full', 'building', /disk is full|No space left/);
      rmSync(runPaths(state, listRuns(state)[0]!).dir, { recursive: true });
    });

    it('in the middle of an activation: it is ended, and the old generation activated again, whose units it may have stopped', async () => {
      const { running: old } = host.state();
      // so much room that it is this process that runs out of it
      for (const runId of listRuns(state)) rmSync(runPaths(state, runId).dir, { recursive: true });
      host.plan({ activation: { at: 'stopping', lines: 200_000, hang: true } });
      await failsAsItWas('disk-full', 'activating', /disk is full|No space left/);
      assert.equal(host.activations().at(-1), `test ${old}`);
      rmSync(runPaths(state, listRuns(state)[0]!).dir, { recursive: true });
    });

    it('while an activation says its last words for long: it is ended just so', async () => {
      const { running: old } = host.state();
      const fills = join(state, 'filler');
      // so few lines that they still fit into the pages of the raw file, and not into those of the output
      host.plan({ activation: { at: 'stopping', fills, lines: 190, hang: true } });
      await failsAsItWas('disk-full', 'activating', /disk is full|No space left/);
      assert.equal(host.activations().at(-1), `test ${old}`);
      rmSync(fills);
      rmSync(runPaths(state, listRuns(state)[0]!).dir, { recursive: true });
    });

    it('before it begins: it is refused, and nothing of it stays', async () => {
      const runId = host.ask();
      const filler = openSync(join(state, 'filler'), 'w');
      assert.throws(() => {
        for (;;) writeSync(filler, Buffer.alloc(4096));
      });
      closeSync(filler);
      truncateSync(join(state, 'filler'), statSync(join(state, 'filler')).size - 20_480);
      assert.equal(await host.run(runId), 0);
      assert.equal(readRefusal(state, runId)?.kind, 'disk-full');
      rmSync(join(state, 'filler'));
      host.plan({ build: { exit: 1 } });
      assert.equal((await host.update()).reason?.kind, 'evaluation', 'the next one begins');
    });
  });

  it('and nothing of it is left in the checkout or the inbox', async () => {
    host.plan({ build: { exit: 1 } });
    await host.update();
    assert.deepEqual(readdirSync(host.checkout).sort(), ['.git', 'flake.lock', 'flake.nix', 'hosts.nix']);
    assert.deepEqual(readdirSync(join(host.home, 'state/inbox')), []);
  });
});
