import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { LockTimeout, withFileLock } from './file-lock.ts';
import { processIdentity } from './process-identity.ts';

describe('a lock between windows', () => {
  let folder: string;
  let path: string;
  let inside = 0;
  let most = 0;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'nixfleet-lock-'));
    path = join(folder, 'lock');
    inside = most = 0;
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const work = async (): Promise<void> => {
    most = Math.max(most, ++inside);
    for (let i = 0; i < 5; i++) await turn();
    inside -= 1;
  };
  const all = (): Promise<unknown> => Promise.all(Array.from({ length: 5 }, () => withFileLock(path, 20_000, work)));

  it('is held by one at a time, and leaves nothing behind', async () => {
    await all();
    assert.equal(most, 1);
    assert.deepEqual(readdirSync(folder), []);
  });

  it('is let go of when the work fails', async () => {
    await assert.rejects(
      withFileLock(path, 1000, () => Promise.reject(new Error('no'))),
      /no/,
    );
    assert.deepEqual(readdirSync(folder), []);
  });

  it('does not outlive its holder, even when the pid lives on in another process', async () => {
    const self = await processIdentity(process.pid);
    for (const left of [{ ...self, startTime: '1' }, { ...self, bootId: 'another' }, { ...self, pid: 4_000_000 }, {}]) {
      writeFileSync(path, JSON.stringify(left));
      await all();
      assert.equal(most, 1, JSON.stringify(left));
      assert.deepEqual(readdirSync(folder), []);
    }
  });

  it('is not waited for longer than that', async () => {
    writeFileSync(path, JSON.stringify(await processIdentity(process.ppid)));
    await assert.rejects(withFileLock(path, 50, work), LockTimeout);
    assert.deepEqual(readdirSync(folder), ['lock']);
  });
});
