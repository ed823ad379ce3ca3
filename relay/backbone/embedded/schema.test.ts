import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'mocha';
import { temporaryFolder } from '../../testing/harness.ts';
import { EmbeddedBackbone } from './embedded.ts';
import { openDatabase, ServeLock, StoreError } from './open.ts';
import { MIGRATIONS, migrate, NewerDatabase } from './schema.ts';

const version = (db: DatabaseSync) => db.prepare('PRAGMA user_version').get()?.['user_version'];

describe('the database', () => {
  it('is brought to the newest version step by step, once', () => {
    const db = new DatabaseSync(':memory:');
    const steps = ['CREATE TABLE a (x)', 'ALTER TABLE a ADD COLUMN y; INSERT INTO a VALUES (1, 2)'];
    migrate(db, steps.slice(0, 1));
    assert.equal(version(db), 1);
    migrate(db, steps);
    migrate(db, steps);
    assert.equal(version(db), 2);
    assert.equal(db.prepare('SELECT * FROM a').all().length, 1);
    db.close();
  });

  it('stays as it was when a step fails', () => {
    const db = new DatabaseSync(':memory:');
    assert.throws(() => migrate(db, ['CREATE TABLE a (x)', 'nonsense']), /syntax/);
    assert.equal(version(db), 0);
    assert.deepEqual(db.prepare('SELECT * FROM sqlite_master').all(), []);
    db.close();
  });

  it('of a newer relay is left alone', () => {
    const db = new DatabaseSync(':memory:');
    db.exec(`PRAGMA user_version = ${MIGRATIONS.length + 1}`);
    assert.throws(() => migrate(db), NewerDatabase);
    db.close();
  });

  it('that is damaged is said to be, with what to do', async () => {
    await using folder = await temporaryFolder();
    writeFileSync(join(folder.path, 'relay.db'), Buffer.alloc(8192, 'nonsense'));
    assert.throws(
      () => openDatabase(folder.path),
      (error: unknown) => {
        assert.ok(error instanceof StoreError);
        assert.match(error.message, /relay\.db is damaged.*Move it/s);
        return true;
      },
    );
  });

  it('in a place where there can be none is said to be', async () => {
    await using folder = await temporaryFolder();
    writeFileSync(join(folder.path, 'file'), '');
    assert.throws(() => openDatabase(join(folder.path, 'file', 'below')), StoreError);
  });
});

describe('a data folder', () => {
  it('is served by one process at a time', async () => {
    await using folder = await temporaryFolder();
    const first = await EmbeddedBackbone.open({ dir: folder.path, serve: true });
    await assert.rejects(EmbeddedBackbone.open({ dir: folder.path, serve: true }), /another relay serves/);
    const beside = await EmbeddedBackbone.open({ dir: folder.path, serve: false });
    await beside.close();
    await first.close();
    const lock = ServeLock.take(folder.path);
    assert.ok(lock);
    lock.release();
  });
});
