import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { before, describe, it } from 'mocha';
import { PLACEHOLDER_AGENT, useLab } from './for-tests.ts';
import { OWNER, type TestHost } from './host.ts';
import { Lab } from './lab.ts';

describe('Two hosts of a lab', function () {
  this.timeout(60_000);
  const lab = useLab({ agent: PLACEHOLDER_AGENT });
  let h1: TestHost;
  let h2: TestHost;
  before(async () => {
    [h1, h2] = await Promise.all([lab().boot('h1'), lab().boot('h2')]);
  });

  it('run systemd as PID 1, and Nix as an ordinary user whom its daemon does not trust', async () => {
    for (const host of [h1, h2]) {
      assert.equal(await host.run(['systemctl', 'is-system-running']), 'running');
      assert.match((await host.exec(['nix', 'store', 'info'], { user: OWNER })).stderr, /Trusted: 0/);
    }
  });

  it('are told apart by name, address and machine id', async () => {
    assert.equal(await h1.run(['hostname']), 'h1');
    assert.equal(await h2.run(['hostname']), 'h2');
    assert.equal(h1.address, '10.77.0.11');
    assert.match(await h2.run(['ip', '-brief', 'address', 'show', 'eth0']), /10\.77\.0\.12\/24/);
    assert.notEqual(h1.readFile('/etc/machine-id'), h2.readFile('/etc/machine-id'));
  });

  it('reach each other and the lab, and nothing else', async () => {
    await h1.run(['ping', '-c1', '-W2', h2.address]);
    await h1.run(['ping', '-c1', '-W2', lab().address]);
    const outside = await h1.exec(['ping', '-c1', '-W1', '192.0.2.1']);
    assert.notEqual(outside.exitCode, 0);
  });

  describe('A command in a host', () => {
    it('runs as root or as the owner, in the home of whoever it is', async () => {
      assert.equal(await h1.run(['sh', '-c', 'id -un; pwd; echo $HOME']), 'root\n/root\n/root');
      assert.equal(await h1.run(['sh', '-c', 'id -un; pwd; echo $HOME'], { user: OWNER }), 'ana\n/home/ana\n/home/ana');
    });

    it('gets its arguments and environment as they are, dollars, quotes and newlines included', async () => {
      const odd = `$HOME \${x} %n "quoted" 'too'\n$$ \\`;
      assert.equal(await h1.run(['printf', '%s|', odd, '']), `${odd}||`);
      assert.equal(await h1.run(['sh', '-c', 'printf %s "$ODD"'], { env: { ODD: odd } }), odd);
      assert.equal((await h1.sh('printf %s "$1"', {}, [odd])).stdout, odd);
    });

    it('gives back output, errors and exit code apart from each other', async () => {
      assert.deepEqual(await h1.sh('cat; echo oops >&2; exit 3', { input: 'in' }), {
        stdout: 'in',
        stderr: 'oops',
        exitCode: 3,
      });
      await assert.rejects(h1.run(['false']), /h1: false exited with 1/);
    });

    it('that sudo starts for the owner knows the owner', async () => {
      const { stdout } = await h1.sh('id -u; echo $SUDO_UID $SUDO_GID $SUDO_USER', { sudoFrom: OWNER });
      assert.equal(stdout, '0\n1000 1000 ana');
    });

    it('is ended, with all it started, when it takes too long', async () => {
      await assert.rejects(h1.sh('sleep 4242 & sleep 4242', { timeout: 500 }), /did not end within 0.5 s/);
      await h1.waitFor(async () => (await h1.exec(['pgrep', '-f', '[s]leep 4242'])).exitCode === 1, {
        what: 'the sleepers to be gone',
      });
    });
  });

  describe('The files of a host', () => {
    it('are read and written from outside, with owner and mode, in a running host also below /run', async () => {
      h1.writeFile('/run/lab/secret', 'for root\n', { mode: 0o600 });
      assert.equal(await h1.run(['stat', '-c', '%U %a', '/run/lab/secret']), 'root 600');
      h1.writeFile('/home/ana/new/folder/note', 'for ana\n', { owner: OWNER });
      assert.equal(await h1.run(['stat', '-c', '%U', '/home/ana/new', '/home/ana/new/folder/note']), 'ana\nana');
      await h1.run(['ln', '-sfn', '/home/ana/new', '/run/lab/link']);
      assert.equal(h1.readFile('/run/lab/link/folder/note'), 'for ana\n');
      assert.equal(h1.realPath('/run/lab/link'), '/home/ana/new');
    });

    it('of the owner’s home are nobody else’s to read', async () => {
      const other = await h1.exec(['ls', '/home/ana'], { user: 'nobody', cwd: '/' });
      assert.match(other.stderr, /Permission denied/);
    });

    it('of one host are not those of the other', () => {
      h1.writeFile('/etc/only-here', '');
      assert.ok(h1.exists('/etc/only-here'));
      assert.ok(!h2.exists('/etc/only-here'));
    });
  });

  it('lose the network when the cable is pulled, and have it again when it is plugged in', async () => {
    await h2.networkDown();
    assert.notEqual((await h1.exec(['ping', '-c1', '-W1', h2.address])).exitCode, 0);
    await h2.networkUp();
    await h1.waitFor(async () => (await h1.exec(['ping', '-c1', '-W1', h2.address])).exitCode === 0, {
      what: 'h2 to answer again',
    });
  });

  it('keep their disk over a power loss, but nothing that ran and nothing below /run', async () => {
    h2.writeFile('/var/lib/kept', 'kept\n');
    h2.writeFile('/run/lost', 'lost\n');
    const sleeping = h2.exec(['sleep', '4343']);
    sleeping.catch(() => undefined);
    await h2.waitFor(async () => (await h2.exec(['pgrep', '-f', '[s]leep 4343'])).exitCode === 0, {
      what: 'a sleeper',
    });
    const bootId = await h2.run(['journalctl', '--list-boots', '--quiet']);
    let seen = '';
    await h2.powerLoss(disk => {
      assert.equal(h2.running, false);
      seen = disk;
    });
    assert.equal(seen, h2.pathOf('/'));
    await assert.rejects(sleeping, /h2 went down while it ran sleep 4343/);
    assert.throws(() => h2.leader, /h2 is switched off/);
    assert.equal(h2.readFile('/var/lib/kept'), 'kept\n');
    await h2.bootAgain();
    assert.equal(h2.exists('/run/lost'), false);
    assert.equal((await h2.exec(['pgrep', '-f', '[s]leep 4343'])).exitCode, 1);
    assert.notEqual(await h2.run(['journalctl', '--list-boots', '--quiet']), bootId);
    await h2.run(['ping', '-c1', '-W2', lab().address]);
  });

  it('shut down in order, and know when they switched themselves off', async () => {
    await h2.run(['systemd-run', '--unit=last-words', '-p', 'ExecStop=touch /var/lib/in-order', 'sleep', 'infinity']);
    await h2.shutdown();
    assert.ok(h2.exists('/var/lib/in-order'));
    await h2.bootAgain();
    await h2.exec(['systemctl', 'poweroff', '--no-block']);
    await h2.waitFor(() => !h2.running, { what: 'h2 to switch itself off' });
    await h2.bootAgain();
  });

  describe('A server out here', () => {
    it('is reached through a forwarder, which can be killed and started again', async () => {
      const socket = join(lab().folder, 'server.sock');
      const server = createServer(connection => connection.end('hello from outside\n')).listen(socket);
      await once(server, 'listening');
      const forward = await lab().forward({ port: 7400, socket });
      const asked = async () => (await h1.exec(['bash', '-c', 'exec 3<>/dev/tcp/10.77.0.1/7400; cat <&3'])).stdout;
      assert.equal(await asked(), 'hello from outside');
      await forward.kill();
      assert.equal(await asked(), '');
      await forward.start();
      assert.equal(await asked(), 'hello from outside');
      server.close();
    });
  });

  it('cannot be booted twice or under a name that nixcfg does not configure', async () => {
    await assert.rejects(lab().boot('h1'), /h1 was booted before/);
    await assert.rejects(lab().boot('stranger'), /configures no host stranger, only h1, h2, h3/);
    await assert.rejects(h1.bootAgain(), /h1 runs already/);
  });

  it('are not disturbed by another lab on this machine with the same names and addresses', async () => {
    const other = await Lab.create({ agent: PLACEHOLDER_AGENT });
    try {
      const twin = await other.boot('h1');
      assert.equal(twin.address, h1.address);
      twin.writeFile('/etc/twin', '');
      assert.ok(!h1.exists('/etc/twin'));
      await twin.run(['ping', '-c1', '-W2', other.address]);
    } finally {
      await other.close();
    }
    assert.equal(await h1.run(['hostname']), 'h1');
  });
});
