import assert from 'node:assert/strict';
import { appendFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import { encodeIndexRecord } from '../run-directory/output-log.ts';
import { TemporaryFolder } from '../testing/temporary.ts';
import { OutputIndex } from './output-index.ts';

type Row = readonly [epoch: number, offset: number, time: number];
const rows = (...records: Row[]) =>
  Buffer.concat(records.map(([epoch, offset, time]) => encodeIndexRecord({ epoch, offset, time })));

async function indexOf(bytes: Buffer): Promise<{ index: OutputIndex; path: string; folder: TemporaryFolder }> {
  const folder = new TemporaryFolder();
  const path = folder.join('output.idx');
  writeFileSync(path, bytes);
  const index = new OutputIndex(path);
  await index.refresh();
  return { index, path, folder };
}

describe('the index of the output', () => {
  it('is one epoch from the beginning when there is none', async () => {
    const index = new OutputIndex('/nonexistent/output.idx');
    await index.refresh();
    assert.deepEqual(index.epochs, [{ epoch: 0, offset: 0 }]);
    assert.equal(index.timeAt(0), undefined);
  });

  it('says when bytes were written, and how far that holds', async () => {
    const { index, folder } = await indexOf(rows([0, 0, 1000], [0, 50, 1100], [0, 100, 2000], [0, 300, 9000]));
    using _ = folder;
    assert.deepEqual(index.timeAt(0), { time: 1000, until: 100 });
    assert.deepEqual(index.timeAt(99), { time: 1000, until: 100 });
    assert.deepEqual(index.timeAt(100), { time: 2000, until: 300 });
    assert.deepEqual(index.timeAt(10_000), { time: 9000, until: Infinity });
  });

  it('knows where epochs begin, and forgets the times of what was lost', async () => {
    const { index, folder } = await indexOf(
      rows([0, 0, 1000], [0, 100, 2000], [0, 200, 3000], [1, 150, 9000], [1, 400, 9900], [2, 120, 20_000]),
    );
    using _ = folder;
    assert.deepEqual(index.epochs, [
      { epoch: 0, offset: 0 },
      { epoch: 1, offset: 150 },
      { epoch: 2, offset: 120 },
    ]);
    assert.deepEqual(index.timeAt(119), { time: 2000, until: 120 });
    assert.deepEqual(index.timeAt(500), { time: 20_000, until: Infinity });
  });

  it('passes over zeroes and records that cannot be true', async () => {
    const { index, folder } = await indexOf(
      Buffer.concat([
        rows([0, 0, 1000], [1, 100, 2000]),
        Buffer.alloc(40),
        rows([0, 500, 3000], [1, 50, 4000], [1, 200, 5000]),
      ]),
    );
    using _ = folder;
    assert.equal(index.epoch, 1);
    assert.deepEqual(index.timeAt(150), { time: 2000, until: 200 });
    assert.deepEqual(index.timeAt(200), { time: 5000, until: Infinity });
  });

  it('waits for the rest of a torn record', async () => {
    const second = rows([1, 10, 5000]);
    const { index, path, folder } = await indexOf(Buffer.concat([rows([0, 0, 1000]), second.subarray(0, 7)]));
    using _ = folder;
    assert.equal(index.epoch, 0);
    appendFileSync(path, second.subarray(7));
    await index.refresh();
    assert.equal(index.epoch, 1);
  });

  it('sees that records were cut off and others written in their place', async () => {
    const { index, path, folder } = await indexOf(rows([0, 0, 1000], [0, 100, 2000], [0, 200, 3000]));
    using _ = folder;
    writeFileSync(path, rows([0, 0, 1000], [1, 60, 7000], [1, 90, 8000], [1, 300, 9000]));
    await index.refresh();
    assert.deepEqual(index.epochs.at(-1), { epoch: 1, offset: 60 });
    assert.deepEqual(index.timeAt(100), { time: 8000, until: 300 });
  });

  it('holds no more of a long, quick output than a person can tell apart', async () => {
    const records = Array.from({ length: 100_000 }, (_, i): Row => [0, i * 10, 1_000_000 + i]);
    const { index, folder } = await indexOf(rows(...records));
    using _ = folder;
    const steps = new Set(records.map(([, offset]) => index.timeAt(offset)?.time));
    assert.ok(steps.size <= 501, `${steps.size} times for 100 s`);
    for (const [, offset, time] of records) assert.ok(Math.abs((index.timeAt(offset)?.time ?? 0) - time) <= 200);
  });
});
