import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { appendFile, mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, it } from 'mocha';
import {
  decodeFrame,
  encodeFrame,
  parseRequest,
  requestBytes,
  START,
  type OutputFrame,
  type Position,
  type RunId,
} from '../../../protocol/index.ts';
import { newRunId, temporaryFolder } from '../../testing/harness.ts';
import { until } from '../../testing/wait.ts';
import { AGENT } from '../../testing/test-agent.ts';
import { requestFor } from '../../testing/test-operator.ts';
import type { FleetChange, HostCommand } from '../backbone.ts';
import { EmbeddedBackbone, type EmbeddedOptions } from './embedded.ts';

const NOW = 1_800_000_000_000;
/** When a run of `NOW` is older than what is kept. */
const LATER = NOW + 40 * 86_400_000;

describe('the embedded store', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let opened: EmbeddedBackbone[];

  beforeEach(async () => {
    folder = await temporaryFolder();
    opened = [];
  });
  afterEach(async () => {
    for (const backbone of opened) await backbone.close().catch(() => undefined);
    await folder[Symbol.asyncDispose]();
  });

  const openStore = async (options: Partial<EmbeddedOptions> = {}) => {
    const backbone = await EmbeddedBackbone.open({ dir: folder.path, serve: true, ...options });
    opened.push(backbone);
    return backbone;
  };
  const reopen = async (backbone: EmbeddedBackbone, dir = folder.path) => {
    await backbone.close();
    return openStore({ dir });
  };
  const frame = (runId: RunId, at: Position, text: string, end = false): OutputFrame => ({
    runId,
    stream: 'output',
    at,
    time: 1,
    end,
    bytes: Buffer.from(text),
  });
  const append = (backbone: EmbeddedBackbone, item: OutputFrame) => backbone.appendFrame(item, encodeFrame(item));
  const text = async (backbone: EmbeddedBackbone, runId: RunId) => {
    let all = '';
    for (let at = START; ;) {
      const read = await backbone.readFrame(runId, 'output', at);
      if (read.kind !== 'frame') return all;
      all += Buffer.from(read.data.subarray(40)).toString();
      at = read.next;
    }
  };
  const file = (runId: RunId, name = 'output.log') => join(folder.path, 'runs', 'web', runId, name);

  it('keeps everything over a restart', async () => {
    let backbone = await openStore();
    const runId = newRunId();
    await backbone.enrollHost('web', 'a'.repeat(64), NOW);
    await backbone.adoptRun(runId, 'web');
    await backbone.appendEvents(runId, [{ v: 1, seq: 1, at: 5, type: 'phase', phase: 'building' }]);
    await append(backbone, frame(runId, START, 'abc'));
    await append(backbone, frame(runId, { epoch: 1, offset: 2 }, 'XY', true));
    const before = {
      hosts: await backbone.hosts(),
      run: await backbone.run(runId),
      streams: await backbone.streams(runId),
    };
    backbone = await reopen(backbone);
    const after = {
      hosts: await backbone.hosts(),
      run: await backbone.run(runId),
      streams: await backbone.streams(runId),
    };
    assert.deepEqual(after, before);
    assert.equal(await text(backbone, runId), 'abXY');
    assert.deepEqual(await backbone.readFrame(runId, 'output', { epoch: 1, offset: 4 }), {
      kind: 'none',
      at: { epoch: 1, offset: 4 },
      ended: true,
    });
  });

  it('has on disk what it acknowledged, when the disk has nothing but what it was told to sync', async () => {
    // what the disk holds for certain: the database's log as it was when the last sync began
    const synced = join(folder.path, 'synced');
    let walBytes = 0;
    const wal = join(folder.path, 'relay.db-wal');
    const backbone = await openStore({
      sync: async () => {
        const size = statSync(wal).size;
        await new Promise(resolve => setImmediate(resolve));
        walBytes = size;
      },
    });
    cpSync(join(folder.path, 'relay.db'), join(await made(synced), 'relay.db'));
    const runId = newRunId();
    await backbone.adoptRun(runId, 'web');
    const acknowledged: number[] = [];
    const writes = [];
    for (let seq = 1; seq <= 50; seq++) {
      const event = { v: 1, seq, at: seq, type: 'note', text: 'x'.repeat(500) };
      writes.push(backbone.appendEvents(runId, [event]).then(() => acknowledged.push(seq)));
      if (seq % 7 === 0) await new Promise(resolve => setImmediate(resolve));
    }
    await until('some acknowledgements', () => acknowledged.length >= 10);
    const told = acknowledged.at(-1) ?? 0;
    writeFileSync(join(synced, 'relay.db-wal'), readFileSync(wal).subarray(0, walBytes));
    await Promise.all(writes);
    const copy = await openStore({ dir: synced });
    const events = await copy.readEvents(runId, 0, 1e9);
    assert.ok(events.length >= told, `${events.length} of ${told} acknowledged events`);
    assert.deepEqual(
      events.map(({ seq }) => seq),
      events.map((_, i) => i + 1),
    );
  });

  it('cuts back a file that is longer than what was recorded, and takes the rest again', async () => {
    let backbone = await openStore();
    const runId = newRunId();
    await backbone.adoptRun(runId, 'web');
    await append(backbone, frame(runId, START, 'abc'));
    await backbone.close();
    await appendFile(file(runId), 'GARBAGE');
    backbone = await openStore();
    assert.deepEqual(await append(backbone, frame(runId, { epoch: 0, offset: 3 }, 'def')), { kind: 'appended' });
    assert.equal(await text(backbone, runId), 'abcdef');
    assert.equal(readFileSync(file(runId), 'utf8'), 'abcdef');
  });

  it('goes back when a file is shorter than what was recorded, and asks for the rest', async () => {
    let backbone = await openStore();
    const runId = newRunId();
    await backbone.adoptRun(runId, 'web');
    await append(backbone, frame(runId, START, 'abcdef', true));
    await backbone.close();
    truncateSync(file(runId), 4);
    backbone = await openStore();
    assert.equal(await text(backbone, runId), 'abcd');
    assert.deepEqual(await append(backbone, frame(runId, { epoch: 0, offset: 6 }, 'g')), {
      kind: 'gap',
      have: { epoch: 0, offset: 4 },
    });
    await append(backbone, frame(runId, { epoch: 0, offset: 4 }, 'ef', true));
    backbone = await reopen(backbone);
    assert.equal(await text(backbone, runId), 'abcdef');
    assert.equal((await backbone.streams(runId)).output?.ended, true);
  });

  it('begins again when a file is gone', async () => {
    let backbone = await openStore();
    const runId = newRunId();
    await backbone.adoptRun(runId, 'web');
    await append(backbone, frame(runId, START, 'abcdef'));
    await backbone.close();
    truncateSync(file(runId), 0);
    backbone = await openStore();
    assert.deepEqual(await append(backbone, frame(runId, { epoch: 0, offset: 6 }, 'g')), { kind: 'gap', have: START });
  });

  it('knows from its start on which output lies in no file any more, ended or not', async () => {
    let backbone = await openStore();
    const runId = newRunId();
    await backbone.adoptRun(runId, 'web');
    await append(backbone, frame(runId, START, 'abcdef', true));
    await backbone.close();
    rmSync(file(runId));
    const said: string[] = [];
    backbone = await openStore({ onError: (_, error) => void said.push((error as Error).message) });
    assert.match(said.join(), /^1 files of output are shorter/);
    assert.deepEqual((await backbone.streams(runId)).output, { epochs: [START], size: 0, ended: false });
    assert.deepEqual(await append(backbone, frame(runId, START, 'abcdef', true)), { kind: 'appended' });
    backbone = await reopen(backbone);
    assert.equal(await text(backbone, runId), 'abcdef');
  });

  it('ends when its database turns out to be damaged while it serves', async () => {
    const fatal: unknown[] = [];
    const backbone = await openStore({ onFatal: error => void fatal.push(error) });
    const runId = newRunId();
    await backbone.adoptRun(runId, 'web');
    // more than SQLite keeps in memory
    for (let seq = 1; seq <= 600; seq++) {
      await backbone.appendEvents(runId, [{ v: 1, seq, at: 5, type: 'note', text: 'x'.repeat(10_000) }]);
    }
    await backbone.close();
    const again = await openStore({ onFatal: error => void fatal.push(error) });
    const path = join(folder.path, 'relay.db');
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.fill(0xa5, 20 * 4096));
    await assert.rejects(again.readEvents(runId, 0, 1e9), /malformed/);
    assert.equal(fatal.length, 1);
  });

  it('remembers a cut before it writes what stands there now', async () => {
    const backbone = await openStore();
    const runId = newRunId();
    await backbone.adoptRun(runId, 'web');
    await append(backbone, frame(runId, START, 'abcdefgh'));
    await backbone.flush();
    await append(backbone, frame(runId, { epoch: 1, offset: 4 }, 'WXYZ...'));
    // as kill -9 leaves it: the bytes are in the file, what was recorded is the cut
    const copy = join(folder.path, 'copy');
    await made(copy);
    for (const name of ['relay.db', 'relay.db-wal', 'runs'])
      cpSync(join(folder.path, name), join(copy, name), { recursive: true });
    const after = await openStore({ dir: copy });
    assert.deepEqual((await after.streams(runId)).output, {
      epochs: [
        { epoch: 0, offset: 0 },
        { epoch: 1, offset: 4 },
      ],
      size: 4,
      ended: false,
    });
    assert.equal(await text(after, runId), 'abcd');
  });

  it('cuts the file with the stream', async () => {
    const backbone = await openStore();
    const runId = newRunId();
    await backbone.adoptRun(runId, 'web');
    await append(backbone, frame(runId, START, 'abcdefgh'));
    await append(backbone, frame(runId, { epoch: 1, offset: 2 }, 'X'));
    assert.equal(readFileSync(file(runId), 'utf8'), 'abX');
  });

  it('never shows bytes of one epoch as those of another, whatever is cut while it is read', async () => {
    const backbone = await openStore();
    const runId = newRunId();
    await backbone.adoptRun(runId, 'web');
    const letter = (epoch: number) => String.fromCharCode(97 + epoch);
    await append(backbone, frame(runId, START, letter(0).repeat(50_000)));
    for (let epoch = 1; epoch <= 20; epoch++) {
      const reads = Array.from({ length: 30 }, () =>
        backbone.readFrame(runId, 'output', { epoch: epoch - 1, offset: 0 }),
      );
      const cut = append(backbone, frame(runId, { epoch, offset: 0 }, letter(epoch).repeat(50_000)));
      for (let i = 0; i < 30; i++) {
        await new Promise(resolve => setImmediate(resolve));
        reads.push(backbone.readFrame(runId, 'output', { epoch: epoch - 1, offset: 0 }));
      }
      await cut;
      for (const read of await Promise.all(reads)) {
        if (read.kind !== 'frame') continue;
        const decoded = decodeFrame(read.data);
        assert.ok(decoded.ok);
        const bytes = Buffer.from(decoded.frame.bytes).toString();
        assert.equal(bytes, letter(decoded.frame.at.epoch).repeat(bytes.length));
      }
    }
  });

  it('flushes output by itself', async () => {
    const backbone = await openStore();
    const runId = newRunId();
    await backbone.adoptRun(runId, 'web');
    await append(backbone, frame(runId, START, 'abc'));
    const beside = await openStore({ serve: false });
    await until('the record', async () => (await beside.streams(runId)).output?.size === 3);
    assert.equal(readFileSync(file(runId), 'utf8'), 'abc');
  });

  it('makes no files for streams that somebody only asks for', async () => {
    const backbone = await openStore();
    const runId = newRunId();
    await backbone.adoptRun(runId, 'web');
    assert.equal((await backbone.readFrame(runId, 'lock-after', START)).kind, 'none');
    assert.equal(existsSync(join(folder.path, 'runs')), false);
  });

  it('keeps its files for itself', async () => {
    const backbone = await openStore({ dir: join(folder.path, 'below') });
    const runId = newRunId();
    await backbone.adoptRun(runId, 'web');
    await append(backbone, frame(runId, START, 'abc'));
    await backbone.flush();
    const mode = (path: string) => (statSync(join(folder.path, path)).mode & 0o777).toString(8);
    assert.equal(mode('below'), '700');
    assert.equal(mode('below/relay.db'), '600');
    assert.equal(mode(`below/runs/web/${runId}`), '700');
    assert.equal(mode(`below/runs/web/${runId}/output.log`), '600');
  });

  it('removes a run with its files', async () => {
    const backbone = await openStore();
    const old = newRunId(NOW - 100 * 86_400_000);
    const newest = newRunId(NOW);
    for (const runId of [old, newest]) {
      await backbone.adoptRun(runId, 'web');
      await append(backbone, frame(runId, START, 'abc'));
      await backbone.appendEvents(runId, [
        { v: 1, seq: 1, at: 5, type: 'ended', outcome: 'failed', changed: false, after: {} },
      ]);
    }
    assert.equal(await backbone.applyRetention(NOW), 1);
    assert.deepEqual(readdirSync(join(folder.path, 'runs', 'web')), [newest]);
    assert.deepEqual(readdirSync(join(folder.path, 'runs', '.trash')), []);
  });

  const oldRun = async (backbone: EmbeddedBackbone) => {
    await backbone.enrollHost('web', 'a'.repeat(64), NOW);
    const runId = newRunId(NOW - 100 * 86_400_000);
    const envelope = requestFor('web', runId, { requestedAt: NOW, expiresAt: NOW + 1 });
    const parsed = parseRequest(requestBytes(envelope), runId);
    assert.ok(parsed.ok);
    await backbone.askRun({ envelope, request: parsed.request, by: 'ana', at: NOW });
    await append(backbone, frame(runId, START, 'abc'));
    await backbone.flush();
    await backbone.expireQueued(NOW + 1);
    await backbone.adoptRun(newRunId(NOW), 'web');
    return runId;
  };

  it('does not remove a run of which its host says meanwhile that it goes on', async () => {
    const backbone = await openStore();
    const runId = await oldRun(backbone);
    // it is found to be over and old at once, and its files move before it is forgotten
    const removal = backbone.applyRetention(LATER);
    await backbone.changeRun(runId, { kind: 'begun' });
    assert.equal(await removal, 0);
    assert.equal((await backbone.run(runId))?.summary.delivery, 'begun');
    assert.equal(await text(backbone, runId), 'abc');
    assert.equal(await backbone.applyRetention(LATER), 0);
  });

  it('keeps the files of a run that it cannot forget', async () => {
    const backbone = await openStore();
    const runId = await oldRun(backbone);
    const beside = new DatabaseSync(join(folder.path, 'relay.db'));
    beside.exec("CREATE TRIGGER full BEFORE DELETE ON runs BEGIN SELECT RAISE(ABORT, 'no room'); END");
    await assert.rejects(backbone.applyRetention(LATER), /no room/);
    assert.equal(await text(backbone, runId), 'abc');
    beside.exec('DROP TRIGGER full');
    beside.close();
    assert.equal(await backbone.applyRetention(LATER), 1);
    assert.equal(existsSync(file(runId)), false);
  });

  it('sends a host away whose output it could not put on disk, so that it comes again with it', async () => {
    const backbone = await openStore();
    const runId = newRunId();
    await backbone.adoptRun(runId, 'web');
    const commands: HostCommand[] = [];
    const onCommand = (command: HostCommand) => void commands.push(command);
    await backbone.claimHost({ host: 'web', session: 'one', agent: AGENT, at: NOW, onCommand });
    const beside = new DatabaseSync(join(folder.path, 'relay.db'));
    beside.exec("CREATE TRIGGER full BEFORE INSERT ON streams BEGIN SELECT RAISE(ABORT, 'no room'); END");
    await append(backbone, frame(runId, START, 'abc', true));
    await backbone.flush();
    assert.deepEqual(commands, [{ kind: 'lost-output' }]);
    beside.exec('DROP TRIGGER full');
    beside.close();
    assert.deepEqual(await backbone.streams(runId), {}, 'it is asked for from the beginning');
    assert.deepEqual(await append(backbone, frame(runId, START, 'abc', true)), { kind: 'appended' });
  });

  it('takes a cut again that it could not write down', async () => {
    const backbone = await openStore();
    const runId = newRunId();
    await backbone.adoptRun(runId, 'web');
    await append(backbone, frame(runId, START, 'abcdef'));
    await backbone.flush();
    const beside = new DatabaseSync(join(folder.path, 'relay.db'));
    beside.exec("CREATE TRIGGER full BEFORE UPDATE ON streams BEGIN SELECT RAISE(ABORT, 'no room'); END");
    await assert.rejects(append(backbone, frame(runId, { epoch: 1, offset: 3 }, 'XYZ')), /no room/);
    assert.equal(await text(backbone, runId), 'abcdef', 'nothing was cut');
    beside.exec('DROP TRIGGER full');
    beside.close();
    await append(backbone, frame(runId, { epoch: 1, offset: 3 }, 'XYZ'));
    assert.equal(await text(backbone, runId), 'abcXYZ');
  });

  it('finishes a removal that was interrupted', async () => {
    const trash = join(folder.path, 'runs', '.trash', newRunId());
    await made(trash);
    writeFileSync(join(trash, 'output.log'), 'abc');
    await openStore();
    assert.equal(existsSync(trash), false);
  });

  it('puts the files of a run back that was not forgotten before the relay was killed', async () => {
    let backbone = await openStore();
    const runId = newRunId();
    await backbone.adoptRun(runId, 'web');
    await append(backbone, frame(runId, START, 'abc', true));
    await backbone.close();
    await made(join(folder.path, 'runs', '.trash'));
    renameSync(dirname(file(runId)), join(folder.path, 'runs', '.trash', runId));
    backbone = await openStore();
    assert.equal(await text(backbone, runId), 'abc');
  });

  it('notices what another process enrols and revokes', async () => {
    const backbone = await openStore();
    const news: FleetChange[] = [];
    backbone.watchFleet(change => void news.push(change));
    const beside = await openStore({ serve: false });
    await beside.enrollHost('web', 'a'.repeat(64), NOW);
    await until('the host', () => news.some(change => change.kind === 'host' && change.host.host === 'web'));
    await until('the token', () => news.some(({ kind }) => kind === 'tokens'));
    news.length = 0;
    await beside.revoke({ kind: 'host', name: 'web' }, 'root', NOW);
    await until('the end', () => news.some(change => change.kind === 'host-removed' && change.host === 'web'));
    await until('the token', () => news.some(({ kind }) => kind === 'tokens'));
    assert.equal(await backbone.tokenOwner('a'.repeat(64)), undefined);
  });

  it('says that a stream cannot be written, and takes it again when it can', async function () {
    if (process.platform !== 'linux') this.skip();
    const backbone = await openStore();
    const runId = newRunId();
    await backbone.adoptRun(runId, 'web');
    // a folder where the file should be: what a broken disk answers is not EISDIR, but it is an error all the same
    await made(file(runId));
    await assert.rejects(append(backbone, frame(runId, START, 'abc')), /EISDIR/);
    rmdirSync(file(runId));
    assert.deepEqual(await append(backbone, frame(runId, START, 'abc')), { kind: 'appended' });
  });

  it('leaves no file open behind', async function () {
    if (process.platform !== 'linux') this.skip();
    const backbone = await openStore();
    const runId = newRunId();
    await backbone.adoptRun(runId, 'web');
    await append(backbone, frame(runId, START, 'abc'));
    await text(backbone, runId);
    await backbone.close();
    const descriptors = readdirSync('/proc/self/fd').flatMap(fd => linkOf(fd));
    assert.deepEqual(
      descriptors.filter(path => path.startsWith(folder.path)),
      [],
    );
  });

  it('waits for the log of its database, whose file stays the same', async () => {
    const backbone = await openStore();
    await backbone.check();
    const handle = await open(join(folder.path, 'relay.db-wal'));
    const before = (await handle.stat()).ino;
    await handle.close();
    for (let i = 0; i < 3; i++) {
      const beside = await EmbeddedBackbone.open({ dir: folder.path, serve: false });
      await beside.check();
      await beside.close();
      await backbone.check();
    }
    assert.equal(statSync(join(folder.path, 'relay.db-wal')).ino, before);
  });
});

async function made(dir: string): Promise<string> {
  await mkdir(dir, { recursive: true });
  return dir;
}

function linkOf(fd: string): string[] {
  try {
    return [readlinkSync(`/proc/self/fd/${fd}`)];
  } catch {
    return [];
  }
}
