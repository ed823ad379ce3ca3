import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import { until } from '../../agent/testing/temporary.ts';
import { StandInLaunchd, type LaunchdOptions } from './launchd.ts';

const UID = process.getuid?.() ?? 0;
const GUI = `gui/${UID}`;

let folder: string;
let launchd: StandInLaunchd;

async function start(options: LaunchdOptions = {}): Promise<void> {
  // ten seconds of launchd's in half a second
  launchd = await StandInLaunchd.start(join(folder, 'launchd'), { second: 50, ...options });
}

/** Writes a plist by hand, as people do: what is in a key is XML already. */
function plist(label: string, keys: Readonly<Record<string, string>>): string {
  const path = join(folder, `${label}.plist`);
  const rows = Object.entries({ Label: `<string>${label}</string>`, ...keys }).map(
    ([key, value]) => `<key>${key}</key>${value}`,
  );
  writeFileSync(
    path,
    `<?xml version="1.0" encoding="UTF-8"?>\n<plist version="1.0"><dict>${rows.join('')}</dict></plist>\n`,
  );
  return path;
}

const sh = (script: string): string =>
  `<array><string>/bin/sh</string><string>-c</string><string>${script.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</string></array>`;
const SLEEP = sh('exec sleep 1000');

const log = (): string[] => {
  const path = join(folder, 'log');
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];
};
const note = (words: string): string => `echo ${words} >> ${join(folder, 'log')}`;

async function print(target: string): Promise<Record<string, string>> {
  const { code, stdout } = await launchd.launchctl('print', target);
  const rows = stdout.split('\n').flatMap(line => /^\t([a-z ]+) = (.*)$/.exec(line)?.slice(1) ?? []);
  const pairs = rows.flatMap((value, i) => (i % 2 === 0 ? [[value, rows[i + 1] ?? '']] : []));
  return { ...(Object.fromEntries(pairs) as Record<string, string>), code: String(code) };
}

