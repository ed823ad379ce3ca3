import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { TemporaryFolder } from '../testing/temporary.ts';
import { HomeManager } from './home-manager.ts';
import { NixDarwin } from './nix-darwin.ts';
import type { RunStep } from './rebuilder.ts';

/** Runs a step for real. Stands in for nix-env and nix-store, too, which move a profile and a root. */
const run: RunStep = ([file, ...args], more) =>
  new Promise(resolve => {
    if (file === 'nix-env' || file === 'nix-store') {
      const [, first = '', , second = ''] = args;
      const [path, toplevel] = file === 'nix-env' ? [first, second] : [second, first];
      rmSync(path, { force: true });
      symlinkSync(toplevel, path);
      resolve({ exitCode: 0, tail: new Uint8Array(0) });
      return;
    }
    execFile(file, args, { env: { PATH: process.env['PATH'], ...more?.env } }, (error, stdout, stderr) => {
      const exitCode = error ? ((error as { code?: number }).code ?? 1) : 0;
      resolve({ exitCode, tail: Buffer.from(stdout + stderr) });
    });
  });

let folder: TemporaryFolder;
const link = (name: string): string => folder.join(name);
const lead = (name: string, to: string): void => {
  rmSync(link(name), { force: true });
  symlinkSync(to, link(name));
};
const system = () => ({ current: link('current'), profile: link('profile'), unit: 'u', plists: folder.path });

/** A generation whose script is `body`; `move LINK` in it makes a link lead to the generation. */
function generation(name: string, body: string): string {
  const toplevel = folder.join(name);
  mkdirSync(toplevel);
  const script = `#!/bin/sh\nmove() { ln -sfn ${toplevel} ${folder.path}/$1; }\ncount() { echo x >> ${link('count')}; wc -l < ${link('count')}; }\n${body}\n`;
  writeFileSync(`${toplevel}/activate`, script);
  chmodSync(`${toplevel}/activate`, 0o755);
  return toplevel;
}
const attempts = (): number => (existsSync(link('count')) ? readFileSync(link('count'), 'utf8').length / 2 : 0);

