import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { dependenciesAreInstalled } from './node24.mjs';

describe('whether the dependencies are installed', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'nixfleet-lock-'));
    mkdirSync(join(folder, 'node_modules'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const lock = (packages: object) => {
    writeFileSync(join(folder, 'package-lock.json'), JSON.stringify({ packages: { '': { name: 'x' }, ...packages } }));
  };
  const installed = (packages: object) => {
    writeFileSync(join(folder, 'node_modules/.package-lock.json'), JSON.stringify({ packages }));
  };
  const ws = { version: '8.0.0', integrity: 'sha512-a' };

  it('is so when npm has recorded what the lock asks for', () => {
    lock({ 'node_modules/ws': ws });
    installed({ 'node_modules/ws': ws, 'node_modules/tried-out': ws });
    assert.equal(dependenciesAreInstalled(folder), true);
  });

  it('is not so when an installation broke off, before npm records anything', () => {
    lock({ 'node_modules/ws': ws });
    assert.equal(dependenciesAreInstalled(folder), false);
  });

  it('is not so when a package is missing, or is another version, or has other content', () => {
    lock({ 'node_modules/ws': ws });
    for (const packages of [{}, { 'node_modules/ws': { ...ws, version: '8.0.1' } }]) {
      installed(packages);
      assert.equal(dependenciesAreInstalled(folder), false);
    }
    installed({ 'node_modules/ws': { ...ws, integrity: 'sha512-b' } });
    assert.equal(dependenciesAreInstalled(folder), false);
  });

  it('does not ask for packages of other platforms', () => {
    lock({ 'node_modules/node-darwin': { ...ws, optional: true } });
    installed({});
    assert.equal(dependenciesAreInstalled(folder), true);
  });
});
