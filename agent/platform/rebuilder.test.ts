import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, it } from 'mocha';
import { AGENT_MANIFEST_PATH } from '../../protocol/index.ts';
import { TemporaryFolder } from '../testing/temporary.ts';
import { readManifest } from './rebuilder.ts';

const MANIFEST = { format: 1, storePath: '/nix/store/x-agent', version: '1.0.0', rev: 'r', protocol: 1 };
const NAME = 'q'.repeat(32);

/** A store with a generation that has no manifest yet. */
class Store extends TemporaryFolder {
  readonly toplevel = this.join(`store/${NAME}-system`);
  readonly manifest = `${this.toplevel}/${AGENT_MANIFEST_PATH}`;

  constructor() {
    super();
    mkdirSync(dirname(this.manifest), { recursive: true });
  }

  why(toplevel = this.toplevel): string {
    const read = readManifest(toplevel);
    return read.ok ? 'read' : read.message;
  }
}

describe('the manifest of a generation', () => {
  it('is a file of the store, also behind links that stay in it', () => {
    using store = new Store();
    assert.equal(store.why(), `${store.manifest} does not exist`);
    const other = store.join(`store/${NAME}-etc`);
    mkdirSync(other);
    writeFileSync(`${other}/agent.json`, JSON.stringify(MANIFEST));
    symlinkSync(`${other}/agent.json`, store.manifest);
    const link = store.join('current-system');
    symlinkSync(store.toplevel, link);
    for (const toplevel of [store.toplevel, link])
      assert.deepEqual(readManifest(toplevel), { ok: true, manifest: MANIFEST });
  });

  it('is nothing that a link out of the store leads to', () => {
    using store = new Store();
    writeFileSync(store.join('secret'), JSON.stringify(MANIFEST));
    symlinkSync(store.join('secret'), store.manifest);
    assert.equal(store.why(), `${store.manifest} leads out of the store`);
    rmSync(`${store.toplevel}/etc`, { recursive: true });
    mkdirSync(store.join('nixfleet'));
    writeFileSync(store.join('nixfleet/agent.json'), JSON.stringify(MANIFEST));
    symlinkSync(store.path, `${store.toplevel}/etc`);
    assert.equal(store.why(), `${store.manifest} leads out of the store`);
    assert.match(store.why(store.path), /does not exist|is not a store path/);
  });

  it('is no pipe that nobody writes to, no device, nothing without end, and nothing else', () => {
    using store = new Store();
    execFileSync('mkfifo', [store.manifest]);
    assert.equal(store.why(), `${store.manifest} is not a regular file`);
    rmSync(store.manifest);
    writeFileSync(store.manifest, JSON.stringify({ ...MANIFEST, more: 'x'.repeat(100_000) }));
    assert.match(store.why(), /has \d+ bytes; 65536 are allowed/);
    writeFileSync(store.manifest, '{}');
    assert.match(store.why(), new RegExp(`^${store.manifest}: `));
    writeFileSync(store.manifest, 'x');
    assert.equal(store.why(), `${store.manifest} is not JSON`);
  });
});
