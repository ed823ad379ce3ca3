import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import { TemporaryFolder } from '../testing/temporary.ts';
import { fileStamp, readToken } from './token.ts';

describe('the token file', () => {
  it('holds a token, with or without a line end', () => {
    using folder = new TemporaryFolder();
    for (const text of ['nft_abc', 'nft_abc\n', ' nft_abc\r\n']) {
      writeFileSync(folder.join('token'), text);
      assert.deepEqual(readToken(folder.join('token')), { ok: true, token: 'nft_abc' });
    }
  });

  it('may be a link, as credentials are', () => {
    using folder = new TemporaryFolder();
    writeFileSync(folder.join('real'), 'abc');
    symlinkSync('real', folder.join('token'));
    assert.ok(readToken(folder.join('token')).ok);
  });

  it('says what to do when there is none, and never what is in it', () => {
    using folder = new TemporaryFolder();
    const missing = readToken(folder.join('token'));
    assert.ok(!missing.ok);
    assert.match(missing.message, /does not exist/);
    assert.match(missing.advice, /nixfleet-relay enroll/);

    mkdirSync(folder.join('folder'));
    assert.ok(!readToken(folder.join('folder')).ok);

    for (const text of [
      '',
      '\n',
      'two words',
      'a\nsecret',
      'secret\u0000',
      'sécret'.repeat(2),
      'secret'.repeat(1000),
    ]) {
      writeFileSync(folder.join('token'), text);
      const result = readToken(folder.join('token'));
      assert.ok(!result.ok, JSON.stringify(text));
      assert.doesNotMatch(result.message + result.advice, /secret|two words/);
    }
  });

  it('that systemd hands over is missed in other words', () => {
    const path = '/run/credentials/nixfleet-agent-of-a-test.service/token';
    const outside = readToken(path);
    assert.ok(!outside.ok);
    assert.match(`${outside.message}. ${outside.advice}`, /which systemd makes while .*\. The agent is not running/);
  });

  it('that is empty says where the token belongs', () => {
    using folder = new TemporaryFolder();
    writeFileSync(folder.join('token'), '\n');
    const empty = readToken(folder.join('token'));
    assert.ok(!empty.ok);
    assert.equal(empty.message, `the token file ${folder.join('token')} is empty`);
    assert.match(empty.advice, /nixfleet-relay enroll HOST\) and put the token that it prints into/);
  });

  it('has no stamp where it cannot be looked at', () => {
    using folder = new TemporaryFolder();
    symlinkSync('loop', folder.join('loop'));
    assert.equal(fileStamp(folder.join('loop')), undefined);
    assert.equal(fileStamp(folder.join('loop/token')), undefined);
  });

  it('has another stamp when it was written anew', () => {
    using folder = new TemporaryFolder();
    assert.equal(fileStamp(folder.join('token')), undefined);
    writeFileSync(folder.join('token'), 'a');
    const stamp = fileStamp(folder.join('token'));
    writeFileSync(folder.join('token'), 'bb');
    assert.notEqual(fileStamp(folder.join('token')), stamp);
  });
});
