import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { runId } from '../fleet/samples.ts';
import { claimCopyFolder } from './copy-folder.ts';

describe('the folder of copies', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'nixfleet-copies-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it('is another one for each window, and the same again after a reload', async () => {
    // two processes that live as long as this test
    const [first, second] = [process.pid, process.ppid];
    const one = await claimCopyFolder(root, first);
    const two = await claimCopyFolder(root, second);
    assert.notEqual(one.path, two.path);
    await one.release();
    assert.equal((await claimCopyFolder(root, first)).path, one.path);
  });

  it('is free again when its window crashed', async () => {
    const child = spawn(process.execPath, ['-e', '']);
    await once(child, 'exit');
    assert.ok(child.pid);
    const crashed = await claimCopyFolder(root, child.pid);
    assert.equal((await claimCopyFolder(root)).path, crashed.path);
  });

  it('is not taken by nonsense in the owner file', async () => {
    mkdirSync(join(root, '1'));
    writeFileSync(join(root, '1', 'owner.1'), 'nobody');
    assert.equal((await claimCopyFolder(root)).path, join(root, '1'));
  });

  it('is one window’s alone when several start at once after a crash', async () => {
    const windows = [process.pid, process.ppid, 1];
    for (let round = 0; round < 50; round++) {
      const folder = join(root, String(round));
      mkdirSync(join(folder, '1'), { recursive: true });
      writeFileSync(join(folder, '1', 'owner.1'), '999999999');
      const claimed = await Promise.all(windows.map(pid => claimCopyFolder(folder, pid)));
      assert.equal(new Set(claimed.map(({ path }) => path)).size, windows.length);
    }
  });

  it('is not taken from a window that is just taking it', async () => {
    mkdirSync(join(root, '1'));
    writeFileSync(join(root, '1', 'owner.4'), '');
    assert.equal((await claimCopyFolder(root)).path, join(root, '2'));
    utimesSync(join(root, '1', 'owner.4'), 0, 0);
    assert.equal((await claimCopyFolder(root, process.ppid)).path, join(root, '1'));
  });

  it('keeps the newest fifty runs, none older than thirty days', async () => {
    const folder = join(root, '1');
    mkdirSync(folder);
    for (let n = 1; n <= 60; n++)
      for (const end of ['log', 'events.ndjson']) writeFileSync(join(folder, `${runId(n)}.${end}`), '');
    const old = join(folder, `${runId(60)}.log`);
    utimesSync(old, 0, 0);
    await claimCopyFolder(root);
    const names = readdirSync(folder);
    assert.ok(!names.includes(`${runId(10)}.log`));
    assert.ok(names.includes(`${runId(11)}.log`) && names.includes(`${runId(11)}.events.ndjson`));
    assert.ok(!existsSync(old));
    assert.equal(names.filter(name => !name.startsWith('owner')).length, 50 * 2 - 1);
  });
});
