import assert from 'node:assert/strict';
import { readFileSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { fillStore } from '../../testing/filled-store.ts';
import { temporaryFolder } from '../../testing/harness.ts';
import { EmbeddedBackbone } from './embedded.ts';
import { startAnew } from './set-aside.ts';

const AT = 1_800_000_000_000;
const ASIDE = ['runs.corrupt-20270115T080000Z', 'relay.db.corrupt-20270115T080000Z'];

describe('beginning anew', () => {
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

  it('keeps what was there under another name, and the tokens that can be read', async () => {
    const bytes = readFileSync(path);
    bytes.fill(0xa5, bytes.length - 4096);
    writeFileSync(path, bytes);
    const { aside, kept } = startAnew(folder.path, AT);
    assert.deepEqual(aside.slice(0, 2), ASIDE);
    assert.deepEqual(readFileSync(join(folder.path, ASIDE[1]!)), bytes);
    assert.equal(readdirSync(join(folder.path, ASIDE[0]!)).length, 2);
    assert.deepEqual(kept, [
      { kind: 'host', name: 'web' },
      { kind: 'operator', name: 'ana' },
      { kind: 'host', name: 'next-1' },
      { kind: 'host', name: 'next-2' },
    ]);
    const backbone = await serve();
    assert.deepEqual(await backbone.tokenOwner('a'.repeat(64)), { kind: 'host', name: 'web' });
    assert.equal(await backbone.tokenOwner('b'.repeat(64)), undefined, 'a revoked host stays out');
    assert.deepEqual(
      (await backbone.hosts()).map(({ host }) => host),
      ['next-1', 'next-2', 'web'],
    );
    assert.deepEqual(await backbone.runs({ limit: 10 }), []);
    assert.equal((await backbone.readAudit(1))[0]?.action, 'start-anew');
    await backbone.close();
  });

  it('works when nothing can be read any more', async () => {
    writeFileSync(path, Buffer.alloc(8192, 'nonsense'));
    assert.deepEqual(startAnew(folder.path, AT).kept, []);
    const backbone = await serve();
    assert.deepEqual(await backbone.hosts(), []);
    await backbone.close();
  });

  it('leaves a store alone that is not damaged, and one that is served', async () => {
    assert.throws(() => startAnew(folder.path, AT), /is not damaged; nothing was changed/);
    const backbone = await serve();
    truncateSync(path, statSync(path).size - 4096);
    assert.throws(() => startAnew(folder.path, AT), /another relay serves/);
    await backbone.close().catch(() => undefined);
  });
});
