import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import * as fc from 'fast-check';
import type { RunId } from '../../protocol/index.ts';
import { parseJournal } from './journal.ts';
import { JournalWriter } from './journal-writer.ts';
import { runPaths, type RunPaths } from './layout.ts';
import { decodeIndexRecords, OutputLog } from './output-log.ts';

let dir: string;
let paths: RunPaths;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nixfleet-run-'));
  paths = runPaths(dir, '01J00000000000000000000000' as RunId);
  mkdirSync(paths.dir, { recursive: true });
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('journal writer', () => {
  it('numbers events from 1 and goes on where another writer stopped', () => {
    const first = JournalWriter.open(paths.journal).journal;
    first.append({ type: 'warning', message: 'a' });
    first.append({ type: 'warning', message: 'b' });
    first.close();
    const second = JournalWriter.open(paths.journal).journal;
    assert.equal(second.append({ type: 'warning', message: 'c' }).seq, 3);
    second.close();
    assert.deepEqual(
      parseJournal(readFileSync(paths.journal)).events.map(event => event.seq),
      [1, 2, 3],
    );
  });

  it('cuts off whatever a crash left and keeps it aside', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3 }), fc.uint8Array({ minLength: 1, maxLength: 40 }), (lines, junk) => {
        rmSync(paths.journal, { force: true });
        const before = JournalWriter.open(paths.journal).journal;
        for (let i = 0; i < lines; i++) before.append({ type: 'warning', message: `${i}` });
        before.close();
        appendFileSync(paths.journal, junk);
        const { journal, damage } = JournalWriter.open(paths.journal);
        assert.notEqual(damage, undefined);
        assert.equal(journal.events.length, lines);
        journal.append({ type: 'warning', message: 'next' });
        journal.close();
        const { events, damage: after } = parseJournal(readFileSync(paths.journal));
        assert.equal(after, undefined);
        assert.equal(events.length, lines + 1);
        assert.deepEqual(new Uint8Array(readFileSync(`${paths.journal}.corrupt`)), junk);
      }),
      { numRuns: 50 },
    );
  });
});

describe('output log', () => {
  it('appends what is written, with a record where each flush began', () => {
    const output = OutputLog.open(paths, false, () => 7);
    output.write('ab');
    output.write('cd');
    output.flush();
    output.write('e');
    output.close();
    assert.equal(readFileSync(paths.output, 'utf8'), 'abcde');
    assert.deepEqual(decodeIndexRecords(readFileSync(paths.outputIndex)), [
      { epoch: 0, offset: 0, time: 7 },
      { epoch: 0, offset: 4, time: 7 },
    ]);
  });

  it('gathers no more than a frame holds', () => {
    const output = OutputLog.open(paths, false);
    output.write(new Uint8Array(64 * 1024));
    assert.equal(readFileSync(paths.output).length, 64 * 1024);
    output.close();
  });

  it('writes what was gathered after a moment by itself', async () => {
    const output = OutputLog.open(paths, false);
    output.write('x');
    const deadline = Date.now() + 5000;
    while (readFileSync(paths.output).length === 0 && Date.now() < deadline)
      await new Promise(resolve => setTimeout(resolve, 5));
    assert.equal(readFileSync(paths.output, 'utf8'), 'x');
    output.close();
  });

  it('goes on in the same epoch when only its writer died', () => {
    OutputLog.open(paths, false).close();
    writeFileSync(paths.output, 'abc');
    const output = OutputLog.open(paths, false, () => 1);
    assert.equal(output.size, 3);
    output.write('d');
    output.close();
    assert.deepEqual(decodeIndexRecords(readFileSync(paths.outputIndex)), [{ epoch: 0, offset: 3, time: 1 }]);
  });

  it('opens a new epoch at the end that is left after a power loss, every time', () => {
    const first = OutputLog.open(paths, false, () => 1);
    first.write('abcdef');
    first.flush();
    first.write('ghi');
    first.close();
    truncateSync(paths.output, 4);
    const second = OutputLog.open(paths, true, () => 2);
    second.write('xy');
    second.close();
    truncateSync(paths.output, 2);
    OutputLog.open(paths, true, () => 3).close();
    assert.deepEqual(decodeIndexRecords(readFileSync(paths.outputIndex)), [
      { epoch: 0, offset: 0, time: 1 },
      { epoch: 2, offset: 2, time: 3 },
    ]);
    assert.equal(readFileSync(paths.output, 'utf8'), 'ab');
  });
});
