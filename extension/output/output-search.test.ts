import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { RunId } from '../../protocol/index.ts';
import type { FindQuery } from '../../protocol/line-finder.ts';
import { OutputSearch } from './output-search.ts';
import { OutputStore } from './output-store.ts';

const runId = '01JTESTTESTTESTTESTTESTTES' as RunId;

describe('the search of a run’s output', () => {
  let folder: string;
  let store: OutputStore;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'output-search-'));
    store = await OutputStore.open(folder, runId);
  });
  afterEach(async () => {
    await store.dispose();
    await rm(folder, { recursive: true });
  });

  async function write(text: string, at = store.position): Promise<void> {
    store.append({ runId, stream: 'output', at, time: 1000, end: false, bytes: Buffer.from(text) });
    await store.flush();
  }
  const searchFor = (
    text: string,
    { matchCase = false, most }: Partial<FindQuery> & { most?: number } = {},
  ): OutputSearch => new OutputSearch(store, { text, matchCase }, most);
  async function toEnd(search: OutputSearch): Promise<string[]> {
    while (await search.advance());
    return Array.from({ length: search.count }, (_, i) => `${search.match(i)?.row}:${search.match(i)?.column}`);
  }

  it('finds a text wherever the pieces that are read begin and end', async () => {
    // 🚀 is four bytes, and the pieces are cut at each of them in turn
    for (let shift = 0; shift < 8; shift++) {
      const filler = 'x'.repeat(64 * 1024 - 4096 - shift);
      await write(`${filler}\n${'y'.repeat(4093)}ab🚀cd\n`);
    }
    const search = searchFor('B🚀c');
    const places = await toEnd(search);
    assert.equal(places.length, 8);
    for (const [i, place] of places.entries()) {
      const { row = -1, column = -1 } = search.match(i) ?? {};
      const rows = await store.rows(row, 2);
      assert.ok(
        rows
          .map(({ text }) => text)
          .join('')
          .startsWith('b🚀c', column),
        place,
      );
    }
  });

  it('goes on with what comes, and counts the last line before it has an end', async () => {
    await write('one\ntwo one');
    const search = searchFor('one');
    assert.deepEqual(await toEnd(search), ['0:0', '1:4']);
    await write(' one\n');
    assert.deepEqual(await toEnd(search), ['0:0', '1:4', '1:8']);
    await write('10%\ron');
    assert.equal(search.count, 3);
    assert.deepEqual(await toEnd(search), ['0:0', '1:4', '1:8']);
    await write('e');
    assert.deepEqual(await toEnd(search), ['0:0', '1:4', '1:8', '2:0']);
  });

  it('takes back what it found in a line that overwrote itself', async () => {
    await write('10%');
    const search = searchFor('10%');
    assert.deepEqual(await toEnd(search), ['0:0']);
    await write('\r20%');
    assert.deepEqual(await toEnd(search), []);
  });

  it('says which is the first match from a row on', async () => {
    await write('a\nb\na a\nb\na');
    const search = searchFor('a');
    await toEnd(search);
    assert.deepEqual(
      [0, 1, 2, 3, 4, 5].map(row => search.firstFrom(row)),
      [0, 1, 1, 3, 3, 4],
    );
    assert.equal(searchFor('a').firstFrom(0), 0);
  });

  it('counts so many and no more', async () => {
    await write('a\n'.repeat(100));
    const search = searchFor('a', { most: 10 });
    assert.equal((await toEnd(search)).length, 10);
    assert.ok(search.isLimited);
    assert.equal(search.firstFrom(50), 10);
  });

  it('starts over when the host took bytes back', async () => {
    await write('keep a\nlost a\n');
    const search = searchFor('a');
    assert.deepEqual(await toEnd(search), ['0:5', '1:5']);
    await write('new\na\n', { epoch: 1, offset: 7 });
    assert.deepEqual(await toEnd(search), ['0:5', '2:0']);
  });

  it('searches no more than a piece before the event loop turns', async () => {
    await write('line\n'.repeat(100_000));
    const search = searchFor('line');
    assert.ok(await search.advance());
    assert.ok(search.count <= (64 * 1024) / 5 + 1, String(search.count));
  });
});
