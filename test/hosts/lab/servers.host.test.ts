import assert from 'node:assert/strict';
import { before, describe, it } from 'mocha';
import { PLACEHOLDER_AGENT, useLab } from './for-tests.ts';
import { OWNER, type TestHost } from './host.ts';

describe('A host among servers that treat it badly', function () {
  this.timeout(60_000);
  const lab = useLab({ agent: PLACEHOLDER_AGENT });
  let h1: TestHost;
  before(async () => {
    h1 = await lab().boot('h1');
  });

  it('gets its input from a forge, until that says it asked too often: Nix exits with 0 and keeps what it had', async () => {
    const forge = await lab().forge();
    forge.trustOn(h1);
    const flake = lab().nixcfg.read('flake.nix').replace(lab().nixfleet.input, forge.input);
    await lab().nixcfg.commit({ 'flake.nix': flake }, 'Get NixFleet from the forge');
    const { manifest } = await h1.provision();
    assert.equal(manifest?.version, '1.0.0');
    assert.match(h1.readFile(`${h1.flake}/flake.lock`), /"type": "github"/);

    const rev = await lab().nixfleet.publish('1.1.0');
    const update = () => h1.exec(['nix', 'flake', 'update', 'nixfleet'], { user: OWNER, cwd: h1.flake });
    for (const status of [403, 429] as const) {
      forge.limit(status);
      const { exitCode, stderr } = await update();
      assert.equal(exitCode, 0);
      assert.match(stderr, new RegExp(`HTTP error ${status}[^]*rate limit exceeded[^]*using cached version`));
      assert.ok(!h1.readFile(`${h1.flake}/flake.lock`).includes(rev));
      assert.ok(forge.requests.at(-1)?.startsWith(`${status} `));
    }
    forge.limit(undefined);
    assert.equal((await update()).exitCode, 0);
    assert.ok(h1.readFile(`${h1.flake}/flake.lock`).includes(rev));
  });

  it('has no key that a private remote takes', async () => {
    const ssh = await lab().refusingSsh();
    const ask = () =>
      h1.exec(['git', 'ls-remote', ssh.url], { user: OWNER, env: { GIT_SSH_COMMAND: 'ssh -o BatchMode=yes' } });
    assert.match((await ask()).stderr, /Host key verification failed/);
    h1.writeFile('/home/ana/.ssh/known_hosts', ssh.knownHosts, { owner: OWNER });
    assert.match((await ask()).stderr, /Permission denied \(publickey\)/);
  });

  it('takes an SSH session from the lab’s network', async () => {
    const key = `${lab().folder}/key`;
    await lab().inLan(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key]);
    h1.copyIn(`${key}.pub`, '/home/ana/.ssh/authorized_keys', { owner: OWNER, mode: 0o600 });
    const options = [
      '-i',
      key,
      '-o',
      'BatchMode=yes',
      '-o',
      'StrictHostKeyChecking=no',
      '-o',
      'UserKnownHostsFile=/dev/null',
    ];
    const session = await lab().inLan(['ssh', ...options, `${OWNER}@${h1.address}`, 'id -un; nix --version']);
    assert.equal(session.exitCode, 0, session.stderr);
    assert.match(session.stdout, /^ana\nnix \(Nix\) 2\./);
  });
});
