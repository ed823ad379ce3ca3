import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { inside } from './inside.ts';

describe('A path inside a host', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'inside-'));
    mkdirSync(join(root, 'nix/store/x/etc'), { recursive: true });
    writeFileSync(join(root, 'nix/store/x/etc/agent.json'), '{}');
    mkdirSync(join(root, 'run'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it('follows an absolute link within the root, not within this machine', () => {
    symlinkSync('/nix/store/x', join(root, 'run/current-system'));
    assert.equal(inside(root, '/run/current-system/etc/agent.json'), join(root, 'nix/store/x/etc/agent.json'));
  });

  it('follows relative links and chains of links', () => {
    symlinkSync('../nix/store/x', join(root, 'run/one'));
    symlinkSync('one/etc', join(root, 'run/two'));
    symlinkSync('/run/two', join(root, 'three'));
    assert.equal(inside(root, '/three/agent.json'), join(root, 'nix/store/x/etc/agent.json'));
  });

  it('cannot be led out of the root', () => {
    symlinkSync('../../../../../../etc', join(root, 'run/up'));
    assert.equal(inside(root, '/run/up/passwd'), join(root, 'etc/passwd'));
    assert.equal(inside(root, '/../../etc/passwd'), join(root, 'etc/passwd'));
  });

  it('keeps what does not exist as it is written', () => {
    assert.equal(inside(root, '/no/such//./file'), join(root, 'no/such/file'));
  });

  it('gives up on a circle', () => {
    symlinkSync('/b', join(root, 'a'));
    symlinkSync('/a', join(root, 'b'));
    assert.throws(() => inside(root, '/a/x'), /too many levels/);
  });
});
