import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { contentOf, fillStore } from '../../testing/filled-store.ts';
import { temporaryFolder } from '../../testing/harness.ts';
import { EmbeddedBackbone } from './embedded.ts';
import { StoreError } from '../backbone.ts';
import { openDatabase, ServeLock } from './open.ts';
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
    assert.throws(() => openDatabase(folder.path), isDamaged(/file is not a database/));
  });

  it('in a place where there can be none is said to be', async () => {
    await using folder = await temporaryFolder();
    writeFileSync(join(folder.path, 'file'), '');
    assert.throws(() => openDatabase(join(folder.path, 'file', 'below')), StoreError);
  });
});

describe('a database that was in use', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let path: string;

  beforeEach(async () => {
    folder = await temporaryFolder();
    path = join(folder.path, 'relay.db');
    const backbone = await EmbeddedBackbone.open({ dir: folder.path, serve: true });
    await fillStore(backbone);
    await backbone.close();
  });
  afterEach(() => folder[Symbol.asyncDispose]());

  const serve = () => EmbeddedBackbone.open({ dir: folder.path, serve: true });

  it('is looked through by whoever serves it: a page of another table is found before anybody asks for it', async () => {
    const bytes = readFileSync(path);
    // the first pages, which every start reads, stay whole
    bytes.fill(0xa5, bytes.length - 4096);
    writeFileSync(path, bytes);
    await assert.rejects(serve(), isDamaged());
    assert.deepEqual(readFileSync(path), bytes, 'nothing was changed');
  });

  it('is damaged when a text in it is not what was written', async () => {
    const db = new DatabaseSync(path);
    db.exec("UPDATE runs SET record = replace(record, '{', '[')");
    db.close();
    await assert.rejects(serve(), isDamaged(/row of table runs/));
  });

  it('is damaged when its file was cut short, or emptied', async () => {
    truncateSync(path, 3 * 4096);
    await assert.rejects(serve(), isDamaged());
    truncateSync(path, 0);
    await assert.rejects(serve(), isDamaged(/it is empty/));
  });
});

function isDamaged(why = /./): (error: unknown) => boolean {
  return error => {
    assert.ok(error instanceof StoreError);
    assert.match(error.message, /relay\.db is damaged \(.+\); nothing was changed.*restore FILE.*start-anew/s);
    assert.match(error.message, why);
    return true;
  };
}

describe('the database of a released relay', () => {
  const fixtures = join(import.meta.dirname, 'fixtures');

  it('is kept for each version there was', () => {
    assert.deepEqual(
      readdirSync(fixtures).sort(),
      MIGRATIONS.map((_, index) => String(index + 1)),
    );
  });

  for (const name of readdirSync(fixtures)) {
    describe(`of version ${name}`, () => {
      it('is what the migrations up to it make: a released one was not changed', () => {
        const made = new DatabaseSync(':memory:');
        migrate(made, MIGRATIONS.slice(0, Number(name)));
        const kept = new DatabaseSync(join(fixtures, name, 'relay.db'), { readOnly: true });
        assert.deepEqual(schemaOf(kept), schemaOf(made));
        for (const db of [made, kept]) db.close();
      });

      it('is brought to the newest version with everything that was in it', async () => {
        await using folder = await temporaryFolder();
        cpSync(join(fixtures, name), folder.path, { recursive: true });
        const backbone = await EmbeddedBackbone.open({ dir: folder.path, serve: true });
        const content = JSON.parse(readFileSync(join(fixtures, name, 'content.json'), 'utf8')) as unknown;
        assert.deepEqual(await contentOf(backbone), content);
        await backbone.close();
        const fresh = new DatabaseSync(':memory:');
        migrate(fresh);
        const db = new DatabaseSync(join(folder.path, 'relay.db'));
        assert.deepEqual(schemaOf(db), schemaOf(fresh));
        for (const each of [fresh, db]) each.close();
      });
    });
  }

  function schemaOf(db: DatabaseSync): unknown {
    const things = db.prepare('SELECT type, name, sql FROM sqlite_schema ORDER BY type, name').all();
    return { version: version(db), things };
  }
});

describe('a data folder', () => {
  it('is served by one process at a time', async () => {
    await using folder = await temporaryFolder();
    const first = await EmbeddedBackbone.open({ dir: folder.path, serve: true });
    await assert.rejects(EmbeddedBackbone.open({ dir: folder.path, serve: true }), /another relay serves/);
    const beside = await EmbeddedBackbone.open({ dir: folder.path, serve: false });
    await beside.close();
    await first.close();
    ServeLock.take(folder.path).release();
  });
});
