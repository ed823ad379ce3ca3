import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { plainRow } from '../../protocol/row-text.ts';
import { ansiSpans } from './ansi.ts';

const spans = (row: string): [string, string][] => ansiSpans(row).map(span => [span.text, span.classes.join(' ')]);

describe('a row of output as styled text', () => {
  it('is one span when nothing is styled, and none when there is nothing', () => {
    assert.deepEqual(spans('plain & <b>simple</b>'), [['plain & <b>simple</b>', '']]);
    assert.deepEqual(spans(''), []);
    assert.deepEqual(spans('\x1b[31m\x1b[0m'), []);
  });

  it('has the theme’s colours as classes', () => {
    assert.deepEqual(spans('a \x1b[31mred\x1b[39m b'), [
      ['a ', ''],
      ['red', 'ansi-red-fg'],
      [' b', ''],
    ]);
    assert.deepEqual(spans('\x1b[1;92;44mx'), [['x', 'ansi-bright-green-fg ansi-blue-bg ansi-bold']]);
  });

  it('has every decoration', () => {
    assert.deepEqual(spans('\x1b[1;2;3;4;9mx'), [
      ['x', 'ansi-bold ansi-dim ansi-italic ansi-underline ansi-strikethrough'],
    ]);
  });

  it('swaps the colours where they are inverse', () => {
    assert.deepEqual(spans('\x1b[31;7mx'), [['x', 'ansi-black-fg ansi-red-bg']]);
  });

  it('takes the nearest colour of the theme for one of the palette or of 24 bits', () => {
    assert.deepEqual(spans('\x1b[38;5;1mx'), [['x', 'ansi-red-fg']]);
    assert.deepEqual(spans('\x1b[38;5;196mx'), [['x', 'ansi-red-fg']]);
    assert.deepEqual(spans('\x1b[38;5;240mx'), [['x', 'ansi-bright-black-fg']]);
    assert.deepEqual(spans('\x1b[48;2;250;250;60mx'), [['x', 'ansi-bright-yellow-bg']]);
  });

  it('drops what moves cursors, sets titles, rings bells or makes links', () => {
    const row =
      '\x1b[2K\x1b[1Ga\x1b[?25l\x1b]0;title\x07b\x1b]8;;https://x.example\x1b\\c\x1b]8;;\x1b\\\x07\x1b(Bd\x1bM\x08e\x1bP+q\x1b\\f';
    assert.deepEqual(spans(row), [['abcdef', '']]);
  });

  it('drops a sequence that the row ends in', () => {
    for (const cut of ['\x1b', '\x1b[', '\x1b[3', '\x1b[38;5', '\x1b]0;tit', '\x1b(']) {
      assert.equal(plainRow(`text${cut}`), 'text', JSON.stringify(cut));
    }
  });

  it('shows the last version of a line that overwrote itself', () => {
    assert.deepEqual(spans('\x1b[32m10%\r50%\r100%\r'), [['100%', 'ansi-green-fg']]);
  });

  it('keeps tabs and every script', () => {
    assert.equal(plainRow('a\tb → ü 🚀 日本'), 'a\tb → ü 🚀 日本');
  });

  it('never has a control character in its text, whatever comes', () => {
    const part = fc.oneof(
      fc.constantFrom('\x1b[', '\x1b]', '\x1b', ';', 'm', '31', '\x07', '\r', '\x9b', '38;2;1', '\x1b\\', 'K'),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(fc.array(part), parts => {
        for (const { text, classes } of ansiSpans(parts.join(''))) {
          assert.doesNotMatch(text, /[\x00-\x08\x0a-\x1f\x7f-\x9f]/);
          for (const name of classes) assert.match(name, /^ansi-[a-z-]+$/);
        }
      }),
    );
  });
});
