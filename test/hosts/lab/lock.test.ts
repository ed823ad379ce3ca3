import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { withLock } from './lock.ts';

describe('The lock of the cache', () => {
  let folder = '';
  before(function () {
    if (process.platform !== 'linux') this.skip();
    folder = mkdtempSync(join(tmpdir(), 'lock-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('lets one in at a time, and all of them in the end', async () => {
    let within = 0;
    const visit = async () => {
      assert.equal(++within, 1);
      await new Promise(resolve => setImmediate(resolve));
      within--;
      return 'done';
    };
    const path = join(folder, 'new/folder/lock');
    assert.deepEqual(await Promise.all([1, 2, 3, 4].map(() => withLock(path, visit))), Array(4).fill('done'));
  });

  it('is given back when the work fails', async () => {
    const path = join(folder, 'lock');
    await assert.rejects(
      withLock(path, () => Promise.reject(new Error('no space left'))),
      /no space left/,
    );
    assert.equal(await withLock(path, () => Promise.resolve('next')), 'next');
  });
});
