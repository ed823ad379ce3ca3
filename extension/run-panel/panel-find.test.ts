import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { PanelFound } from '../../protocol/panel.ts';
import { OutputStore } from '../output/output-store.ts';
import { PanelFind } from './panel-find.ts';
import { RUN_ID } from './preview/story.ts';

describe('finding in the output', () => {
  let folder: string;
  let output: OutputStore;
  let find: PanelFind;
  let shown: PanelFound[];
  let warnings: string[];
  let planned: Set<() => void>;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'panel-find-'));
    output = await OutputStore.open(folder, RUN_ID);
    shown = [];
    warnings = [];
    planned = new Set();
    find = new PanelFind({
      output,
      show: found => shown.push(found),
      warn: message => warnings.push(message),
      later: run => {
        planned.add(run);
        return () => planned.delete(run);
      },
      most: 1000,
    });
  });
  afterEach(async () => {
    find.dispose();
    await output.dispose();
    await rm(folder, { recursive: true });
    assert.deepEqual(warnings, []);
  });

  async function write(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    output.append({ runId: RUN_ID, stream: 'output', at: output.position, time: 1000, end: false, bytes });
    await output.flush();
  }
  const look = (request: number, text: string, from = 0): void => find.find({ request, text, matchCase: false, from });
  async function until(condition: (last: PanelFound | undefined) => boolean): Promise<PanelFound> {
    const deadline = Date.now() + 5000;
    for (;;) {
      const last = shown.at(-1);
      if (last && condition(last)) return last;
      if (Date.now() > deadline) throw new Error(`it never came so far: ${JSON.stringify(last)}`);
      await new Promise(resolve => setImmediate(resolve));
    }
  }
  const isSearched = (found?: PanelFound): boolean => found?.searched === true;
  const index = (): number | undefined => shown.at(-1)?.current?.index;

  it('goes to the first match at or behind the row that the reader is at, else to the first of all', async () => {
    await write('a\nb\na\nb\n');
    look(1, 'a', 1);
    assert.deepEqual(await until(isSearched), {
      request: 1,
      count: 2,
      limited: false,
      searched: true,
      current: { index: 1, row: 2, column: 0 },
    });
    look(2, 'a', 3);
    assert.equal((await until(found => found?.request === 2 && found.searched)).current?.index, 0);
  });

  it('says that there is none', async () => {
    await write('a\n');
    look(1, 'b');
    const found = await until(isSearched);
    assert.deepEqual([found.count, found.current], [0, null]);
    find.step({ request: 1, by: 1 });
    assert.equal(shown.length, 1);
  });

  it('goes from match to match, and from one end to the other', async () => {
    await write('a a a\n');
    look(1, 'a');
    await until(isSearched);
    const steps = ([1, 1, 1, -1, -1] as const).map(by => {
      find.step({ request: 1, by });
      return index();
    });
    assert.deepEqual(steps, [1, 2, 0, 2, 1]);
    find.step({ request: 7, by: 1 });
    assert.equal(index(), 1);
  });

  it('says the only match again when asked for the next one', async () => {
    await write('a\n');
    look(1, 'a');
    await until(isSearched);
    const { length } = shown;
    find.step({ request: 1, by: 1 });
    assert.deepEqual(shown.slice(length), [shown[length - 1]]);
  });

  it('counts on while output comes, without going anywhere', async () => {
    await write('a\n');
    look(1, 'a');
    await until(isSearched);
    await write('a\na\n');
    const found = await until(last => {
      for (const run of [...planned]) run();
      return last?.count === 3;
    });
    assert.equal(found.current?.index, 0);
  });

  it('does not go to what comes when there was nothing, until it is asked to', async () => {
    await write('b\n');
    look(1, 'a');
    await until(isSearched);
    await write('a\n');
    const found = await until(last => {
      for (const run of [...planned]) run();
      return last?.count === 1;
    });
    assert.equal(found.current, null);
    find.step({ request: 1, by: 1 });
    assert.equal(index(), 0);
  });

  it('says nothing of a text that is not looked for any more', async () => {
    await write('a b\n'.repeat(100_000));
    look(1, 'zebra');
    look(2, 'a');
    look(3, '');
    look(4, 'b');
    await until(isSearched);
    assert.deepEqual(new Set(shown.map(({ request }) => request)), new Set([4]));
    assert.ok(shown.at(-1)?.limited);
    assert.equal(shown.at(-1)?.count, 1000);
  });

  it('reads no further for a text that is not looked for any more', async () => {
    await write('a b\n'.repeat(200_000));
    let reads = 0;
    const read = output.read.bind(output);
    output.read = (offset, length) => {
      reads += 1;
      return read(offset, length);
    };
    look(1, 'zebra');
    look(2, 'unicorn');
    await until(isSearched);
    assert.equal(reads, Math.ceil(output.size / (64 * 1024)) + 1);
  });

  it('leaves nothing behind when the page is gone', async () => {
    await write('a\n'.repeat(50_000));
    look(1, 'a');
    find.stop();
    assert.equal(planned.size, 0);
    await write('a\n');
    assert.deepEqual(shown, []);
  });
});
