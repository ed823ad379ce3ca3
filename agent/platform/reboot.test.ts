import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { TemporaryFolder } from '../testing/temporary.ts';
import { hostRebootReasons, rebootReasons } from './reboot.ts';

describe('whether a host needs a reboot', () => {
  let folder: TemporaryFolder;
  beforeEach(() => (folder = new TemporaryFolder()));
  afterEach(() => folder[Symbol.dispose]());

  /** A generation whose parts lead to files of these names. */
  function generation(name: string, parts: Readonly<Record<string, string>>): string {
    for (const [part, file] of Object.entries(parts)) {
      const link = folder.join(name, part);
      mkdirSync(dirname(link), { recursive: true });
      writeFileSync(folder.join(file), '');
      symlinkSync(folder.join(file), link);
    }
    return folder.join(name);
  }

  it('is no when kernel, initrd and modules are those that were booted', () => {
    const parts = { kernel: 'linux-1', initrd: 'initrd-1', 'kernel-modules': 'modules-1' };
    assert.deepEqual(rebootReasons(generation('booted', parts), generation('current', parts)), []);
  });

  it('is yes for each of them that is another', () => {
    const booted = generation('booted', { kernel: 'linux-1', initrd: 'initrd-1', 'kernel-modules': 'modules-1' });
    const current = generation('current', { kernel: 'linux-2', initrd: 'initrd-1', 'kernel-modules': 'modules-2' });
    assert.deepEqual(rebootReasons(booted, current), ['kernel', 'kernel-modules']);
  });

  it('is not known where nothing says what was booted', () => {
    assert.equal(rebootReasons(folder.join('nothing'), generation('current', { kernel: 'linux-1' })), undefined);
  });

  it('is a question for NixOS only', () => {
    const booted = generation('booted-system', { kernel: 'linux-1' });
    const current = generation('current-system', { kernel: 'linux-2' });
    assert.ok(booted);
    const system = { current, profile: '/p', unit: 'u', plists: '/l' };
    assert.deepEqual(hostRebootReasons({ platform: 'nixos', system }), ['kernel']);
    assert.equal(hostRebootReasons({ platform: 'home-manager', system }), undefined);
    assert.equal(hostRebootReasons({ platform: 'nix-darwin', system }), undefined);
  });
});
