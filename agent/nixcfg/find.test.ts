import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { currentUser, type User } from '../steps/user.ts';
import { findNixcfg } from './find.ts';

describe('finding nixcfg', () => {
  let dir: string;
  beforeEach(() => (dir = realpathSync(mkdtempSync(join(tmpdir(), 'nixfleet-find-')))));
  afterEach(() => rmSync(dir, { recursive: true, force: true }));
  const users = (who: string | number): User | undefined =>
    who === 'ana'
      ? { ...currentUser(), name: 'ana', home: dir }
      : who === currentUser().uid
        ? currentUser()
        : undefined;
  const flake = (folder: string): void => {
    mkdirSync(join(dir, folder), { recursive: true });
    writeFileSync(join(dir, folder, 'flake.nix'), '{ }');
  };

  it('takes the configured path, and whose flake it is', () => {
    flake('x');
    const found = findNixcfg({ nixcfgPath: join(dir, 'x') }, users);
    assert.deepEqual(found.ok && [found.nixcfg.path, found.nixcfg.owner.uid], [join(dir, 'x'), currentUser().uid]);
  });

  it('says that the configured path is wrong, and looks nowhere else', () => {
    flake('Code/nixcfg');
    mkdirSync(join(dir, 'empty'));
    writeFileSync(join(dir, 'file'), '');
    for (const [path, why] of [
      ['nowhere', 'does not exist'],
      ['empty', 'no flake.nix in it'],
      ['file', 'not a folder'],
    ] as const) {
      const found = findNixcfg({ nixcfgPath: join(dir, path), owner: 'ana' }, users);
      assert.ok(!found.ok);
      assert.equal(found.kind, 'nixcfg-not-found');
      assert.equal(found.message, `the configured path of nixcfg holds no flake: ${join(dir, path)} (${why})`);
    }
  });

  it('finds the owner’s ~/Code/nixcfg, and lists what it tried when there is none', () => {
    const none = findNixcfg({ owner: 'ana' }, users);
    assert.match(none.ok ? '' : none.message, new RegExp(`tried ${join(dir, 'Code/nixcfg')} .*, /etc/nixos `));
    flake('Code/nixcfg');
    const found = findNixcfg({ owner: 'ana' }, users);
    assert.equal(found.ok && found.nixcfg.owner.name, 'ana');
  });

  it('follows a link to the flake, and one to its folder', () => {
    flake('real');
    mkdirSync(join(dir, 'etc'));
    symlinkSync(join(dir, 'real/flake.nix'), join(dir, 'etc/flake.nix'));
    symlinkSync(join(dir, 'real'), join(dir, 'link'));
    for (const path of ['etc', 'link']) {
      const found = findNixcfg({ nixcfgPath: join(dir, path) }, users);
      assert.equal(found.ok && found.nixcfg.path, join(dir, 'real'));
    }
  });

  it('says when the owner is no user of the host', () => {
    const found = findNixcfg({ owner: 'bob' }, users);
    assert.deepEqual(!found.ok && found.kind, 'owner');
  });
});
