import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { nar, narHash } from './nar.ts';

describe('A Nix archive', () => {
  let folder = '';
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'nar-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it('of an empty file is the one that everybody knows', () => {
    const file = join(folder, 'empty');
    writeFileSync(file, '');
    // nix hash path of an empty file
    assert.equal(narHash(file), 'sha256-d6xi4mKdjkX2JFicDIv5niSzpyI0m/Hnm8GGAIU04kY=');
  });

  it('has lengths, padding, and names by byte', () => {
    mkdirSync(join(folder, 'tree'));
    writeFileSync(join(folder, 'tree/b'), '123456789');
    writeFileSync(join(folder, 'tree/B'), '', { mode: 0o755 });
    symlinkSync('b', join(folder, 'tree/link'));
    const text = nar(join(folder, 'tree')).toString('latin1');
    assert.equal(text.length % 8, 0);
    assert.ok(text.startsWith('\x0d\0\0\0\0\0\0\0nix-archive-1\0\0\0'));
    assert.ok(text.includes('\x09\0\0\0\0\0\0\x00123456789\0\0\0\0\0\0\0'));
    assert.ok(text.indexOf('\x01\0\0\0\0\0\0\0B\0') < text.indexOf('\x01\0\0\0\0\0\0\0b\0'));
    assert.ok(text.includes('executable') && text.includes('symlink'));
  });

  it('knows of modes only whether a file can be run', () => {
    const file = join(folder, 'file');
    writeFileSync(file, 'x', { mode: 0o644 });
    const plain = narHash(file);
    chmodSync(file, 0o600);
    assert.equal(narHash(file), plain);
    chmodSync(file, 0o755);
    assert.notEqual(narHash(file), plain);
  });
});