const wait = <T>(what: string, condition: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> =>
  until(what, condition, 30_000);

const isGone = (pid: number): boolean => {
  try {
    return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return true;
  }
};

/** Id of the session that a process belongs to. */
const sessionOf = (pid: number): number =>
  Number(
    readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')[3],
  );

describe('the stand-in for launchd', function () {
  this.timeout(60_000);
  before(function () {
    // it has the real one, and no /proc
    if (process.platform === 'darwin') this.skip();
  });
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'nixfleet-launchd-'))));
  afterEach(async () => {
    await launchd.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('loads a job, runs it, shows it, and lets go of it', async () => {
    await start({ environment: { HOME: folder } });
    const file = plist('org.x', {
      ProgramArguments: sh(`${note('$HOME $COLOR $XPC_SERVICE_NAME $PWD')}; echo out; echo err >&2; exec sleep 1000`),
      RunAtLoad: '<true/>',
      EnvironmentVariables: '<dict><key>COLOR</key><string>red</string></dict>',
      WorkingDirectory: '<string>/usr</string>',
      StandardOutPath: `<string>${folder}/logs/out</string>`,
      StandardErrorPath: `<string>${folder}/logs/err</string>`,
    });
    assert.deepEqual(await launchd.launchctl('bootstrap', GUI, file), { code: 0, stdout: '', stderr: '' });
    await wait('its words', () => log().length === 1 && existsSync(join(folder, 'logs/err')));
    assert.deepEqual(log(), [`${folder} red org.x /usr`]);
    const shown = await print(`${GUI}/org.x`);
    assert.equal(shown['state'], 'running');
    assert.equal(shown['last exit code'], '(never exited)');
    assert.equal(shown['stdout path'], `${folder}/logs/out`);
    const { stdout } = await launchd.launchctl('list');
    if (UID !== 0) assert.match(stdout, new RegExp(`^${shown['pid']}\t0\torg.x$`, 'm'));
    assert.equal((await launchd.launchctl('bootout', '--wait', `${GUI}/org.x`)).code, 0);
    assert.ok(isGone(Number(shown['pid'])));
    assert.deepEqual(await launchd.launchctl('print', `${GUI}/org.x`), {
      code: 113,
      stdout: '',
      stderr: `Bad request.\nCould not find service "org.x" in domain for user gui: ${UID}\n`,
    });
  });

  it("has launchctl's codes and words", async () => {
    await start();
    const file = plist('org.x', { ProgramArguments: SLEEP });
    const said = async (...args: string[]): Promise<string> => {
      const { code, stderr } = await launchd.launchctl(...args);
      return `${code} ${stderr.split('\n')[0] ?? ''}`;
    };
    assert.equal(await said('bootout', `${GUI}/org.x`), '3 Boot-out failed: 3: No such process');
    assert.equal(
      await said('kickstart', `${GUI}/org.x`),
      `113 Could not find service "org.x" in domain for user gui: ${UID}`,
    );
    assert.equal(await said('bootstrap', GUI, join(folder, 'none.plist')), '5 Bootstrap failed: 5: Input/output error');
    assert.equal(await said('bootstrap', GUI, file), '0 ');
    assert.equal(await said('bootstrap', GUI, file), '37 Bootstrap failed: 37: Operation already in progress');
    assert.equal(
      await said('bootstrap', `user/${UID}`, file),
      '134 Bootstrap failed: 134: Service cannot load in requested session',
    );
    chmodSync(file, 0o666);
    assert.equal(
      await said('bootstrap', 'system', file),
      UID === 0
        ? '122 Bootstrap failed: 122: Path had bad ownership/permissions'
        : '1 Bootstrap failed: 1: Operation not permitted',
    );
    chmodSync(file, 0o644);
    await launchd.launchctl('bootout', '--wait', `${GUI}/org.x`);
    await launchd.launchctl('disable', `${GUI}/org.x`);
    assert.equal(await said('bootstrap', GUI, file), '119 Bootstrap failed: 119: Service is disabled');
    await launchd.launchctl('enable', `${GUI}/org.x`);
    await launchd.fail({ command: 'bootstrap', code: 36, times: 1, label: 'org.x' });
    assert.equal(await said('bootstrap', GUI, file), '36 Bootstrap failed: 36: Operation now in progress');
    assert.equal(await said('bootstrap', GUI, file), '0 ');
    await launchd.logIn(false);
    assert.equal(
      await said('bootstrap', GUI, file),
      '125 Bootstrap failed: 125: Domain does not support specified action',
    );
    assert.equal((await launchd.launchctl('print', GUI)).code, 112);
    const background = plist('org.y', {
      ProgramArguments: SLEEP,
      LimitLoadToSessionType: '<string>Background</string>',
    });
    assert.equal(await said('bootstrap', `user/${UID}`, background), '0 ');
  });

  it('takes its time after a bootout, within which a bootstrap answers 5', async () => {
    await start({ second: 1000 });
    const file = plist('org.x', { ProgramArguments: SLEEP, RunAtLoad: '<true/>' });
    await launchd.launchctl('bootstrap', GUI, file);
    assert.equal((await launchd.launchctl('bootout', `${GUI}/org.x`)).code, 0);
    // 37 as long as the process has not gone: how long that takes is the machine's
    const again = () => launchd.launchctl('bootstrap', GUI, file);
    const first = await wait('the end of the process', async () => {
      const { code } = await again();
      return code === 37 ? undefined : { code };
    });
    assert.equal(first.code, 5);
    await wait('a free label', async () => (await again()).code === 0);
  });

  it('knows bootout --wait from macOS 26 on', async () => {
    await start({ os: 15 });
    const { code, stderr } = await launchd.launchctl('bootout', '--wait', `${GUI}/org.x`);
    assert.deepEqual([code, stderr.split('\n')[0]], [64, 'Unrecognized target specifier.']);
  });

  it('ends what is left of a process group, and not a session that has its own', async () => {
    await start();
    const script = `sleep 1000 & echo $! > ${folder}/child; setsid sleep 1000 & echo $! > ${folder}/session; ${note('up')}; exec sleep 1000`;
    for (const abandon of [false, true]) {
      const label = abandon ? 'org.abandons' : 'org.x';
      rmSync(join(folder, 'log'), { force: true });
      const file = plist(label, {
        ProgramArguments: sh(script),
        RunAtLoad: '<true/>',
        ...(abandon && { AbandonProcessGroup: '<true/>' }),
      });
      await launchd.launchctl('bootstrap', GUI, file);
      await wait('its start', () => log().length === 1);
      const [child, session] = ['child', 'session'].map(name => Number(readFileSync(join(folder, name), 'utf8')));
      await wait('a session of its own', () => sessionOf(session ?? 0) === session);
      await launchd.launchctl('bootout', '--wait', `${GUI}/${label}`);
      if (!abandon) await wait('the end of its child', () => isGone(child ?? 0));
      assert.deepEqual([isGone(child ?? 0), isGone(session ?? 0)], [!abandon, false]);
      for (const pid of [child, session]) if (pid !== undefined && !isGone(pid)) process.kill(pid, 'SIGKILL');
    }
  });

  it('keeps alive what is to be kept alive, at its pace', async () => {
    await start();
    const began = performance.now();
    await launchd.launchctl(
      'bootstrap',
      GUI,
      plist('org.x', { ProgramArguments: sh(note('again')), KeepAlive: '<true/>' }),
    );
    await wait('three starts', () => log().length >= 3);
    // the default of ten seconds, twice
    assert.ok(performance.now() - began >= 2 * 10 * 50);
    await wait('the pause', async () => (await print(`${GUI}/org.x`))['state'] === 'spawn scheduled');
  });

  it('tells a success from a failure where only one of them is to be kept alive', async () => {
    await start();
    const keep = '<dict><key>SuccessfulExit</key><false/></dict>';
    const throttle = '<integer>1</integer>';
    const failing = plist('org.fails', {
      ProgramArguments: sh(`${note('failed')}; exit 7`),
      KeepAlive: keep,
      ThrottleInterval: throttle,
    });
    const fine = plist('org.fine', { ProgramArguments: sh(note('fine')), KeepAlive: keep, ThrottleInterval: throttle });
    await launchd.launchctl('bootstrap', GUI, failing, fine);
    await wait('the failing one to be tried again', () => log().filter(line => line === 'failed').length >= 3);
    assert.equal(log().filter(line => line === 'fine').length, 1);
    assert.equal((await print(`${GUI}/org.fails`))['last exit code'], '7');
  });

  it('launches once what is to be launched only once', async () => {
    await start();
    await launchd.launchctl(
      'bootstrap',
      GUI,
      plist('org.x', { ProgramArguments: sh(note('once')), RunAtLoad: '<true/>', LaunchOnlyOnce: '<true/>' }),
    );
    await wait('its end', async () => (await print(`${GUI}/org.x`))['state'] === 'not running' && log().length === 1);
    assert.equal((await launchd.launchctl('kickstart', `${GUI}/org.x`)).code, 139);
    assert.deepEqual(log(), ['once']);
  });

  it('kickstarts: leaves what runs, or with -k kills it first', async () => {
    await start();
    await launchd.launchctl('bootstrap', GUI, plist('org.x', { ProgramArguments: SLEEP }));
    assert.equal((await print(`${GUI}/org.x`))['state'], 'not running');
    const { stdout } = await launchd.launchctl('kickstart', '-p', `${GUI}/org.x`);
    const first = (await print(`${GUI}/org.x`))['pid'];
    assert.equal(stdout, `service spawned with pid: ${first}\n`);
    await launchd.launchctl('kickstart', `${GUI}/org.x`);
    assert.equal((await print(`${GUI}/org.x`))['pid'], first);
    await launchd.launchctl('kickstart', '-k', `${GUI}/org.x`);
    const shown = await print(`${GUI}/org.x`);
    assert.notEqual(shown['pid'], first);
    assert.equal(shown['last terminating signal'], 'Killed: 9');
  });

  it('starts a job while something lies in a folder it watches', async () => {
    await start();
    const inbox = join(folder, 'inbox');
    mkdirSync(inbox);
    const file = plist('org.x', {
      ProgramArguments: sh(`for name in $(ls inbox); do ${note('$name')}; rm inbox/$name; done`),
      WorkingDirectory: `<string>${folder}</string>`,
      QueueDirectories: `<array><string>${inbox}</string></array>`,
    });
    await launchd.launchctl('bootstrap', GUI, file);
    assert.equal((await print(`${GUI}/org.x`))['runs'], '0');
    for (const name of ['a', 'b']) {
      writeFileSync(join(inbox, name), '');
      await wait(name, () => log().includes(name));
    }
    assert.equal((await print(`${GUI}/org.x`))['runs'], '2');
  });

  it('loads and unloads as nix-darwin does', async () => {
    await start();
    const file = plist('org.x', { ProgramArguments: SLEEP, RunAtLoad: '<true/>' });
    const target = UID === 0 ? 'system/org.x' : `${GUI}/org.x`;
    await launchd.launchctl('load', '-w', file);
    const { pid } = await print(target);
    assert.match((await launchd.launchctl('load', file)).stderr, /^Load failed: 37/);
    await launchd.launchctl('unload', file);
    assert.ok(isGone(Number(pid)));
    assert.deepEqual(await launchd.launchctl('load', '-w', file), { code: 0, stdout: '', stderr: '' });
  });

  it('ends with the screen session what was in it, and with itself everything', async () => {
    await start();
    await launchd.launchctl('bootstrap', GUI, plist('org.x', { ProgramArguments: SLEEP, RunAtLoad: '<true/>' }));
    const { pid } = await print(`${GUI}/org.x`);
    await launchd.logIn(false);
    assert.ok(isGone(Number(pid)));
    await launchd.launchctl(
      'bootstrap',
      `user/${UID}`,
      plist('org.y', {
        ProgramArguments: SLEEP,
        RunAtLoad: '<true/>',
        LimitLoadToSessionType: '<array><string>Aqua</string><string>Background</string></array>',
      }),
    );
    const other = Number((await print(`user/${UID}/org.y`))['pid']);
    assert.ok(!isGone(other));
    await launchd.close();
    assert.ok(isGone(other));
  });

  it('refuses a plist that is wrong by key or type, and says where', async () => {
    await start();
    const refusals = async (keys: Readonly<Record<string, string>>): Promise<string> => {
      const { code, stderr } = await launchd.launchctl('bootstrap', GUI, plist('org.x', keys));
      assert.equal(code, 109, stderr);
      return stderr;
    };
    assert.match(await refusals({}), /Program and ProgramArguments are missing/);
    assert.match(
      await refusals({ ProgramArguments: SLEEP, KeepAlife: '<true/>' }),
      /KeepAlife is no key of launchd.plist/,
    );
    assert.match(
      await refusals({ ProgramArguments: SLEEP, RunAtLoad: '<string>true</string>' }),
      /RunAtLoad is a string, not a boolean/,
    );
    assert.match(
      await refusals({ ProgramArguments: SLEEP, ThrottleInterval: '<real>1.5</real>' }),
      /ThrottleInterval is a real, not a integer/,
    );
    assert.match(
      await refusals({
        ProgramArguments: SLEEP,
        EnvironmentVariables: '<dict><key>N</key><integer>1</integer></dict>',
      }),
      /EnvironmentVariables.N is a integer/,
    );
    assert.match(
      await refusals({ ProgramArguments: SLEEP, KeepAlive: '<dict><key>OnFailure</key><true/></dict>' }),
      /KeepAlive.OnFailure is no key there/,
    );
    assert.match(await refusals({ ProgramArguments: '<array><string>sh</string></array>' }), /no absolute path/);
    assert.match(
      await refusals({ ProgramArguments: SLEEP, StandardOutPath: '<string>log</string>' }),
      /StandardOutPath is no absolute path/,
    );
    assert.match(await refusals({ ProgramArguments: SLEEP, Umask: '<integer>abc</integer>' }), /"abc" is no integer/);
    assert.match(await refusals({ ProgramArguments: SLEEP, RunAtLoad: '' }), /a value is missing/);
  });

  it('does not start a job whose user cannot open its log, and says so as xpcproxy does', async () => {
    await start();
    mkdirSync(join(folder, 'locked'), { mode: UID === 0 ? 0o700 : 0o500 });
    chmodSync(folder, 0o755);
    const domain = UID === 0 ? 'system' : GUI;
    const file = plist('org.x', {
      ProgramArguments: sh(note('started')),
      RunAtLoad: '<true/>',
      StandardErrorPath: `<string>${folder}/locked/log</string>`,
      ...(UID === 0 && { UserName: '<string>nobody</string>' }),
    });
    assert.equal((await launchd.launchctl('bootstrap', domain, file)).code, 0);
    assert.equal((await print(`${domain}/org.x`))['last exit code'], '78: EX_CONFIG');
    assert.deepEqual(log(), []);
  });

  it('outlives a launchctl that is killed before it has read its answer', async () => {
    await start();
    const killed = connect(join(folder, 'launchd', 'socket')).pause();
    await once(killed, 'connect');
    killed.write(`${JSON.stringify({ args: ['list'], client: { uid: UID, cwd: '/' } })}\n`);
    // answered later than that one, whose answer nobody reads
    assert.equal((await launchd.launchctl('list')).code, 0);
    killed.destroy();
    await once(killed, 'close');
    assert.equal((await launchd.launchctl('list')).code, 0);
    assert.equal((await launchd.launchctl('list')).code, 0);
  });

  it('has its programs where a Mac has them', async () => {
    await start();
    await launchd.launchctl(
      'bootstrap',
      GUI,
      plist('org.x', {
        ProgramArguments: sh(`/bin/wait4path /nix/store && launchctl print ${GUI} | head -1 >> ${folder}/log`),
        RunAtLoad: '<true/>',
      }),
    );
    await wait('its words', () => log().length === 1);
    assert.deepEqual(log(), [`${GUI} = {`]);
    assert.match(execFileSync(join(launchd.bin, 'sw_vers'), ['-productVersion'], { encoding: 'utf8' }), /^26\./);
  });
});
