import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { chooseFolder } from './choose-folder.ts';

describe('the folder of nixcfg', () => {
  const plain = { folder: 'file:///plain', hasNixfleet: false };
  const ours = { folder: 'file:///ours', hasNixfleet: true };
  const other = { folder: 'file:///other', hasNixfleet: true };

  it('is the only one with a flake', () => {
    assert.deepEqual(chooseFolder([plain], undefined), { folder: plain.folder, ask: false });
    assert.deepEqual(chooseFolder([], undefined), { folder: undefined, ask: false });
  });

  it('is the one with the nixfleet input among several', () => {
    assert.deepEqual(chooseFolder([plain, ours], undefined), { folder: ours.folder, ask: false });
  });

  it('is what the person chose, as long as it is there', () => {
    assert.deepEqual(chooseFolder([plain, ours, other], other.folder), { folder: other.folder, ask: false });
    assert.deepEqual(chooseFolder([plain, ours], plain.folder), { folder: plain.folder, ask: false });
    assert.deepEqual(chooseFolder([plain, ours], other.folder), { folder: ours.folder, ask: false });
  });

  it('is asked for when nobody can tell', () => {
    assert.deepEqual(chooseFolder([ours, other], undefined), { folder: undefined, ask: true });
    assert.deepEqual(chooseFolder([plain, { ...plain, folder: 'file:///x' }], undefined), {
      folder: undefined,
      ask: true,
    });
  });
});
