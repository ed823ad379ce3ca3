import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import { TemporaryFolder } from '../testing/temporary.ts';
import { cutUnwrittenTail } from './unwritten-tail.ts';

describe('what a power loss leaves at the end of a file', () => {
  const after = (bytes: Buffer): Buffer => {
    using folder = new TemporaryFolder();
    const path = folder.join('file');
    writeFileSync(path, bytes);
    const fd = openSync(path, 'r+');
    assert.equal(cutUnwrittenTail(fd), readFileSync(path).length);
    closeSync(fd);
    return readFileSync(path);
  };
  const nul = (count: number): Buffer => Buffer.alloc(count);

  it('is cut where it reads as NUL, however long it is', () => {
    assert.equal(after(Buffer.concat([Buffer.from('built\n'), nul(300)])).toString(), 'built\n');
    assert.equal(after(Buffer.concat([Buffer.from('built\n'), nul(200_000)])).toString(), 'built\n');
    assert.equal(after(nul(70_000)).length, 0);
  });

  it('is left alone otherwise, also where NUL stands before it', () => {
    for (const text of ['', 'built\n', 'a\0b\0\0c']) assert.equal(after(Buffer.from(text)).toString(), text);
  });
});
