import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { after, afterEach, before, describe, it } from 'mocha';
import { MAX_FRAME_PAYLOAD, resumeFrom, type OutputFrame, type RunId } from '../../protocol/index.ts';
import { OutputStore, type AppendResult } from './output-store.ts';
import { RowScanner } from './row-scanner.ts';

const runId = '01JTESTTESTTESTTESTTESTTES' as RunId;

function frame(epoch: number, offset: number, text: string | Uint8Array, end = false, time = 1_000_000): OutputFrame {
  const bytes = typeof text === 'string' ? new Uint8Array(Buffer.from(text)) : text;
  return { runId, stream: 'output', at: { epoch, offset }, time, end, bytes };
}

describe('the output store', () => {
  let root: string;
  let folder: string;
  let counter = 0;
  const opened: OutputStore[] = [];

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'output-store-'));
  });
  after(() => rm(root, { recursive: true }));
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.dispose();
  });

  const open = async (fresh = true): Promise<OutputStore> => {
    if (fresh) folder = join(root, String(counter++));
    const store = await OutputStore.open(folder, runId);
    opened.push(store);
    return store;
  };
  const textOf = async (store: OutputStore): Promise<string> => {
    await store.flush();
    return readFile(store.path, 'utf8');
  };
  const rowsOf = async (store: OutputStore): Promise<string[]> => {
    await store.flush();
    return (await store.rows(0, 1e6)).map(row => row.text);
  };

  it('keeps the bytes, and says how each frame joined', async () => {
    const store = await open();
    const results: AppendResult[] = [
      store.append(frame(0, 0, 'hello ')),
      store.append(frame(0, 0, 'hello ')),
      store.append(frame(0, 3, 'lo world\n')),
      store.append(frame(0, 99, 'beyond')),
    ];
    assert.deepEqual(results, ['append', 'duplicate', 'append', 'gap']);
    assert.equal(await textOf(store), 'hello world\n');
    assert.deepEqual(store.position, { epoch: 0, offset: 12 });
    assert.equal(store.size, 12);
  });

  it('takes back what a new epoch cuts off', async () => {
    const store = await open();
    store.append(frame(0, 0, 'one\ntwo\nthree\n'));
    await store.flush();
    const { revision } = store;
    store.append(frame(2, 4, 'zwei\n'));
    assert.equal(await textOf(store), 'one\nzwei\n');
    assert.deepEqual(await rowsOf(store), ['one', 'zwei']);
    assert.ok(store.revision > revision);
    assert.deepEqual(store.position, { epoch: 2, offset: 9 });
    assert.equal(store.append(frame(0, 9, 'three\n')), 'duplicate');
  });

  it('cuts and appends in order, also when everything comes at once', async () => {
    const store = await open();
    for (const part of [
      frame(0, 0, 'aaaa\n'),
      frame(0, 5, 'bbbb\n'),
      frame(1, 5, 'B\n'),
      frame(1, 7, 'C\n'),
      frame(2, 0, 'x'),
    ]) {
      assert.equal(store.append(part), 'append');
    }
    assert.equal(await textOf(store), 'x');
    assert.deepEqual(await rowsOf(store), ['x']);
  });

  it('goes on where it was after a reload', async () => {
    const first = await open();
    first.append(frame(3, 0, 'one\ntwo', false, 5000));
    await first.dispose();
    const second = await open(false);
    assert.deepEqual(second.position, { epoch: 3, offset: 7 });
    assert.deepEqual(await second.rows(0, 9), [
      { text: 'one', time: 5000, continued: false },
      { text: 'two', time: 5000, continued: false },
    ]);
    second.append(frame(3, 7, ' and a half\n', true));
    await second.flush();
    assert.deepEqual(await rowsOf(second), ['one', 'two and a half']);
    assert.equal(second.ended, true);
  });

  it('goes on where its file ends after a crash, whatever the crash left', async () => {
    const first = await open();
    first.append(frame(1, 0, 'one\ntwo\nthree\n', true));
    await first.dispose();
    await truncate(first.path, 6);
    const shorter = await open(false);
    assert.deepEqual(shorter.position, { epoch: 1, offset: 6 });
    assert.equal(shorter.ended, false);
    await shorter.dispose();
    await writeFile(join(folder, `${runId}.json`), '{"epo');
    const unknown = await open(false);
    assert.deepEqual(unknown.position, { epoch: 0, offset: 6 });
  });

  it('knows that the output has ended only when all of it is in the file', async () => {
    const store = await open();
    let ended = false;
    store.onDidAppend(() => (ended ||= store.ended));
    store.append(frame(0, 0, 'all', false));
    assert.equal(store.append(frame(0, 3, '', true)), 'duplicate');
    await store.flush();
    assert.equal(ended, true);
    assert.deepEqual(store.position, { epoch: 0, offset: 3 });
    await store.dispose();
    assert.equal((await open(false)).ended, true);
  });

  it('tells that something came, for many frames at once', async () => {
    const store = await open();
    let told = 0;
    store.onDidAppend(() => (told += 1));
    for (let i = 0; i < 100; i++) store.append(frame(0, i, 'x'));
    await store.flush();
    assert.equal(told, 1);
  });

  it('reads bytes and rows from the middle', async () => {
    const store = await open();
    const lines = Array.from({ length: 3000 }, (_, i) => `line ${i}`);
    store.append(frame(0, 0, lines.join('\n') + '\n'));
    await store.flush();
    assert.equal(store.rowCount, 3000);
    assert.deepEqual(
      (await store.rows(1023, 3)).map(row => row.text),
      lines.slice(1023, 1026),
    );
    assert.deepEqual(
      (await store.rows(2999, 50)).map(row => row.text),
      ['line 2999'],
    );
    assert.deepEqual(await store.rows(3000, 50), []);
    assert.equal((await store.read(5, 6)).toString(), '0\nline');
    assert.equal((await store.read(store.size - 2, 100)).toString(), '9\n');
    assert.equal((await store.read(store.size + 10, 100)).length, 0);
  });

  it('carries colours from row to row and drops carriage returns at their end', async () => {
    const store = await open();
    store.append(frame(0, 0, '\x1b[31mred\r\nstill red\x1b[0m\nplain\n'));
    assert.deepEqual(await rowsOf(store), ['\x1b[31mred', '\x1b[31mstill red\x1b[0m', 'plain']);
  });

  it('takes a line of 5 MB in rows', async () => {
    const store = await open();
    const piece = new Uint8Array(MAX_FRAME_PAYLOAD).fill(0x61);
    for (let i = 0; i < 80; i++) store.append(frame(0, i * MAX_FRAME_PAYLOAD, piece));
    await store.flush();
    assert.equal(store.rowCount, (80 * MAX_FRAME_PAYLOAD) / 4096);
    const rows = await store.rows(700, 2);
    assert.deepEqual(
      rows.map(row => [row.text.length, row.continued]),
      [
        [4096, true],
        [4096, true],
      ],
    );
  });

  it('is behind while much is on its way to the disk, and says when there is room', async () => {
    const store = await open();
    let offset = 0;
    while (!store.isBehind) {
      store.append(frame(0, offset, new Uint8Array(MAX_FRAME_PAYLOAD)));
      offset += MAX_FRAME_PAYLOAD;
    }
    assert.ok(offset - store.size < 2_000_000, `${offset - store.size} bytes are in memory`);
    await store.room();
    assert.equal(store.isBehind, false);
    assert.ok(offset - store.size < 1_000_000);
    await store.flush();
    assert.equal(store.size, offset);
    await store.room();
  });

  it('is not behind for ever when the disk is full', async function () {
    if (!existsSync('/dev/full')) this.skip();
    const full = join(root, 'never-room');
    await mkdir(full);
    await symlink('/dev/full', join(full, `${runId}.log`));
    const store = await OutputStore.open(full, runId);
    opened.push(store);
    for (let at = 0; at < 40; at++) store.append(frame(0, at * MAX_FRAME_PAYLOAD, new Uint8Array(MAX_FRAME_PAYLOAD)));
    assert.ok(store.isBehind);
    await store.room();
    assert.equal(store.isBehind, false);
    assert.ok(store.failure);
  });

  it('says that the disk is full, and where the file ends then', async function () {
    if (!existsSync('/dev/full')) this.skip();
    folder = join(root, String(counter++));
    await mkdir(folder);
    await symlink('/dev/full', join(folder, `${runId}.log`));
    const store = await open(false);
    let told: Error | undefined;
    store.onDidAppend(() => (told = store.failure));
    assert.equal(store.append(frame(0, 0, 'lost\n')), 'append');
    await assert.rejects(store.flush(), { code: 'ENOSPC' });
    assert.ok(told);
    assert.equal(store.append(frame(0, 5, 'y')), 'failed');
    assert.deepEqual([store.position, store.size, store.rowCount], [{ epoch: 0, offset: 0 }, 0, 0]);
  });

  it('takes nothing after its end', async () => {
    const store = await open();
    store.append(frame(0, 0, 'x'));
    await store.dispose();
    assert.equal(await readFile(store.path, 'utf8'), 'x');
    assert.equal(store.append(frame(0, 1, 'y')), 'failed');
  });

  it('refuses the bytes of another stream', async () => {
    const store = await open();
    assert.throws(() => store.append({ ...frame(0, 0, 'x'), stream: 'lock-after' }), TypeError);
  });

  it('equals the output of a host that crashes, seen over a line that breaks', async () => {
    const action = fc.oneof(
      fc.record({
        kind: fc.constant('write' as const),
        text: fc.constantFrom('a\n', 'bb', '\n', '→\x1b[31m', 'long'.repeat(3000)),
      }),
      fc.record({ kind: fc.constant('lose' as const), bytes: fc.nat(9000) }),
      fc.record({ kind: fc.constant('send' as const), bytes: fc.integer({ min: 1, max: 20_000 }) }),
      fc.record({ kind: fc.constant('reload' as const) }),
      fc.record({ kind: fc.constant('resume' as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 30 }), async actions => {
        let store = await open();
        let host = Buffer.alloc(0);
        const epochs = [{ epoch: 0, offset: 0 }];
        let sent = { epoch: 0, offset: 0 };
        const send = (most: number): void => {
          const bytes = host.subarray(sent.offset, sent.offset + Math.min(most, MAX_FRAME_PAYLOAD));
          assert.notEqual(store.append(frame(sent.epoch, sent.offset, bytes)), 'gap');
          sent = { ...sent, offset: sent.offset + bytes.length };
        };
        const resume = (): void => void (sent = resumeFrom(store.position, epochs, host.length));
        for (const step of actions) {
          if (step.kind === 'write') host = Buffer.concat([host, Buffer.from(step.text)]);
          else if (step.kind === 'send') send(step.bytes);
          else if (step.kind === 'resume') resume();
          else if (step.kind === 'lose') {
            host = host.subarray(0, Math.max(0, host.length - step.bytes));
            epochs.push({ epoch: epochs.length, offset: host.length });
            resume();
          } else {
            await store.dispose();
            store = await open(false);
            resume();
          }
        }
        resume();
        while (sent.offset < host.length) send(MAX_FRAME_PAYLOAD);
        send(1);
        await store.flush();
        assert.deepEqual(await readFile(store.path), host);
        const scanner = new RowScanner();
        const rows = [...scanner.push(host)].map(
          ({ start, data, from, to }) => start.sgr + data.toString('utf8', from, to),
        );
        if (scanner.open) rows.push(scanner.open.start.sgr + scanner.open.bytes.toString());
        assert.deepEqual(await rowsOf(store), rows);
        await store.dispose();
      }),
      { numRuns: 60 },
    );
  }).timeout(60_000);
});
