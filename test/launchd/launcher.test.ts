import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { ulid } from 'ulid';
import { LaunchdLauncher } from '../../agent/launcher/launchd.ts';
import { LaunchError } from '../../agent/launcher/launcher.ts';
import { runnerProgram } from '../../agent/launcher/program.ts';
import { findJob } from '../../agent/platform/launchctl.ts';
import { until as wait } from '../../agent/testing/temporary.ts';
import { runIdSchema, type RunId } from '../../protocol/index.ts';
import { IS_MAC, useLaunchd } from './here.ts';

const newRunId = (): RunId => runIdSchema.parse(ulid());
const until = <T>(what: string, condition: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> =>
  wait(what, condition, 30_000);

describe('a launcher of launchd jobs', function () {
  this.timeout(60_000);
  const here = useLaunchd();

  /** Runners are a script, which gets `run ID`. */
  const launcherOf = (script: string, domains = here().domains): LaunchdLauncher => {
    const path = join(here().folder, 'agent');
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
    const env = { PATH: process.env['PATH'], HOME: here().folder, https_proxy: 'http://a:b@p/<&>' };
    return new LaunchdLauncher(runnerProgram([path], '/etc/c.json', env), here().folder, { domains, patience: 15_000 });
  };
  const label = (runId: RunId): string => `org.nixfleet.run.${runId}`;
  const plists = (): string[] => readdirSync(join(here().folder, 'launchd')).filter(name => name.endsWith('.plist'));

  it('starts a runner in a job and a process group of its own, with its words in a file', async () => {
    const launcher = launcherOf('echo "$@"; echo "$https_proxy $NIXFLEET_CONFIG" >&2; pwd; ps -o pgid= -p $$; echo $$');
    const runId = newRunId();
    await launcher.launch(runId);
    await until('its end', async () => !(await launcher.isAlive(runId)));
    const [args, env, cwd, group, pid] = readFileSync(launcher.whereToLook(runId), 'utf8').split('\n');
    assert.deepEqual([args, env, cwd], [`run ${runId}`, 'http://a:b@p/<&> /etc/c.json', '/']);
    assert.equal(group?.trim(), pid);
  });

  it('starts one runner for a run at a time, and again when it was killed', async () => {
    const launcher = launcherOf('echo once; exec sleep 1000');
    const runId = newRunId();
    await launcher.launch(runId);
    await launcher.launch(runId);
    const words = (): string => readFileSync(launcher.whereToLook(runId), 'utf8');
    await until('its words', () => words() !== '');
    const first = (await findJob(here().domains, label(runId)))?.job.pid ?? 0;
    process.kill(first, 'SIGKILL');
    await until('its end', async () => !(await launcher.isAlive(runId)));
    await launcher.launch(runId);
    assert.ok(await launcher.isAlive(runId));
    await until('its words', () => words() === 'once\nonce\n');
    assert.notEqual((await findJob(here().domains, label(runId)))?.job.pid, first);
  });

  it('leaves what a runner was waiting for at work when the runner dies', async () => {
    const done = join(here().folder, 'done');
    const go = join(here().folder, 'go');
    const launcher = launcherOf(
      `(while [ ! -e ${go} ]; do sleep 0.1; done; echo > ${done}) & echo up; exec sleep 1000`,
    );
    const runId = newRunId();
    await launcher.launch(runId);
    await until('its start', () => readFileSync(launcher.whereToLook(runId), 'utf8') === 'up\n');
    process.kill((await findJob(here().domains, label(runId)))?.job.pid ?? 0, 'SIGKILL');
    await until('its end', async () => !(await launcher.isAlive(runId)));
    writeFileSync(go, '');
    await until('its child', () => existsSync(done));
  });

  it('removes what is left of runs that have ended, and of no other', async () => {
    const launcher = launcherOf('[ "$2" = "$(cat $HOME/long)" ] && exec sleep 1000; exit 0');
    const [long, short] = [newRunId(), newRunId()];
    writeFileSync(join(here().folder, 'long'), long);
    await launcher.launch(long);
    await launcher.launch(short);
    await until('the end of one', async () => !(await launcher.isAlive(short)));
    assert.equal(plists().length, 2);
    await launcher.tidy();
    assert.deepEqual(plists(), [`${label(long)}.plist`]);
    assert.equal(await findJob(here().domains, label(short)), undefined);
    assert.ok(await launcher.isAlive(long));
  });

  it('goes to the user’s background domain where nobody is logged in at the screen', async function () {
    const { standIn, domains } = here();
    if (!standIn) this.skip();
    await standIn.logIn(false);
    const launcher = launcherOf('exec sleep 1000');
    const runId = newRunId();
    await launcher.launch(runId);
    assert.equal((await findJob(domains, label(runId)))?.domain, domains[1]);
  });

  it('is patient while launchd clears up, and says what it said when it does not help', async function () {
    const { standIn, folder } = here();
    if (!standIn) this.skip();
    const launcher = launcherOf('exec sleep 1000');
    const runId = newRunId();
    for (const code of [5, 36]) await standIn.fail({ command: 'bootstrap', code, times: 2 });
    await launcher.launch(runId);
    assert.ok(await launcher.isAlive(runId));
    await standIn.fail({ command: 'bootstrap', code: 119, times: 1 });
    await assert.rejects(launcher.launch(newRunId()), (error: Error) => {
      assert.ok(error instanceof LaunchError);
      return /^launchd did not load org\.nixfleet\.run\.\w{26}: gui\/\d+: Bootstrap failed: 119: .*launchctl enable/.test(
        error.message,
      );
    });
    assert.equal(plists().length, 1, folder);
  });

  it('says so where there is no launchctl', async function () {
    if (IS_MAC) this.skip();
    const before = process.env['PATH'];
    const launcher = launcherOf('true');
    process.env['PATH'] = '/nonexistent';
    try {
      const impatient = new LaunchdLauncher(runnerProgram(['/agent']), here().folder, {
        domains: ['gui/1'],
        patience: 0,
      });
      await assert.rejects(impatient.launch(newRunId()), /launchctl could not be run \(ENOENT\)/);
    } finally {
      process.env['PATH'] = before;
    }
    assert.ok(launcher);
  });
});
