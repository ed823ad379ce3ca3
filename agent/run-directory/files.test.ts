import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { readSmallFile, writeFileAtomically } from './files.ts';

describe('small files of the state folder', () => {
  let dir: string;
  beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'nixfleet-files-'))));
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('are read whole', () => {
    writeFileSync(join(dir, 'a'), 'text');
    const read = readSmallFile(join(dir, 'a'), 4);
    assert.equal(read.ok && read.value.toString(), 'text');
  });

  it('are not read through a link, from a pipe, a folder, or beyond the limit', () => {
    writeFileSync(join(dir, 'secret'), 'secret');
    symlinkSync('secret', join(dir, 'link'));
    mkdirSync(join(dir, 'folder'));
    execFileSync('mkfifo', [join(dir, 'pipe')]);
    for (const name of ['link', 'pipe', 'folder']) {
      const read = readSmallFile(join(dir, name), 100);
      assert.equal(!read.ok && read.kind, 'unfit', name);
    }
    const large = readSmallFile(join(dir, 'secret'), 5);
    assert.match(large.ok ? '' : large.message, /6 bytes; 5 are allowed/);
    const missing = readSmallFile(join(dir, 'none'), 5);
    assert.equal(!missing.ok && missing.kind, 'missing');
  });

  it('are replaced whole, with the mode asked for and nothing left beside them', () => {
    writeFileSync(join(dir, 'a'), 'old');
    writeFileAtomically(join(dir, 'a'), 'new', 0o640);
    assert.equal(readFileSync(join(dir, 'a'), 'utf8'), 'new');
    assert.equal(statSync(join(dir, 'a')).mode & 0o777, 0o640);
    assert.deepEqual(readdirSync(dir), ['a']);
  });

  it('are not written into what somebody put in the way', () => {
    const next = join(dir, `a.${process.pid}.new`);
    execFileSync('mkfifo', [next]);
    writeFileAtomically(join(dir, 'a'), 'new');
    symlinkSync(join(dir, 'precious'), next);
    writeFileAtomically(join(dir, 'a'), 'newer');
    assert.equal(readFileSync(join(dir, 'a'), 'utf8'), 'newer');
    assert.deepEqual(readdirSync(dir), ['a']);
  });
});
