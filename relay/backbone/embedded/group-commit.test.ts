import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { temporaryFolder } from '../../testing/harness.ts';
import { until } from '../../testing/wait.ts';
import { GroupCommit } from './group-commit.ts';

describe('group commit', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let db: DatabaseSync;
  let fatal: unknown[];
  /** Syncs that were asked for and not answered. */
  let syncs: PromiseWithResolvers<undefined>[];
  let commits: GroupCommit;

  beforeEach(async () => {
    folder = await temporaryFolder();
    db = new DatabaseSync(join(folder.path, 'test.db'), { timeout: 0 });
    db.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (x INTEGER PRIMARY KEY)');
    fatal = [];
    syncs = [];
    const sync = async () => {
      const asked = Promise.withResolvers<undefined>();
      syncs.push(asked);
      await asked.promise;
    };
    commits = new GroupCommit(db, sync, error => void fatal.push(error));
  });
  afterEach(async () => {
    db.close();
    await folder[Symbol.asyncDispose]();
  });

  const insert = (x: number) => () => Number(db.prepare('INSERT INTO t VALUES (?) RETURNING x').get(x)?.['x']);
  const rows = () =>
    db
      .prepare('SELECT x FROM t ORDER BY x')
      .all()
      .map(row => row['x']);
  const settled = async (promise: Promise<unknown>) =>
    await Promise.race([promise.then(() => true), new Promise<false>(resolve => setImmediate(() => resolve(false)))]);

  it('resolves a write when the sync that began after its commit is done, and not before', async () => {
    const order: string[] = [];
    const write = commits.write(insert(1), () => void order.push('visible'));
    await until('the sync', () => syncs.length === 1);
    assert.deepEqual(rows(), [1]);
    assert.equal(await settled(write), false);
    assert.deepEqual(order, ['visible']);
    const late = commits.write(insert(2));
    await until('the second commit', () => rows().length === 2);
    syncs[0]?.resolve(undefined);
    assert.equal(await write, 1);
    assert.equal(await settled(late), false, 'what was committed during a sync needs another');
    await until('the second sync', () => syncs.length === 2);
    syncs[1]?.resolve(undefined);
    assert.equal(await late, 2);
  });

  it('makes one transaction and one sync of what comes in one turn', async () => {
    const writes = Array.from({ length: 100 }, (_, i) => commits.write(insert(i)));
    await until('the sync', () => syncs.length === 1);
    syncs[0]?.resolve(undefined);
    assert.deepEqual(
      await Promise.all(writes),
      Array.from({ length: 100 }, (_, i) => i),
    );
    assert.equal(syncs.length, 1);
  });

  it('undoes a write that throws, and only that one', async () => {
    const good = commits.write(insert(1));
    const bad = commits.write(() => {
      insert(2)();
      throw new Error('no');
    });
    const twice = commits.write(insert(1));
    const after = commits.write(insert(3));
    void Promise.allSettled([bad, twice]);
    await until('the sync', () => syncs.length === 1);
    syncs[0]?.resolve(undefined);
    assert.deepEqual(await Promise.all([good, after]), [1, 3]);
    await assert.rejects(bad, /no/);
    await assert.rejects(twice, /UNIQUE/);
    assert.deepEqual(rows(), [1, 3]);
  });

  it('waits for another process that writes, without holding up the loop', async () => {
    const other = new DatabaseSync(join(folder.path, 'test.db'));
    other.exec('BEGIN IMMEDIATE; INSERT INTO t VALUES (7)');
    const write = commits.write(insert(1));
    for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setTimeout(resolve, 1));
    assert.equal(syncs.length, 0);
    other.exec('COMMIT');
    other.close();
    await until('the sync', () => syncs.length === 1);
    syncs.at(0)?.resolve(undefined);
    await write;
    assert.deepEqual(rows(), [1, 7]);
  });

  it('refuses everything after a sync that failed, because nobody knows what is on disk', async () => {
    const write = commits.write(insert(1));
    await until('the sync', () => syncs.length === 1);
    const during = commits.write(insert(2));
    await until('its commit', () => rows().length === 2);
    void Promise.allSettled([write, during]);
    syncs[0]?.reject(new Error('EIO'));
    await assert.rejects(write, /EIO/);
    await assert.rejects(during, /EIO/);
    await assert.rejects(commits.write(insert(3)), /EIO/);
    assert.equal(fatal.length, 1);
    await commits.drained();
  });

  it('rejects what a full disk could not take, and goes on when there is room', async () => {
    db.exec('CREATE TABLE big (x TEXT)');
    const pages = Number(db.prepare('PRAGMA page_count').get()?.['page_count']);
    db.exec(`PRAGMA max_page_count = ${pages + 2}`);
    const small = commits.write(insert(1));
    const large = commits.write(() => db.prepare('INSERT INTO big VALUES (?)').run('x'.repeat(100_000)));
    const next = commits.write(insert(2));
    void Promise.allSettled([small, large, next]);
    await assert.rejects(large, /full/);
    db.exec('PRAGMA max_page_count = 100000');
    await until('a sync', () => syncs.length === 1);
    const again = commits.write(() => db.prepare('INSERT INTO big VALUES (?)').run('x'.repeat(100_000)));
    for (let i = 0; i < 3; i++) {
      for (const sync of syncs) sync.resolve(undefined);
      await new Promise(resolve => setTimeout(resolve, 2));
    }
    await again;
    const kept = (await Promise.allSettled([small, next])).map(({ status }) => status === 'fulfilled');
    assert.deepEqual(
      rows(),
      [1, 2].filter((_, i) => kept[i]),
      'who was told so is in it, and nobody else',
    );
    assert.equal(kept[1], true);
  });

  it('is drained when all is on disk', async () => {
    await commits.drained();
    const write = commits.write(insert(1));
    const drained = commits.drained();
    await until('the sync', () => syncs.length === 1);
    assert.equal(await settled(drained), false);
    syncs[0]?.resolve(undefined);
    await drained;
    await write;
  });

  it('ends when all is on disk, and takes nothing after that: what it would sync is closed then', async () => {
    const first = commits.write(insert(1));
    const ended = commits.end();
    await until('the sync', () => syncs.length === 1);
    syncs[0]?.resolve(undefined);
    await ended;
    await first;
    await assert.rejects(commits.write(insert(2)), /the store is closed/);
    assert.equal(syncs.length, 1);
  });
});
