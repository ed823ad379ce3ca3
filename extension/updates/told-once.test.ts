import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { isFirstToTell } from './told-once.ts';

describe('what several windows could tell', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'nixfleet-told-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is told by one of them', async () => {
    const windows = await Promise.all([1, 2, 3, 4].map(() => isFirstToTell(join(folder, 'told'), 'run')));
    assert.equal(windows.filter(Boolean).length, 1);
    assert.equal(await isFirstToTell(join(folder, 'told'), 'run'), false, 'after a reload, too');
    assert.equal(await isFirstToTell(join(folder, 'told'), 'another'), true);
  });

  it('is told although nothing can be remembered', async () => {
    writeFileSync(join(folder, 'file'), '');
    assert.equal(await isFirstToTell(join(folder, 'file'), 'run'), true);
  });

  it('is forgotten after a month', async () => {
    await isFirstToTell(folder, 'old');
    utimesSync(join(folder, 'old'), 0, 0);
    await isFirstToTell(folder, 'new');
    assert.ok(!existsSync(join(folder, 'old')));
  });
});
