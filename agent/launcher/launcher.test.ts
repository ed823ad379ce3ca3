import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import type { AgentConfig } from '../config.ts';
import { newRunId } from '../testing/agent-rig.ts';
import { TemporaryFolder, until } from '../testing/temporary.ts';
import { chooseLauncher } from './choose.ts';
import { LaunchError } from './launcher.ts';
import { runnerProgram } from './program.ts';
import { SetsidLauncher } from './setsid.ts';
import { environmentFile } from './systemd.ts';

const program = (script: string) => runnerProgram(['/bin/sh', '-c', script, 'runner'], '/etc/c.json', process.env);

describe("a runner's environment", () => {
  it('has what finds programs and networks, the configuration, and nothing else', () => {
    const { environment } = runnerProgram(['agent'], '/etc/nixfleet/config.json', {
      PATH: '/opt/bin::relative:/usr/bin',
      NIXFLEET_STATE_DIR: '/s',
      NIX_SSL_CERT_FILE: '/c',
      https_proxy: 'http://p',
      HOME: '/root',
      LC_ALL: 'C',
      SECRET: 'x',
      CREDENTIALS_DIRECTORY: '/run/credentials',
      INVOCATION_ID: 'y',
      LISTEN_FDS: '1',
      NOTIFY_SOCKET: '/n',
      NODE_OPTIONS: '--inspect',
      LD_PRELOAD: '/x.so',
      SSH_AUTH_SOCK: '/a',
    });
    const { PATH, ...rest } = environment;
    assert.deepEqual(rest, {
      NIXFLEET_STATE_DIR: '/s',
      NIX_SSL_CERT_FILE: '/c',
      https_proxy: 'http://p',
      HOME: '/root',
      LC_ALL: 'C',
      NIXFLEET_CONFIG: '/etc/nixfleet/config.json',
    });
    assert.match(PATH ?? '', /^\/opt\/bin:\/usr\/bin:\/run\/wrappers\/bin:\/run\/current-system\/sw\/bin:/);
    assert.equal(PATH?.split(':').filter(folder => folder === '/usr/bin').length, 1);
  });
});

describe("a unit's environment", () => {
  it('is what the runner gets, whatever is in it', () => {
    const text = environmentFile({ A: 'plain', B: 'a "b" $HOME `id` \\', C: 'one\ntwo = three' });
    // the file is read as a shell reads assignments
    const script = `${text} printf '%s|' "$A" "$B" "$C"`;
    assert.equal(
      execFileSync('sh', ['-c', script], { encoding: 'utf8' }),
      'plain|a "b" $HOME `id` \\|one\ntwo = three|',
    );
  });
});

describe('a launcher of sessions', () => {
  it('starts the runner in a session of its own, with its words in a file', async () => {
    using folder = new TemporaryFolder();
    const launcher = new SetsidLauncher(
      program(`echo "$@"; echo "$NIXFLEET_CONFIG" >&2; cut -d" " -f1,6 /proc/self/stat; pwd`),
      folder.path,
    );
    const runId = newRunId();
    await launcher.launch(runId);
    await until('its end', async () => !(await launcher.isAlive(runId)));
    const [args, config, stat = '', cwd] = readFileSync(launcher.whereToLook(runId), 'utf8').split('\n');
    assert.deepEqual([args, config, cwd], [`run ${runId}`, '/etc/c.json', '/']);
    assert.notEqual(stat.split(' ')[1], String(process.pid));
  });

  it('starts one runner for a run at a time', async () => {
    using folder = new TemporaryFolder();
    const go = folder.join('go');
    const launcher = new SetsidLauncher(
      program(`echo once; while [ ! -e ${go} ] && [ -d ${folder.path} ]; do sleep 0.05; done`),
      folder.path,
    );
    const runId = newRunId();
    await launcher.launch(runId);
    await launcher.launch(runId);
    assert.ok(await launcher.isAlive(runId));
    writeFileSync(go, '');
    await until('its end', async () => !(await launcher.isAlive(runId)));
    assert.equal(readFileSync(launcher.whereToLook(runId), 'utf8'), 'once\n');
  });

  it('says what stands in the way of a start', async () => {
    using folder = new TemporaryFolder();
    const missing = new SetsidLauncher(runnerProgram(['/nonexistent/agent']), folder.path);
    await assert.rejects(missing.launch(newRunId()), (error: Error) => {
      assert.ok(error instanceof LaunchError);
      return /\/nonexistent\/agent could not be started/.test(error.message);
    });
    writeFileSync(folder.join('file'), '');
    await assert.rejects(new SetsidLauncher(program('true'), folder.join('file')).launch(newRunId()), LaunchError);
  });

  it('keeps the words of the newest fifty', async () => {
    using folder = new TemporaryFolder();
    mkdirSync(folder.join('runner-logs'));
    for (let i = 0; i < 60; i++) writeFileSync(folder.join('runner-logs', `01A${String(i).padStart(23, '0')}.log`), '');
    const launcher = new SetsidLauncher(program('true'), folder.path);
    const runId = newRunId();
    await launcher.launch(runId);
    assert.equal(readdirSync(folder.join('runner-logs')).length, 51);
    assert.ok(existsSync(launcher.whereToLook(runId)));
    await until('its end', async () => !(await launcher.isAlive(runId)));
  });
});

describe('choosing a launcher', () => {
  it('does what the configuration says', () => {
    const choose = (launcher: AgentConfig['launcher'], platform: AgentConfig['platform'] = 'nixos') =>
      chooseLauncher({ launcher, platform, stateDir: '/s' }, runnerProgram(['agent'])).name;
    assert.equal(choose('setsid'), 'setsid');
    assert.equal(choose('systemd'), 'systemd');
    assert.equal(choose('systemd-unit'), 'systemd');
    assert.equal(choose('inbox'), 'launchd');
    const isSystemd = existsSync('/run/systemd/system') && process.getuid?.() === 0;
    assert.equal(choose('auto'), isSystemd ? 'systemd' : 'setsid');
  });
});
