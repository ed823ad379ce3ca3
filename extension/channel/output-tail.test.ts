import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { ENGLISH } from '../base/locale.ts';
import { eventually } from '../connection/fake-relay.ts';
import { runId } from '../fleet/samples.ts';
import { OutputStore } from '../output/output-store.ts';
import { OutputTail } from './output-tail.ts';

describe('the output of a run in a channel', () => {
  let folder: string;
  let output: OutputStore;
  let written: string[];
  let ends: number;
  let tail: OutputTail;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'nixfleet-tail-'));
    output = await OutputStore.open(folder, runId(1));
    written = [];
    ends = 0;
  });

  afterEach(async () => {
    tail.dispose();
    await output.dispose();
    rmSync(folder, { recursive: true });
  });

  function follow(cap?: number): void {
    tail = new OutputTail(
      output,
      { append: text => written.push(text) },
      {
        locale: ENGLISH,
        batchMs: 1,
        onEnd: () => (ends += 1),
        ...(cap !== undefined && { cap }),
      },
    );
  }

  function send(text: string, end = false, epoch = output.position.epoch, offset = output.position.offset): void {
    output.append({ runId: runId(1), stream: 'output', at: { epoch, offset }, time: 1, end, bytes: Buffer.from(text) });
  }

  const text = (): string => written.join('');

  it('is written from the beginning and as it comes, to the end', async () => {
    send('before\n');
    follow();
    await eventually(() => text() === 'before\n');
    send('\u001b[32mwhile\u001b[0m\n');
    await eventually(() => text() === 'before\nwhile\n');
    send('no newline', true);
    await eventually(() => ends === 1);
    assert.equal(text(), 'before\nwhile\nno newline\n');
  });

  it('is written in batches', async () => {
    for (let i = 0; i < 1000; i++) send(`line ${i}\n`);
    follow();
    send('', true);
    await eventually(() => ends === 1);
    assert.ok(written.length < 10, `${written.length} appends`);
    assert.equal(text().split('\n').length, 1001);
  });

  it('stops at a cap and says where the rest is', async () => {
    follow(1000);
    for (let i = 0; i < 500; i++) send(`line ${i}\n`);
    await eventually(() => ends === 1);
    assert.ok(text().length < 1200);
    assert.ok(text().endsWith(`all of it is in ${output.path}]\n`));
    const before = text();
    send('more\n', true);
    await output.flush();
    assert.equal(text(), before);
  });

  it('says so when the host lost the end of it', async () => {
    follow();
    send('kept\nlost by the host\n');
    await eventually(() => text().includes('lost by'));
    send('again\n', true, 1, 5);
    await eventually(() => ends === 1);
    assert.equal(
      text(),
      'kept\nlost by the host\n[the host lost the end of this output; it continues from an earlier point]\nagain\n',
    );
  });

  it('goes on from there too when the host has long written more than it lost', async () => {
    follow();
    send('kept\nlost\n');
    await eventually(() => text().includes('lost'));
    send(`again\n${'x'.repeat(100)}\n`, true, 1, 5);
    await eventually(() => ends === 1);
    assert.match(text(), /^kept\nlost\n\[.*\]\nagain\nx{100}\n$/);
  });

  it('writes nothing more once nobody follows', async () => {
    follow();
    send('one\n');
    await eventually(() => text() === 'one\n');
    tail.dispose();
    send('two\n', true);
    await output.flush();
    assert.equal(text(), 'one\n');
    assert.equal(ends, 0);
  });
});
