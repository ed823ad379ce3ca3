import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'mocha';
import { childEnvironment } from './environment.ts';
import { parsePasswd, type User } from './user.ts';

const ana: User = { name: 'ana', uid: 1000, gid: 100, home: '/home/ana' };

describe('the environment of a child', () => {
  it('is its user’s, asks nothing, and has nothing of the runner’s but the way to programs and networks', () => {
    const env = childEnvironment(
      ana,
      {},
      {
        PATH: '/x:/usr/bin',
        HOME: '/root',
        NIX_PATH: 'n',
        https_proxy: 'p',
        SECRET: 's',
        LD_PRELOAD: 'l',
        SSH_AUTH_SOCK: 'a',
      },
    );
    assert.deepEqual([env['HOME'], env['USER'], env['NIX_PATH'], env['https_proxy']], ['/home/ana', 'ana', 'n', 'p']);
    assert.equal(env['GIT_TERMINAL_PROMPT'], '0');
    assert.ok(env['PATH']?.startsWith('/x:/usr/bin:'));
    for (const name of ['SECRET', 'LD_PRELOAD', 'SSH_AUTH_SOCK']) assert.equal(env[name], undefined, name);
  });

  it('has no relative folder in its path', () => {
    assert.ok(
      !childEnvironment(ana, {}, { PATH: '.:bin::/x' })
        ['PATH']?.split(':')
        .some(folder => !folder.startsWith('/')),
    );
  });

  it('gives ssh its key and hosts, with odd names too, and keeps the owner’s own command', () => {
    const { GIT_SSH_COMMAND: command = '' } = childEnvironment(
      ana,
      { sshKeyFile: "/keys/ana's key", knownHosts: '/etc/known hosts', sshCommand: 'ssh -4' },
      {},
    );
    assert.match(command, /^ssh -4 -o BatchMode=yes /);
    const argv = execFileSync('sh', ['-c', `printf '%s\\n' ${command}`], { encoding: 'utf8' }).split('\n');
    assert.ok(argv.includes("/keys/ana's key"));
    assert.ok(argv.includes('UserKnownHostsFile=/etc/known hosts'));
    assert.ok(argv.includes('StrictHostKeyChecking=yes'));
  });

  it('lets nix include the access tokens, beside what it was told already', () => {
    const env = childEnvironment(ana, { accessTokensFile: '/run/tokens' }, { NIX_CONFIG: 'cores = 2' });
    assert.equal(env['NIX_CONFIG'], 'cores = 2\n!include /run/tokens');
  });
});

describe('a user', () => {
  const passwd = 'root:x:0:0:root:/root:/bin/sh\nana:x:1000:100:Ana,,,:/home/ana:/bin/bash\n';

  it('is found by name and by number', () => {
    assert.deepEqual(parsePasswd(passwd, 'ana'), ana);
    assert.deepEqual(parsePasswd(passwd, 1000), ana);
    assert.equal(parsePasswd(passwd, 'bob'), undefined);
    assert.equal(parsePasswd('nonsense\n::::::\n', 'ana'), undefined);
  });

  it('is found in macOS’ longer lines', () => {
    const line = 'ana:********:501:20::0:0:Ana:/Users/ana:/bin/zsh\n';
    assert.equal(parsePasswd(line, 'ana')?.home, '/Users/ana');
  });
});
