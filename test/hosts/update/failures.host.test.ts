import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import type { Phase, UpdateRequest } from '../../../protocol/index.ts';
import { assertAsBefore, assertNothingWasLost, factsOf, type HostFacts } from '../../fleet/oracle.ts';
import { Fleet } from '../../support/fleet.ts';
import type { Operator, WatchedRun } from '../../support/operator.ts';
import type { Faults } from '../lab/faults.ts';
import { OWNER, type TestHost } from '../lab/host.ts';

const CONFIG = '/etc/nixfleet/config.json';

describe('an update that fails on a real host leaves it as it was and says what to do:', function () {
  this.timeout(120_000);
  let fleet: Fleet;
  let operator: Operator;
  let host: TestHost;
  let version = 0;

  before(async function () {
    this.timeout(600_000);
    fleet = await Fleet.create({ hosts: ['h1'], log: line => console.log(`      ${line}`) });
    host = await fleet.addHost('h1');
    operator = await fleet.operator();
    await operator.waitFor('the agent', () => operator.hosts.get('h1')?.online);
  });
  after(() => fleet.close());

  const git = (...args: string[]): Promise<string> => host.run(['git', ...args], { user: OWNER, cwd: host.checkout });
  /** Puts a file in the place of the link that the generation has there. */
  const configure = async (more: Record<string, unknown>): Promise<void> => {
    const sound = JSON.parse(host.readFile(`/run/current-system${CONFIG}`)) as object;
    await host.run(['rm', CONFIG]);
    host.writeFile(CONFIG, JSON.stringify({ ...sound, ...more }));
  };
  const asGenerated = (): Promise<string> => host.run(['ln', '-sfn', '/etc/static/nixfleet/config.json', CONFIG]);
  /** Something new to update to, so that a run has work to do. */
  const publish = async (): Promise<void> => {
    version++;
    await fleet.lab.nixfleet.publish(`2.0.${version}`);
  };

  interface Expected {
    readonly phase: Phase;
    readonly kind: string;
    readonly says: RegExp;
    readonly outcome?: 'failed' | 'rolled-back';
    readonly ask?: Partial<UpdateRequest>;
  }

  async function fails(expected: Expected): Promise<{ run: WatchedRun; before: HostFacts }> {
    const facts = await factsOf(host);
    const run = await operator.finished(await operator.update('h1', expected.ask));
    const told = `${JSON.stringify(run.state.end, null, 2)}\n${run.output.slice(-4000)}`;
    assert.equal(run.state.end?.outcome, expected.outcome ?? 'failed', told);
    assert.equal(run.state.end.reason?.kind, expected.kind, told);
    assert.equal(run.state.end.phase, expected.phase, told);
    assert.match(run.state.end.reason.message, expected.says);
    assert.ok(run.state.end.reason.advice, told);
    assert.equal(run.state.end.changed, false);
    await assertAsBefore(host, facts);
    assertNothingWasLost(host, run);
    assert.equal(await host.run(['find', '/home/ana', '!', '-user', 'ana']), '', 'nothing of root’s in the home');
    return { run, before: facts };
  }

  it('the git remote cannot be reached', async () => {
    await fleet.lab.git.kill();
    try {
      const { run } = await fails({
        phase: 'pulling',
        kind: 'remote-unreachable',
        says: /remote origin \(git:\/\/10\.77\.0\.1\/nixcfg\.git\).*could not be reached/,
      });
      assert.ok(run.state.end?.lastLines?.some(line => /unable to connect/.test(line)));
    } finally {
      await fleet.lab.git.start();
    }
  });

  it('the branch has diverged', async () => {
    await fleet.lab.nixcfg.commit({ 'README.md': 'theirs\n' }, 'Theirs');
    await git('commit', '--quiet', '--allow-empty', '--message=Ours');
    await fails({ phase: 'pulling', kind: 'diverged', says: /has diverged/ });
    await git('reset', '--quiet', '--keep', 'HEAD~1');
  });

  it('HEAD is detached', async () => {
    await git('checkout', '--quiet', '--detach');
    await fails({ phase: 'pulling', kind: 'detached-head', says: /on no branch/ });
    await git('switch', '--quiet', 'main');
  });

  it('the branch has no upstream', async () => {
    await git('branch', '--unset-upstream');
    await fails({ phase: 'pulling', kind: 'no-upstream', says: /follows no remote branch/ });
    await git('branch', '--set-upstream-to=origin/main');
  });

  it('a person’s change is in the way', async () => {
    const path = fleet.lab.nixcfg.path('hosts/h1.nix');
    host.writeFile(`${host.checkout}/${path}`, `# mine\n${fleet.lab.nixcfg.read(path)}`, { owner: OWNER });
    await fleet.lab.nixcfg.commit({ [path]: `# theirs\n${fleet.lab.nixcfg.read(path)}` }, 'Theirs');
    await fails({ phase: 'pulling', kind: 'local-changes', says: /hosts\/h1\.nix/ });
    await git('checkout', '--quiet', '--', '.');
  });

  it('a person has changed the lock', async () => {
    const lock = `${host.flake}/flake.lock`;
    host.writeFile(lock, `${host.readFile(lock)}\n`, { owner: OWNER });
    await fails({ phase: 'pulling', kind: 'local-changes', says: /flake\.lock has changes/ });
    await git('checkout', '--quiet', '--', '.');
  });

  it('a private remote without a key, and one whose host is not known', async () => {
    const ssh = await fleet.lab.refusingSsh();
    await git('remote', 'set-url', 'origin', ssh.url);
    await fails({ phase: 'pulling', kind: 'host-key', says: /not the SSH server/ });
    host.writeFile('/home/ana/.ssh/known_hosts', ssh.knownHosts, { owner: OWNER, mode: 0o600 });
    await fails({ phase: 'pulling', kind: 'auth', says: /does not let this host in/ });
    await git('remote', 'set-url', 'origin', fleet.lab.nixcfg.url);
    await ssh.service.kill();
  });

  it('nixcfg is not found: it lists what was tried', async () => {
    await configure({ nixcfgPath: undefined, owner: 'root' });
    await fails({ phase: 'pulling', kind: 'nixcfg-not-found', says: /tried \/root\/Code\/nixcfg .*, \/etc\/nixos / });
    await asGenerated();
  });

  it('there is no such input', async () => {
    await configure({ inputName: 'nixfeet' });
    await fails({ phase: 'locking', kind: 'no-such-input', says: /no input named nixfeet/ });
    await asGenerated();
  });

  it('the source of the input cannot be reached, although nix exits 0', async () => {
    await publish();
    await host.sh('git clone --quiet --bare "$1" /home/ana/nixcfg.git', { user: OWNER }, [fleet.lab.nixcfg.url]);
    await git('remote', 'set-url', 'origin', '/home/ana/nixcfg.git');
    await fleet.lab.git.kill();
    try {
      await fails({ phase: 'locking', kind: 'remote-unreachable', says: /input nixfleet could not be reached/ });
    } finally {
      await fleet.lab.git.start();
      await git('remote', 'set-url', 'origin', fleet.lab.nixcfg.url);
    }
  });

  it('nix’s copy of the source is locked by a git at work; the lock of one that died is removed', async () => {
    await publish();
    const ended = async (): Promise<WatchedRun> => operator.finished(await operator.update('h1'));
    assert.equal((await ended()).state.end?.outcome, 'succeeded');
    await host.run(['sh', '-c', 'for heads in ~/.cache/nix/gitv3/*/refs/heads; do touch "$heads/main.lock"; done'], {
      user: OWNER,
    });
    await publish();
    await host.run(['sh', '-c', 'cp "$(command -v sleep)" /tmp/git && systemd-run --unit=some-git /tmp/git 1000']);
    try {
      await fails({
        phase: 'locking',
        kind: 'copy-locked',
        says: /could not be fetched anew.*main\.lock': File exists/,
      });
    } finally {
      await host.run(['systemctl', 'stop', 'some-git']);
    }
    const run = await ended();
    assert.equal(run.state.end?.outcome, 'succeeded', run.output);
    assert.equal(run.state.end.after.agent?.version, `2.0.${version}`);
    assert.match(run.output, /a git that died had left \/home\/ana\/\.cache\/nix\/.*main\.lock; it is removed/);
  });

  it('a revision that does not exist', async () => {
    await fails({ phase: 'locking', kind: 'target-not-reached', says: /revision/, ask: { targetRev: 'd'.repeat(40) } });
  });

  it('a forge’s rate limit', async () => {
    const forge = await fleet.lab.forge();
    forge.trustOn(host);
    const flake = fleet.lab.nixcfg.path('flake.nix');
    const sound = fleet.lab.nixcfg.read(flake);
    await fleet.lab.nixcfg.commit(
      { [flake]: sound.replace(/(nixfleet\.url = )"[^"]*"/, `$1"${forge.input}"`) },
      'Take it from the forge',
    );
    for (const status of [403, 429] as const) {
      forge.limit(status);
      await fails({ phase: 'locking', kind: 'rate-limit', says: /rate limit/ });
    }
    await fleet.lab.nixcfg.commit({ [flake]: sound }, 'Take it from git again');
    await forge.service.kill();
  });

  const broken: readonly (readonly [string, Faults, Expected])[] = [
    [
      'an evaluation error',
      { evaluation: 'this host is not sound' },
      { phase: 'building', kind: 'evaluation', says: /h1 does not evaluate: this host is not sound/ },
    ],
    [
      'a build error',
      { build: { lines: 3, exit: 7 } },
      { phase: 'building', kind: 'build', says: /h1 does not build/ },
    ],
    [
      'a configuration without an agent',
      { agent: 'none' },
      { phase: 'building', kind: 'no-agent-in-configuration', says: /carries no NixFleet agent/ },
    ],
    [
      'a build past its deadline',
      { build: { lines: 1, hang: true } },
      {
        phase: 'building',
        kind: 'deadline',
        says: /building was not done within its deadline of 5 s/,
        ask: { deadlines: { building: 5000 } },
      },
    ],
    [
      'a generation that needs a reboot',
      { activation: { at: 'check' } },
      { phase: 'activating', kind: 'needs-reboot', says: /needs a reboot/ },
    ],
    [
      'an activation that is broken at once',
      { activation: { at: 'before' } },
      { phase: 'activating', kind: 'activation', says: /exit code 1/ },
    ],
    [
      'an activation script that fails',
      { activation: { at: 'script' } },
      { phase: 'activating', kind: 'activation', says: /an activation script failed/ },
    ],
    [
      'an activation that fails when the new agent runs already',
      { activation: { at: 'after' } },
      { phase: 'activating', kind: 'activation', says: /exit code 1/ },
    ],
    [
      'an activation that hangs',
      { activation: { at: 'after', hang: true } },
      { phase: 'activating', kind: 'deadline', says: /deadline of 6 s/, ask: { deadlines: { activating: 6000 } } },
    ],
    ...(['crash', 'mute', 'missing'] as const).map(
      agent =>
        [
          `a new agent that is ${agent}`,
          { agent },
          {
            phase: 'confirming',
            kind: 'agent-not-confirmed',
            says: /was not proven within 5 s/,
            outcome: 'rolled-back',
            ask: { deadlines: { confirming: 5000 } },
          },
        ] as const,
    ),
  ];
  for (const [title, faults, expected] of broken)
    it(title, async () => {
      await fleet.lab.nixcfg.setFaults('h1', faults);
      await publish();
      const { run } = await fails(expected);
      if (faults.build?.exit !== undefined)
        assert.ok(run.state.end?.lastLines?.some(line => line.includes('the last part does not fit')));
      if (faults.agent === 'crash')
        assert.ok(run.state.end?.lastLines?.some(line => line.includes('the agent cannot start')));
    });

  it('a revision that was taken back here before, until a person says to try it all the same', async () => {
    await fleet.lab.nixcfg.setFaults('h1');
    await fails({ phase: 'locking', kind: 'failed-before', says: /was taken back on this host before/ });
    const run = await operator.finished(await operator.update('h1', { retryAnyway: true }));
    assert.equal(run.state.end?.outcome, 'succeeded', run.output.slice(-3000));
    assert.equal((await factsOf(host)).agentVersion, `2.0.${version}`);
  });
});
