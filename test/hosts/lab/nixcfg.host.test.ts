import assert from 'node:assert/strict';
import { before, beforeEach, describe, it } from 'mocha';
import type { ExecResult } from './exec.ts';
import type { Faults } from './faults.ts';
import { PLACEHOLDER_AGENT, useLab } from './for-tests.ts';
import { OWNER, type TestHost } from './host.ts';
import type { Manifest, Provisioned } from './provision.ts';

const UNIT = 'nixfleet-agent.service';

/** The executable of the agent that runs, as systemd and the kernel see it. */
async function runningAgent(host: TestHost): Promise<string> {
  const pid = await host.run(['systemctl', 'show', '--property=MainPID', '--value', UNIT]);
  return host.readFile(`/proc/${pid}/cmdline`).split('\0')[1] ?? '';
}

const manifestOf = (host: TestHost, generation: string): Manifest =>
  JSON.parse(host.readFile(`${generation}/etc/nixfleet/agent.json`)) as Manifest;

/** As a person does it: pull, then build the host's generation in the checkout. */
function build(host: TestHost, format = 'bar-with-logs'): Promise<ExecResult> {
  const script = `
    cd "$1"
    git pull --quiet --ff-only
    nix build --log-format "$2" "$1#nixosConfigurations.$(hostname).config.system.build.toplevel" \\
      --no-link --print-out-paths`;
  return host.sh(script, { user: OWNER }, [host.flake, format]);
}

const switchTo = (host: TestHost, generation: string, action: string): Promise<ExecResult> =>
  host.exec([`${generation}/bin/switch-to-configuration`, action]);

