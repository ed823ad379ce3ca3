import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, renameSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import { TemporaryFolder } from '../testing/temporary.ts';
import { JournalReader } from './journal-reader.ts';

const line = (seq: number, more: object = {}) =>
  `${JSON.stringify({ v: 1, seq, at: 1000 + seq, type: 'warning', message: `event ${seq}`, ...more })}\n`;

async function readAll(reader: JournalReader): Promise<number[]> {
  const seqs: number[] = [];
  for (let events = await reader.next(); events.length > 0; events = await reader.next())
    seqs.push(...events.map(event => event.seq));
  return seqs;
}

describe('following a journal', () => {
  it('gives each event once, as they come', async () => {
    using folder = new TemporaryFolder();
    const path = folder.join('journal');
    const reader = new JournalReader(path);
    assert.deepEqual(await readAll(reader), []);
    writeFileSync(path, line(1) + line(2));
    assert.deepEqual(await readAll(reader), [1, 2]);
    assert.deepEqual(await readAll(reader), []);
    appendFileSync(path, line(3));
    assert.deepEqual(await readAll(reader), [3]);
    assert.equal(reader.seq, 3);
  });

  it('waits for the rest of a line that is being written', async () => {
    using folder = new TemporaryFolder();
    const path = folder.join('journal');
    const reader = new JournalReader(path);
    const bytes = line(1) + line(2);
    for (let end = 1; end <= bytes.length; end++) {
      writeFileSync(path, bytes.slice(0, end));
      const seqs = await readAll(reader);
      assert.deepEqual(seqs, end === line(1).length ? [1] : end === bytes.length ? [2] : [], `${end} bytes`);
      assert.equal(reader.damage, undefined);
    }
  });

  it('goes on behind a torn line that the next runner cut off', async () => {
    using folder = new TemporaryFolder();
    const path = folder.join('journal');
    const reader = new JournalReader(path);
    writeFileSync(path, line(1) + line(2).slice(0, 20));
    assert.deepEqual(await readAll(reader), [1]);
    truncateSync(path, line(1).length);
    appendFileSync(path, line(2, { type: 'resumed' }));
    assert.deepEqual(await readAll(reader), [2]);
  });

  it('stops before damage and reports it, and goes on when it has been mended', async () => {
    for (const damage of ['not json\n', line(7), `${JSON.stringify({ seq: 3 })}\n`, '\n', '\0'.repeat(4096) + '\n']) {
      using folder = new TemporaryFolder();
      const path = folder.join('journal');
      const reader = new JournalReader(path);
      writeFileSync(path, line(1) + line(2) + damage);
      assert.deepEqual(await readAll(reader), [1, 2]);
      assert.equal((await reader.next()).length, 0);
      assert.match(reader.damage ?? '', /./);
      writeFileSync(folder.join('mended'), line(1) + line(2) + line(3));
      renameSync(folder.join('mended'), path);
      assert.deepEqual(await readAll(reader), [3]);
      assert.equal(reader.damage, undefined);
    }
  });

  it('takes long lines, and calls one damage that no message could carry', async () => {
    using folder = new TemporaryFolder();
    const path = folder.join('journal');
    const reader = new JournalReader(path);
    writeFileSync(path, line(1) + line(2, { message: 'x'.repeat(700_000) }) + line(3));
    assert.deepEqual(await readAll(reader), [1, 2, 3]);
    appendFileSync(path, line(4, { message: 'x'.repeat(5_000_000) }));
    assert.deepEqual(await readAll(reader), []);
    assert.match(reader.damage ?? '', /event 4 is too long/);
  });

  it('reads a journal of many megabytes in parts', async () => {
    using folder = new TemporaryFolder();
    const path = folder.join('journal');
    writeFileSync(path, Array.from({ length: 20_000 }, (_, i) => line(i + 1, { message: 'y'.repeat(200) })).join(''));
    const reader = new JournalReader(path);
    const first = await reader.next();
    assert.ok(first.length > 100 && first.length < 2000, `${first.length} events at once`);
    assert.equal((await readAll(reader)).at(-1), 20_000);
  });

  it('does not follow a link, and reads nothing but a file', async () => {
    using folder = new TemporaryFolder();
    writeFileSync(folder.join('secret'), line(1));
    symlinkSync('secret', folder.join('link'));
    await assert.rejects(new JournalReader(folder.join('link')).next());
    mkdirSync(folder.join('dir'));
    await assert.rejects(new JournalReader(folder.join('dir')).next());
  });
});
