import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { lastLines, plainText, Tail } from './last-lines.ts';

describe('the last lines of an output', () => {
  it('are plain: no colours, titles, cursor movements, bells or NUL bytes', () => {
    assert.deepEqual(lastLines(Buffer.from('\x1b[1;31mred\x1b[0m \x1b]0;title\x07x\x1b[2J\x1b[H \x00nul\x07\n')), [
      'red x nul',
    ]);
    assert.equal(plainText('\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\'), 'link');
    assert.equal(plainText('a\u202egnp.exe'), 'agnp.exe');
  });

  it('show of an overwritten line what stood there last', () => {
    assert.deepEqual(lastLines(Buffer.from('1%\r50%\r100%\r\ndone\r\n')), ['100%', 'done']);
  });

  it('are few, not empty, and of a readable length', () => {
    const many = Array.from({ length: 100 }, (_, i) => `line ${i}\n\n`).join('');
    assert.deepEqual(lastLines(Buffer.from(many), 2), ['line 98', 'line 99']);
    assert.equal(lastLines(Buffer.from('x'.repeat(50_000)))[0]?.length, 1000);
  });
});

describe('the tail of a stream', () => {
  it('holds at least its limit and never much more', () => {
    const tail = new Tail(100);
    for (let i = 0; i < 1000; i++) tail.push(Buffer.from(`${i},`));
    assert.ok(tail.bytes().length >= 100 && tail.bytes().length < 120);
    assert.ok(Buffer.from(tail.bytes()).toString().endsWith('998,999,'));
    tail.push(Buffer.alloc(1000, 'x'));
    assert.equal(Buffer.from(tail.bytes()).toString(), 'x'.repeat(100));
  });

  it('keeps its own copy of what it is given', () => {
    const tail = new Tail();
    const buffer = Buffer.from('abc');
    tail.push(buffer);
    buffer.fill('z');
    assert.equal(Buffer.from(tail.bytes()).toString(), 'abc');
  });
});
