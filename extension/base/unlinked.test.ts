import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { unlinked } from './unlinked.ts';

describe('text that others wrote', () => {
  it('has no links, and reads the same', () => {
    // what VS Code takes for a link (src/vs/base/common/linkedText.ts)
    const link = /\[([^\]]+)\]\(((?:https?:\/\/|command:|file:)[^)\s]+)(?: (["'])(.+?)(\3))?\)/gi;
    for (const text of [
      '[press](command:workbench.action.quit)',
      'a [b](https://example.org "c") [d](file:///etc/passwd)',
    ]) {
      assert.match(text, new RegExp(link));
      assert.doesNotMatch(unlinked(text), new RegExp(link));
    }
    assert.equal(unlinked('list[0] failed (exit 1)'), 'list[0] failed (exit 1)');
  });
});