describe("a generation's own script", () => {
  let old: string;
  beforeEach(() => {
    folder = new TemporaryFolder();
    old = generation('old', 'move profile; move current');
    for (const name of ['current', 'profile']) lead(name, old);
  });
  afterEach(() => folder[Symbol.dispose]());

  describe('of Home Manager', () => {
    const home = (): HomeManager => new HomeManager(system(), 'homeConfigurations."ana"', 1);

    it('is what is built, and moves both links', async () => {
      assert.equal(home().buildAttribute, 'homeConfigurations."ana".activationPackage');
      const next = generation('next', 'move profile; move current');
      assert.deepEqual(await home().activate(run, next), { kind: 'done' });
      assert.equal(await home().commit(run, next), undefined);
      assert.deepEqual(home().current(), { running: next, profile: next });
    });

    it('has refused where it ended before the profile moved', async () => {
      const next = generation('next', 'echo "Existing file is in the way"; exit 1');
      const activation = await home().activate(run, next);
      assert.ok(activation.kind === 'refused');
      assert.match(activation.reason.message, /activate ended with exit code 1: Existing file is in the way/);
      assert.match(activation.reason.advice ?? '', /^Nothing was changed/);
    });

    it('has failed where it ended later, and is taken back by that of the recorded generation', async () => {
      const next = generation('next', 'move profile; exit 7');
      const activation = await home().activate(run, next);
      assert.equal(activation.kind, 'failed');
      assert.deepEqual(home().current(), { running: old, profile: next });
      assert.deepEqual(await home().rollBack(run, old), { kind: 'done' });
      assert.deepEqual(home().current(), { running: old, profile: old });
    });

    it('is taken back as a whole after it ended half-way, though the recorded script goes by the link that had not moved', async () => {
      // as Home Manager's since 25.11: what was there before is what current-home says, and takes its files with it
      const script = (name: string): string =>
        `before=$(readlink ${link('current')}); [ $before = ${link(name)} ] || { rm -f ${link('files')}-$(basename $before); move profile; }`;
      const recorded = generation('recorded', `${script('recorded')}; move current`);
      for (const name of ['current', 'profile']) lead(name, recorded);
      const next = generation('next', `${script('next')}; touch ${link('files')}-next; exit 7`);
      assert.equal((await home().activate(run, next)).kind, 'failed');
      assert.deepEqual(home().current(), { running: recorded, profile: next });
      assert.deepEqual(await home().rollBack(run, recorded), { kind: 'done' });
      assert.deepEqual(home().current(), { running: recorded, profile: recorded });
      assert.ok(!existsSync(`${link('files')}-next`));
    });

    it('is left alone by what says how far an activation went where there is nothing half done', async () => {
      await home().rollBack(run, old);
      assert.deepEqual(home().current(), { running: old, profile: old });
    });

    it('has failed where it says that all went well and the links say otherwise', async () => {
      const activation = await home().activate(run, generation('next', 'move profile'));
      assert.ok(activation.kind === 'failed');
      assert.match(activation.reason.message, /current leads to .*\/old and the profile to .*\/next/);
      assert.match((await home().commit(run, link('next')))?.advice ?? '', /home-manager switch/);
    });

    it('is run again where launchd would not take a job, a few times', async () => {
      const said = 'echo "Failed to start agent \'gui/501/x\' with I/O error (code 5)" >&2';
      const next = generation('next', `move profile; if [ $(count) -lt 3 ]; then ${said}; exit 1; fi; move current`);
      assert.deepEqual(await home().activate(run, next), { kind: 'done' });
      assert.equal(attempts(), 3);
      const never = generation('never', `move profile; count; ${said}; exit 1`);
      assert.equal((await home().activate(run, never)).kind, 'failed');
      assert.equal(attempts(), 7);
    });

    it('is not run again where nobody is logged in at the screen, which is said', async () => {
      const said = "Failed to stop agent 'gui/501/x': Boot-out failed: 125: Domain does not support specified action";
      const activation = await home().activate(run, generation('next', `move profile; count; echo "${said}"; exit 1`));
      assert.ok(activation.kind === 'failed');
      assert.match(activation.reason.message, /nobody is logged in at the screen/);
      assert.equal(attempts(), 1);
    });

    it('runs what the profile says in a home that keeps no link to it', () => {
      rmSync(link('current'));
      assert.deepEqual(home().current(), { running: old, profile: old });
    });

    it('gets the places of its user’s session and nothing else of the environment', async () => {
      process.env['XDG_STATE_HOME'] = '/s';
      process.env['SECRET'] = 'x';
      try {
        const next = generation('next', `env > ${link('env')}; move profile; move current`);
        await home().activate(run, next);
        const env = readFileSync(link('env'), 'utf8');
        assert.match(env, /^XDG_STATE_HOME=\/s$/m);
        assert.doesNotMatch(env, /SECRET/);
      } finally {
        delete process.env['XDG_STATE_HOME'];
        delete process.env['SECRET'];
      }
    });
  });

  describe('of nix-darwin', () => {
    const mac = (): NixDarwin => new NixDarwin(system(), 'darwinConfigurations."mini"');

    it('leaves the profile alone until the agent is proven', async () => {
      assert.equal(mac().buildAttribute, 'darwinConfigurations."mini".system');
      const next = generation('next', 'move current');
      assert.deepEqual(await mac().activate(run, next), { kind: 'done' });
      assert.deepEqual(mac().current(), { running: next, profile: old });
      assert.equal(await mac().commit(run, next), undefined);
      assert.deepEqual(mac().current(), { running: next, profile: next });
    });

    it('has refused where a check of its own says so', async () => {
      const next = generation('next', 'echo "error: Unexpected files in /etc, aborting activation" >&2; exit 2');
      const activation = await mac().activate(run, next);
      assert.ok(activation.kind === 'refused');
      assert.match(activation.reason.message, /Unexpected files in \/etc, aborting activation$/);
    });

    it('is taken back, and what boots with it', async () => {
      const next = generation('next', 'move current; exit 3');
      assert.equal((await mac().activate(run, next)).kind, 'failed');
      lead('profile', next);
      assert.equal(await mac().restoreDefault(run, old), undefined);
      assert.deepEqual(mac().current(), { running: old, profile: old });
    });

    it('has failed where a check stopped it that comes later than the first change', async () => {
      const said = 'setting up users...\\nerror: user x has another uid, aborting activation';
      const activation = await mac().activate(run, generation('next', `printf '${said}\\n' >&2; exit 1`));
      assert.equal(activation.kind, 'failed');
    });

    it('is taken back with what boots, when the power went after the profile had moved', async () => {
      const [recorded, next] = ['recorded', 'next'].map(name => generation(name, 'move current'));
      await mac().activate(run, next ?? '');
      lead('profile', next ?? '');
      assert.deepEqual(await mac().rollBack(run, recorded ?? ''), { kind: 'done' });
      assert.deepEqual(mac().current(), { running: recorded, profile: recorded });
    });

    it('is taken back with the daemons that only the new one brought, though it ended before its link', async () => {
      // what is not in it any more is what `/run/current-system` has and the generation has not
      const recorded = generation(
        'recorded',
        `[ $(readlink ${link('current')}) = ${link('recorded')} ] || rm -f ${link('daemon')}; move current`,
      );
      for (const name of ['current', 'profile']) lead(name, recorded);
      const next = generation('next', `touch ${link('daemon')}; exit 3`);
      assert.equal((await mac().activate(run, next)).kind, 'failed');
      assert.deepEqual(await mac().rollBack(run, recorded, next), { kind: 'done' });
      assert.deepEqual(mac().current(), { running: recorded, profile: recorded });
      assert.ok(!existsSync(link('daemon')));
    });

    it('is activated once more where the boot job of the old one came between', async () => {
      // its property list had changed, so that it was run in the activation, and linked what the profile said
      const next = generation('next', `[ $(count) = 1 ] || move current`);
      assert.deepEqual(await mac().activate(run, next), { kind: 'done' });
      assert.equal(await mac().commit(run, next), undefined);
      assert.deepEqual(mac().current(), { running: next, profile: next });
      assert.equal(attempts(), 2);
    });

    it('runs what the profile says while a boot has not linked it yet', () => {
      rmSync(link('current'));
      assert.deepEqual(mac().current(), { running: old, profile: old });
    });

    it('is not run at all where a part of it would have to be the user’s', async () => {
      const next = generation('next', 'move current');
      writeFileSync(`${next}/activate-user`, '#!/bin/sh\nset -e\n');
      const activation = await mac().activate(run, next);
      assert.ok(activation.kind === 'refused');
      assert.match(activation.reason.advice ?? '', /25\.05 or newer/);
      writeFileSync(`${next}/activate-user`, '#!/bin/sh\n# nix-darwin: deprecated\n');
      assert.deepEqual(await mac().activate(run, next), { kind: 'done' });
    });
  });

  it('has gone through when it ended with 0 and never else: codes and words of NixOS mean nothing in it', async () => {
    const home = new HomeManager(system(), 'x', 1);
    const mac = new NixDarwin(system(), 'x');
    let count = 0;
    for (const words of [
      'warning: the following units failed: x.service',
      'Could not acquire lock',
      "Pre-switch check 'x' failed",
    ])
      for (const code of [1, 2, 3, 4])
        for (const rebuilder of [home, mac]) {
          const next = generation(`next${count++}`, `move profile; echo "${words}"; exit ${code}`);
          const activation = await rebuilder.activate(run, next);
          assert.ok(activation.kind === 'failed', `${code} ${words}`);
          assert.match(activation.reason.message, new RegExp(`^activate ended with exit code ${code}: ${words}`));
        }
  });

  it('has commands for people, each platform its own', () => {
    const [home, mac] = [new HomeManager(system(), 'x'), new NixDarwin(system(), 'x')];
    assert.equal(home.byHand.activate('/g'), '/g/activate');
    assert.equal(mac.byHand.activate('/g'), 'sudo /g/activate');
    assert.deepEqual([home.bootsWhole, mac.bootsWhole, home.method], [false, false, 'activate']);
  });
});