describe('A host that the miniature nixcfg configures', function () {
  this.timeout(60_000);
  const lab = useLab({ agent: PLACEHOLDER_AGENT });
  let h1: TestHost;
  let first: Provisioned;

  before(async () => {
    h1 = await lab().boot('h1');
    first = await h1.provision({ version: '1.0.0', options: { logLevel: 'debug' }, token: 'secret' });
  });

  it('runs the agent that its first generation names', async () => {
    assert.equal(first.manifest?.version, '1.0.0');
    assert.equal(first.manifest.rev, lab().nixfleet.revOf('1.0.0'));
    assert.match(first.manifest.storePath, /^\/nix\/store\/[^/]+-nixfleet-agent-1\.0\.0$/);
    assert.equal(await runningAgent(h1), `${first.manifest.storePath}/lib/agent.mjs`);
    for (const path of ['/run/current-system', '/nix/var/nix/profiles/system', '/boot/default'])
      assert.equal(h1.realPath(path), first.toplevel);
  });

  it('has a checkout that is the owner’s, in step with upstream, and a token that is only root’s', async () => {
    assert.equal(
      await h1.run(['git', 'status', '--porcelain', '--branch'], { user: OWNER, cwd: h1.checkout }),
      '## main...origin/main',
    );
    assert.equal(await h1.run(['stat', '-c', '%U %a', '/etc/nixfleet/token']), 'root 600');
    assert.match((await h1.exec(['git', 'status'], { cwd: h1.checkout })).stderr, /dubious ownership/);
  });

  it('is locked to an exact version, also when a newer one is out', async () => {
    await lab().nixfleet.publish('1.0.1');
    const h2 = await lab().boot('h2');
    const second = await h2.provision({ version: '1.0.0' });
    assert.equal(second.manifest?.storePath, first.manifest?.storePath);
    const third = await (await lab().boot('h3')).provision({ version: '1.0.1' });
    assert.equal(third.manifest?.version, '1.0.1');
    assert.equal(third.manifest.rev, lab().nixfleet.revOf('1.0.1'));
  });

  describe('that is updated by hand', () => {
    let rev = '';
    before(async () => {
      rev = await lab().nixfleet.publish('1.1.0');
    });

    it('brings the new agent with the four commands of the book', async () => {
      await h1.run(['git', 'pull', '--quiet', '--ff-only'], { user: OWNER, cwd: h1.checkout });
      const update = await h1.exec(['nix', 'flake', 'update', 'nixfleet'], { user: OWNER, cwd: h1.flake });
      assert.match(update.stderr, new RegExp(rev));
      const rebuild = await h1.exec(['nixos-rebuild', 'switch', '--flake', `${h1.flake}#h1`], { sudoFrom: OWNER });
      assert.equal(rebuild.exitCode, 0, rebuild.stderr);
      assert.equal(rebuild.stdout, '');
      assert.match(rebuild.stderr, /restarting the following units: nixfleet-agent\.service/);

      const now = h1.realPath('/run/current-system');
      assert.equal(manifestOf(h1, now).version, '1.1.0');
      assert.equal(await runningAgent(h1), `${manifestOf(h1, now).storePath}/lib/agent.mjs`);
      assert.equal(h1.realPath('/nix/var/nix/profiles/system'), now);
      assert.equal(h1.realPath('/boot/default'), now);
      // what the owner builds in the checkout is the very same
      const built = await h1.run(
        ['nix', 'build', '.#nixosConfigurations.h1.config.system.build.toplevel', '--no-link', '--print-out-paths'],
        { user: OWNER, cwd: h1.flake },
      );
      assert.equal(built, now);
    });

    it('has no file of root’s in its checkout afterwards', async () => {
      assert.equal(await h1.run(['find', '/home/ana', '-not', '-user', OWNER]), '');
    });

    it('is refused by git and by nix when root forgets whom it works for', async () => {
      const refused = await h1.exec(['nixos-rebuild', 'switch', '--flake', `${h1.flake}#h1`]);
      assert.equal(refused.exitCode, 1);
      assert.match(refused.stderr, /not owned by current user|dubious ownership/);
    });

    it('says that all is well when the remote is gone, and changes nothing', async () => {
      const before = h1.readFile(`${h1.flake}/flake.lock`);
      await lab().git.kill();
      try {
        const update = await h1.exec(['nix', 'flake', 'update', 'nixfleet'], { user: OWNER, cwd: h1.flake });
        assert.equal(update.exitCode, 0);
        assert.match(update.stderr, /unable to connect|Connection refused/);
        assert.equal(h1.readFile(`${h1.flake}/flake.lock`), before);
      } finally {
        await lab().git.start();
      }
    });
  });

  describe('whose generation is only tried', () => {
    before(async () => {
      await h1.run(['git', 'checkout', '--quiet', 'flake.lock'], { user: OWNER, cwd: h1.checkout });
      assert.equal((await switchTo(h1, first.toplevel, 'switch')).exitCode, 0);
    });

    it('boots its old one after a power loss, since the boot default was not moved', async () => {
      await lab().nixcfg.setFaults('h1', { units: { 'marker.service': '/bin/true' } });
      const { stdout: tried } = await build(h1);
      assert.equal((await switchTo(h1, tried, 'test')).exitCode, 0);
      assert.equal(h1.realPath('/run/current-system'), tried);
      assert.equal(await h1.run(['systemctl', 'is-active', 'marker.service']), 'active');
      assert.equal(h1.realPath('/boot/default'), first.toplevel);
      await h1.powerLoss();
      await h1.bootAgain();
      assert.equal(h1.realPath('/run/current-system'), first.toplevel);
      assert.equal((await h1.exec(['systemctl', 'status', 'marker.service'])).exitCode, 4);
      assert.equal(await runningAgent(h1), `${first.manifest!.storePath}/lib/agent.mjs`);
    });

    it('boots the new one once that was made the boot default, which alone activates nothing', async () => {
      const { stdout: next } = await build(h1);
      assert.equal((await switchTo(h1, next, 'boot')).exitCode, 0);
      assert.equal(h1.realPath('/run/current-system'), first.toplevel);
      await h1.powerLoss();
      await h1.bootAgain();
      assert.equal(h1.realPath('/run/current-system'), next);
      assert.equal(await h1.run(['systemctl', 'is-active', 'marker.service']), 'active');
    });
  });

  describe('told to fail', () => {
    beforeEach(async () => {
      await h1.run([`${first.toplevel}/bin/switch-to-configuration`, 'switch']);
    });
    /** The generation with these faults. */
    const broken = async (faults: Faults): Promise<string> => {
      await lab().nixcfg.setFaults('h1', faults);
      const built = await build(h1);
      assert.equal(built.exitCode, 0, built.stderr);
      return built.stdout;
    };
    const current = () => h1.realPath('/run/current-system');

    it('does not evaluate', async () => {
      await lab().nixcfg.setFaults('h1', { evaluation: 'the option services.foo does not exist' });
      const { exitCode, stderr } = await build(h1);
      assert.equal(exitCode, 1);
      assert.match(stderr, /error: the option services\.foo does not exist/);
    });

    it('does not build, and says the last lines of why', async () => {
      await lab().nixcfg.setFaults('h1', { build: { lines: 3, exit: 9 } });
      const { exitCode, stderr } = await build(h1);
      assert.equal(exitCode, 1);
      assert.match(stderr, /building part 3 of 3/);
      assert.match(stderr, /work: the last part does not fit/);
      assert.match(stderr, /failed with exit code 9/);
    });

    it('builds with much to say: many lines, a very long one, control sequences', async () => {
      await lab().nixcfg.setFaults('h1', {
        build: { lines: 2000, lineBytes: 500, longLineBytes: 5_000_000, control: true },
      });
      const { exitCode, stderr } = await build(h1, 'internal-json');
      assert.equal(exitCode, 0, stderr.slice(-2000));
      const said = stderr
        .split('\n')
        .filter(line => line.includes('"type":101'))
        .map(line => (JSON.parse(line.slice('@nix '.length)) as { fields: string[] }).fields[0]!);
      assert.equal(said.length, 2003);
      assert.equal(said.at(-1), 'x'.repeat(5_000_000));
      // Nix lets a carriage return overwrite the line, and puts a replacement character for what is no UTF-8
      assert.equal(said.at(-2), '100%');
      assert.match(said.at(-3)!, /^\x1b\[1;31mred.*\0nul \ufffd31mC1 \ufffd$/);
    });

    it('builds without an end', async () => {
      await lab().nixcfg.setFaults('h1', { build: { lines: 1, hang: true } });
      const building = build(h1);
      const away = assert.rejects(building, /h1 went down/);
      await h1.waitFor(async () => (await h1.exec(['pgrep', '-f', '[w]ork.mjs'])).exitCode === 0, {
        what: 'the builder',
      });
      await h1.powerLoss();
      await away;
      await h1.bootAgain();
    });

    it('refuses to be switched to live, with everything as it was', async () => {
      const generation = await broken({ activation: { at: 'check' } });
      const { exitCode, stderr } = await switchTo(h1, generation, 'test');
      assert.equal(exitCode, 1);
      assert.match(stderr, /Pre-switch checks failed/);
      assert.equal(current(), first.toplevel);
      assert.equal((await switchTo(h1, generation, 'boot')).exitCode, 0);
    });

    it('fails in the middle with the exit code asked for: before, in the activation script, after', async () => {
      const before = await switchTo(h1, await broken({ activation: { at: 'before', exit: 7 } }), 'test');
      assert.equal(before.exitCode, 7);
      assert.equal(current(), first.toplevel);
      const script = await broken({ activation: { at: 'script' } });
      assert.equal((await switchTo(h1, script, 'test')).exitCode, 2);
      assert.equal(current(), script);
      const after = await broken({ activation: { at: 'after', exit: 11 } });
      assert.equal((await switchTo(h1, after, 'test')).exitCode, 11);
      assert.equal(current(), after);
    });

    it('cannot write its boot default', async () => {
      const generation = await broken({ activation: { at: 'bootloader' } });
      assert.equal((await switchTo(h1, generation, 'test')).exitCode, 0);
      const { exitCode, stderr } = await switchTo(h1, generation, 'boot');
      assert.equal(exitCode, 1);
      assert.match(stderr, /Failed to install bootloader/);
      assert.equal(h1.realPath('/boot/default'), first.toplevel);
    });

    it('never ends its activation, and lets no other in meanwhile', async () => {
      const generation = await broken({ activation: { at: 'before', hang: true } });
      await h1.run(['systemd-run', '--unit=stuck', `${generation}/bin/switch-to-configuration`, 'test']);
      await h1.waitFor(async () => (await h1.journal('stuck.service')).includes('waiting for a lock'), {
        what: 'the activation to hang',
      });
      assert.equal((await switchTo(h1, first.toplevel, 'test')).stderr, 'Could not acquire lock');
      await h1.run(['systemctl', 'stop', 'stuck.service']);
      assert.equal((await switchTo(h1, first.toplevel, 'test')).exitCode, 0);
    });

    it('activates with 4 because of a unit that has nothing to do with the agent', async () => {
      const generation = await broken({ units: { 'backup.service': '/bin/false', 'fine.service': '/bin/true' } });
      const { exitCode, stderr } = await switchTo(h1, generation, 'test');
      assert.equal(exitCode, 4);
      assert.match(stderr, /warning: the following units failed: backup\.service/);
      assert.equal(current(), generation);
      assert.equal(await h1.run(['systemctl', 'is-active', UNIT, 'fine.service']), 'active\nactive');
      await h1.run(['systemctl', 'reset-failed']);
    });

    it('makes nixos-rebuild exit with 1 and leave the profile moved, whatever the activation’s own code was', async () => {
      await broken({ activation: { at: 'before', exit: 7 } });
      const rebuild = await h1.exec(['nixos-rebuild', 'switch', '--flake', `${h1.flake}#h1`], { sudoFrom: OWNER });
      assert.equal(rebuild.exitCode, 1);
      assert.match(rebuild.stderr, /error\(s\) occurred while switching/);
      assert.equal(current(), first.toplevel);
      assert.notEqual(h1.realPath('/nix/var/nix/profiles/system'), first.toplevel);
      await h1.run(['nix-env', '-p', '/nix/var/nix/profiles/system', '--set', first.toplevel]);
    });

    it('has no agent at all', async () => {
      const generation = await broken({ agent: 'none' });
      assert.ok(!h1.exists(`${generation}/etc/nixfleet/agent.json`));
      const { exitCode, stderr } = await switchTo(h1, generation, 'test');
      assert.equal(exitCode, 0, stderr);
      assert.match(stderr, /stopping the following units: .*nixfleet-agent\.service/);
      assert.equal((await h1.exec(['systemctl', 'is-active', UNIT])).stdout, 'inactive');
    });

    for (const agent of ['crash', 'missing', 'mute'] as const)
      it(`has an agent that does not work: ${agent}`, async () => {
        const generation = await broken({ agent });
        assert.ok(h1.exists(`${generation}/etc/nixfleet/agent.json`));
        await switchTo(h1, generation, 'test');
        const restarts = async () =>
          Number(await h1.run(['systemctl', 'show', '--property=NRestarts', '--value', UNIT])) > 0;
        if (agent === 'mute') assert.equal(await h1.run(['systemctl', 'is-active', UNIT]), 'active');
        else await h1.waitFor(restarts, { what: 'the agent to be started again and again' });
      });
  });
});

describe('A nixcfg whose flake lies in a subdirectory', function () {
  this.timeout(60_000);
  const lab = useLab({ agent: PLACEHOLDER_AGENT, flakeDir: 'hosts/nix', hosts: ['atlas'] });

  it('configures its host just the same', async () => {
    const atlas = await lab().boot('atlas');
    const { toplevel, manifest } = await atlas.provision({ version: '2.0.0' });
    assert.equal(manifest?.version, '2.0.0');
    assert.equal(atlas.flake, '/home/ana/Code/nixcfg/hosts/nix');
    const rebuild = await atlas.exec(['nixos-rebuild', 'switch', '--flake', atlas.flake], { sudoFrom: OWNER });
    assert.equal(rebuild.exitCode, 0, rebuild.stderr);
    assert.equal(atlas.realPath('/run/current-system'), toplevel);
  });
});
