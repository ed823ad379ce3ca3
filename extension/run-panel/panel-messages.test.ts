import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { parseFromPanel } from './panel-messages.ts';

describe('what a panel says', () => {
  it('is taken when it is a message', () => {
    for (const message of [
      { type: 'ready' },
      { type: 'rows', request: 3, from: 0, count: 200 },
      { type: 'follow', rows: 0 },
      { type: 'action', action: 'cancel' },
      { type: 'open-link', url: 'https://github.com/a/b/compare/1...2' },
      { type: 'trouble', message: 'x' },
    ]) {
      assert.deepEqual(parseFromPanel(message), message);
    }
  });

  it('is not taken when it is anything else', () => {
    for (const message of [
      undefined,
      'ready',
      {},
      { type: 'snapshot' },
      { type: 'rows', request: 1, from: -1, count: 10 },
      { type: 'rows', request: 1, from: 0, count: 1_000_000 },
      { type: 'rows', request: 1, from: 0.5, count: 10 },
      { type: 'follow', rows: Infinity },
      { type: 'action', action: 'rm' },
      { type: 'open-link', url: 'http://github.com/' },
      { type: 'open-link', url: 'javascript:alert(1)' },
      { type: 'open-link', url: 'command:workbench.action.terminal.new' },
      { type: 'open-link', url: 'file:///etc/passwd' },
    ]) {
      assert.equal(parseFromPanel(message), undefined, JSON.stringify(message));
    }
  });
});
