import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { findKey } from './find-key.ts';

function press(keys: string, isMac = false): ReturnType<typeof findKey> {
  const parts = keys.split('+');
  const has = (name: string): boolean => parts.includes(name);
  const key = parts.at(-1) ?? '';
  return findKey({ key, ctrlKey: has('Ctrl'), metaKey: has('Cmd'), altKey: has('Alt'), shiftKey: has('Shift') }, isMac);
}

describe('the keys of finding', () => {
  it('are those of the editor', () => {
    assert.deepEqual(
      ['Ctrl+f', 'F3', 'Shift+F3', 'Escape', 'f', 'Ctrl+Shift+F', 'Ctrl+Alt+f', 'Cmd+f', 'Ctrl+g'].map(keys =>
        press(keys),
      ),
      ['open', 'next', 'previous', 'close', undefined, undefined, undefined, undefined, undefined],
    );
  });

  it('are those of a Mac on a Mac', () => {
    assert.deepEqual(
      ['Cmd+f', 'Cmd+g', 'Cmd+Shift+G', 'Ctrl+f', 'F3'].map(keys => press(keys, true)),
      ['open', 'next', 'previous', undefined, 'next'],
    );
  });
});
