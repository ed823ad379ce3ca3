import assert from 'node:assert/strict';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { encodeFrame, START, type Position } from '../../../protocol/index.ts';
import { contentOf, fillStore, RUNS, textOf } from '../../testing/filled-store.ts';
import { temporaryFolder } from '../../testing/harness.ts';
import { endOf, planAppend, readFrom, EMPTY_STREAM, type StreamState } from '../stream-state.ts';
import { backUp, trusted, type BackupOptions } from './backup.ts';
import { EmbeddedBackbone } from './embedded.ts';
import { restore } from './restore.ts';
import { MIGRATIONS } from './schema.ts';

const AT = 1_800_000_000_000;

describe('a backup', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let backbone: EmbeddedBackbone;
  let file: string;
  let store: string;

  beforeEach(async () => {
    folder = await temporaryFolder();
    file = join(folder.path, 'relay.backup');
    store = join(folder.path, 'store');
    backbone = await EmbeddedBackbone.open({ dir: store, serve: true });
    await fillStore(backbone);
    await backbone.flush();
  });
  afterEach(async () => {
    await backbone.close();
    await folder[Symbol.asyncDispose]();
  });

  const make = (more: Partial<BackupOptions> = {}) =>
    backUp({ dir: store, file, at: AT, relayVersion: '1.0.0', ...more });
  const restored = async (dir = join(folder.path, 'restored')) => {
    restore(dir, file, AT + 1);
    return EmbeddedBackbone.open({ dir, serve: true });
  };
  const write = (at: Position, text: string) => {
    const frame = { runId: RUNS.live, stream: 'output', at, time: AT, end: false, bytes: Buffer.from(text) } as const;
    return backbone.appendFrame(frame, encodeFrame(frame));
  };

  it('that was made beside a relay at work is the store again, to the byte', async () => {
    const before = await contentOf(backbone);
    const { runs, bytes } = make();
    assert.equal(runs, 5);
    assert.equal(bytes, statSync(file).size);
    await write({ epoch: 0, offset: 13 }, 'what comes after it is not in it');
    const copy = await restored();
    assert.deepEqual(await contentOf(copy), before);
    await copy.close();
    const times = (dir: string) => readFileSync(join(dir, 'runs/web', RUNS.ended, 'output.log.idx'));
    assert.deepEqual(times(join(folder.path, 'restored')), times(store));
  });

  it('is for nobody else to read, and so is what is made from it', async () => {
    make();
    await (await restored()).close();
    const mode = (...path: string[]) => (statSync(join(folder.path, ...path)).mode & 0o777).toString(8);
    assert.equal(mode('relay.backup'), '600');
    assert.equal(mode('restored'), '700');
    assert.equal(mode('restored/relay.db'), '600');
    assert.equal(mode('restored/runs/web', RUNS.live), '700');
    assert.equal(mode('restored/runs/web', RUNS.live, 'output.log'), '600');
  });

  it('becomes files of whoever has the data folder, when root restores it', function () {
    if (process.getuid?.() !== 0) this.skip();
    make();
    const dir = join(folder.path, 'restored');
    mkdirSync(dir, { mode: 0o700 });
    chownSync(dir, 65534, 65534);
    restore(dir, file, AT);
    for (const path of ['relay.db', 'serve.lock', 'runs', 'runs/web', join('runs/web', RUNS.live, 'output.log')]) {
      assert.equal(statSync(join(dir, path)).uid, 65534, path);
    }
  });

  it('is made whole or not at all, and over nothing', () => {
    const files = () => readdirSync(folder.path).sort();
    assert.throws(() =>
      make({
        onStep: step => {
          if (step === 'files') throw new Error('the disk broke');
        },
      }),
    );
    assert.deepEqual(files(), ['store']);
    writeFileSync(file, 'mine');
    assert.throws(() => make(), /is there already/);
    assert.equal(readFileSync(file, 'utf8'), 'mine');
  });

  it('has output up to where it is sure of it when a host loses power meanwhile', async () => {
    // what the relay does meanwhile: it writes down the cut, and then what stands there now
    const db = new DatabaseSync(join(store, 'relay.db'));
    make({
      onStep: step => {
        if (step !== 'files') return;
        const epochs = JSON.stringify([START, { epoch: 1, offset: 4 }]);
        db.prepare('UPDATE streams SET epochs = ?, size = 4 WHERE run_id = ?').run(epochs, RUNS.live);
        writeFileSync(join(store, 'runs/web', RUNS.live, 'output.log'), 'builNOT THE SAME');
      },
    });
    db.close();
    const copy = await restored();
    assert.equal(await textOf(copy, RUNS.live), 'buil');
    assert.deepEqual((await copy.streams(RUNS.live)).output, { epochs: [START], size: 4, ended: false });
    await copy.close();
  });

  it('asks the hosts again for output that was not there', async () => {
    const path = join(store, 'runs/web', RUNS.ended);
    truncateSync(join(path, 'output.log'), 5);
    truncateSync(join(path, 'lock-after.json'), 0);
    make();
    const copy = await restored();
    const { output, 'lock-before': before, 'lock-after': after } = await copy.streams(RUNS.ended);
    assert.deepEqual([output?.size, output?.ended], [5, false]);
    assert.deepEqual([after?.size, after?.ended], [0, false]);
    assert.equal(before?.ended, true);
    await copy.close();
  });

  it('never claims bytes that are not the ones of its epoch', () => {
    const chunk = fc.record({ newEpoch: fc.boolean(), back: fc.nat(20), length: fc.nat(10) });
    const grow = (state: StreamState, chunks: readonly { newEpoch: boolean; back: number; length: number }[]) =>
      chunks.reduce((now, { newEpoch, back, length }) => {
        const { epoch, offset } = endOf(now);
        const at = newEpoch ? { epoch: epoch + 1, offset: Math.max(0, offset - back) } : { epoch, offset };
        const plan = planAppend(now, at, length, false);
        return plan.kind === 'append' ? plan.next : now;
      }, state);
    fc.assert(
      fc.property(fc.array(chunk), fc.array(chunk), fc.nat(200), (first, then, copied) => {
        const taken = grow(EMPTY_STREAM, first);
        const now = grow(taken, then);
        const kept = trusted(taken, copied, now);
        assert.ok(kept.size <= Math.min(taken.size, copied));
        // who has that much and asks the stream as it is now goes on exactly there: nothing of it was written over
        assert.equal(readFrom(now, endOf(kept)).offset, kept.size);
      }),
    );
  });

  it('is not restored over a store that is whole, or served', async () => {
    make();
    assert.throws(() => restore(store, file, AT), /another relay serves/);
    await backbone.close();
    assert.throws(() => restore(store, file, AT), /has a store that is not damaged/);
    backbone = await EmbeddedBackbone.open({ dir: store, serve: true });
    assert.equal((await backbone.runs({ limit: 10 })).length, 5);
  });

  it('takes the place of a damaged store, which is set aside', async () => {
    make();
    await backbone.close();
    truncateSync(join(store, 'relay.db'), 5000);
    const { aside, at } = restore(store, file, AT);
    assert.equal(at, AT);
    assert.deepEqual(aside.slice(0, 2), ['runs.corrupt-20270115T080000Z', 'relay.db.corrupt-20270115T080000Z']);
    assert.equal(statSync(join(store, aside[1]!)).size, 5000);
    backbone = await EmbeddedBackbone.open({ dir: store, serve: true });
    assert.equal(await textOf(backbone, RUNS.live), 'building web\n');
  });

  it('is restored again where it was interrupted', async () => {
    make();
    const dir = join(folder.path, 'restored');
    mkdirSync(join(dir, 'runs/web', RUNS.live), { recursive: true });
    writeFileSync(join(dir, 'runs/web', RUNS.live, 'output.log'), 'half');
    writeFileSync(join(dir, 'relay.db.part'), 'half');
    const copy = await restored(dir);
    assert.equal(await textOf(copy, RUNS.live), 'building web\n');
    await copy.close();
  });

  it('of a newer relay, a damaged one and another file are refused by what they are', () => {
    make();
    const dir = join(folder.path, 'restored');
    const db = new DatabaseSync(file);
    db.exec(`PRAGMA user_version = ${MIGRATIONS.length + 1}`);
    db.close();
    assert.throws(() => restore(dir, file, AT), /use the newer relay/);
    writeFileSync(file, 'text');
    assert.throws(() => restore(dir, file, AT), /no backup of a relay, or damaged/);
    assert.throws(() => restore(dir, join(store, 'relay.db'), AT), /is not a backup of a relay/);
    assert.throws(() => restore(dir, join(folder.path, 'none'), AT), /there is no /);
    assert.equal(existsSync(join(dir, 'relay.db')), false);
  });
});
