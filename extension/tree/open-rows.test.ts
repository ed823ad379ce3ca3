import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { OpenRows } from './open-rows.ts';

const reads =
  (text: string): (() => string) =>
  () =>
    text;

describe('hosts that are open', () => {
  it('change when what stands below them reads otherwise than what was given', () => {
    const rows = new OpenRows();
    rows.give('web', 'one');
    assert.deepEqual(rows.changed(reads('one')), []);
    assert.deepEqual(rows.changed(reads('two')), ['web']);
    assert.deepEqual(rows.changed(reads('two'), new Set(['db'])), [], 'nobody asked about it');
    rows.give('web', 'two');
    assert.deepEqual(rows.changed(reads('two')), []);
  });

  it('are not drawn again while they are closed, but when they are opened again', () => {
    const rows = new OpenRows();
    rows.give('web', 'one');
    rows.close('web');
    assert.deepEqual(rows.changed(reads('two')), []);
    rows.open('web');
    assert.deepEqual(rows.changed(reads('two')), ['web']);
  });

  it('are unknown until VS Code has asked for what is below them, and when their row is gone', () => {
    const rows = new OpenRows();
    rows.open('web');
    assert.deepEqual(rows.changed(reads('one')), []);
    rows.give('web', 'one');
    rows.keep(host => host !== 'web');
    assert.deepEqual(rows.changed(reads('two')), []);
  });
});
