import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'mocha';
import { asUser, findProgram } from './as-user.ts';
import { queryAs } from './query.ts';
import { currentUser, findUser, type User } from './user.ts';

describe('a child of another user', () => {
  it('is the command itself where that user is who we are', () => {
    const spawning = asUser(currentUser(), ['git', 'status'], process.env);
    assert.deepEqual(spawning, { file: 'git', args: ['status'], options: {} });
  });

  it('has that user’s ids and groups, and nothing of ours', async function () {
    const other = findUser('nobody') ?? findUser('daemon');
    if (process.getuid?.() !== 0 || !other) this.skip();
    const query = queryAs(other, '/', {});
    const { stdout } = await query(['sh', '-c', 'echo $(id -u) $(id -g) $(id -G)']);
    const groups = execFileSync('id', ['-G', other.name], { encoding: 'utf8' }).trim();
    assert.equal(stdout.trim(), `${other.uid} ${other.gid} ${groups}`);
    const { stdout: status } = await query(['cat', '/proc/self/status']);
    assert.match(status, /^CapEff:\t0+$/m);
    assert.match(status, /^CapPrm:\t0+$/m);
  });

  it('that is not there is spawn’s to complain of', async function () {
    const other = findUser('nobody');
    if (process.getuid?.() !== 0 || !other) this.skip();
    const { uid, gid } = other;
    assert.deepEqual(asUser(other, ['no-such-program', 'x'], process.env), {
      file: 'no-such-program',
      args: ['x'],
      options: { uid, gid },
    });
    const answer = await queryAs(other, '/', {})(['no-such-program']);
    assert.equal(answer.exitCode, undefined);
    assert.match(answer.stderr, /spawn no-such-program/);
  });

  // root can be anybody
  if (process.getuid?.() !== 0)
    it('that cannot be is an answer without an exit code', async () => {
      const root: User = { name: 'root', uid: 0, gid: 0, home: '/root' };
      assert.equal((await queryAs(root, '/', {})(['true'])).exitCode, undefined);
    });
});

describe('finding a program', () => {
  it('goes by the path, and by files that may be executed', () => {
    assert.equal(findProgram('sh', '/nowhere:relative:/bin'), '/bin/sh');
    assert.equal(findProgram('sh', ''), undefined);
    assert.equal(findProgram('/bin/sh', undefined), '/bin/sh');
    assert.equal(findProgram('/etc/passwd', undefined), undefined);
    assert.equal(findProgram('etc', '/'), undefined);
  });
});
