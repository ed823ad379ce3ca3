import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { TemporaryFolder } from '../testing/temporary.ts';
import { HomeManager } from './home-manager.ts';
import { NixDarwin } from './nix-darwin.ts';
import type { RunStep } from './rebuilder.ts';

/** Runs a step for real. Stands in for nix-env, too, which moves a profile. */
const run: RunStep = ([file, ...args], more) =>
  new Promise(resolve => {
    if (file === 'nix-env') {
      const [, profile = '', , toplevel = ''] = args;
      rmSync(profile, { force: true });
      symlinkSync(toplevel, profile);
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

  it('has commands for people, each platform its own', () => {
    const [home, mac] = [new HomeManager(system(), 'x'), new NixDarwin(system(), 'x')];
    assert.equal(home.byHand.activate('/g'), '/g/activate');
    assert.equal(mac.byHand.activate('/g'), 'sudo /g/activate');
    assert.deepEqual([home.bootsWhole, mac.bootsWhole, home.method], [false, false, 'activate']);
  });
});
