import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import { TemporaryFolder, until } from '../testing/temporary.ts';
import { FolderWatch } from './folder-watch.ts';

describe('watching a folder', () => {
  it('calls back once for changes that come together', async () => {
    using folder = new TemporaryFolder();
    let calls = 0;
    using _ = new FolderWatch(folder.path, { gather: 30, poll: 60_000 }, () => calls++);
    for (let i = 0; i < 10; i++) writeFileSync(folder.join(`f${i}`), 'x');
    await until('the call', () => calls > 0);
    assert.equal(calls, 1);
    writeFileSync(folder.join('f0'), 'xx');
    await until('another', () => calls === 2);
  });

  it('calls back soon where that is asked for, and gathers what comes right after', async () => {
    using folder = new TemporaryFolder();
    let calls = 0;
    const options = { gather: 60_000, poll: 60_000 };
    using _soon = new FolderWatch(folder.path, { ...options, soon: 1 }, () => calls++);
    writeFileSync(folder.join('f'), 'x');
    await until('the call', () => calls === 1);
    let seen = 0;
    using _other = new FolderWatch(folder.path, { ...options, gather: 20 }, () => seen++);
    writeFileSync(folder.join('f'), 'xx');
    await until('another watch to be called', () => seen > 0);
    assert.equal(calls, 1);
  });

  it('calls back now and then where nothing can be watched, and watches what comes into being', async () => {
    using folder = new TemporaryFolder();
    let calls = 0;
    using _ = new FolderWatch(folder.join('later'), { gather: 1, poll: 10 }, () => calls++);
    await until('calls', () => calls >= 3);
    mkdirSync(folder.join('later'));
    await until('more calls', () => calls >= 6);
  });

  it('is silent when it was put away', async () => {
    using folder = new TemporaryFolder();
    let calls = 0;
    const watch = new FolderWatch(folder.path, { gather: 1, poll: 5 }, () => calls++);
    writeFileSync(folder.join('f'), 'x');
    watch[Symbol.dispose]();
    const before = calls;
    let later = 0;
    using _ = new FolderWatch(folder.path, { gather: 1, poll: 5 }, () => later++);
    await until('another watch to be called', () => later > 5);
    assert.equal(calls, before);
  });
});
