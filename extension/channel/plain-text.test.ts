import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { PlainText } from './plain-text.ts';

/** The text of these bytes, given in parts of this many. */
function plain(text: string | Uint8Array, part = Infinity): string {
  const bytes = Buffer.from(text);
  const reader = new PlainText();
  let out = '';
  for (let at = 0; at < bytes.length; at += part) out += reader.push(bytes.subarray(at, at + part));
  return out + reader.end();
}

const ESC = '\u001b';
const BEL = '\u0007';

describe('output without control sequences', () => {
  it('has no colours, movements, titles or links', () => {
    assert.equal(
      plain(`${ESC}[1;31merror:${ESC}[0m attribute ${ESC}[38;2;1;2;3m'x'${ESC}[m missing\n`),
      "error: attribute 'x' missing\n",
    );
    assert.equal(plain(`a${ESC}[2Kb${ESC}[10;20Hc${ESC}[?25ld\n`), 'abcd\n');
    assert.equal(plain(`${ESC}]0;a title${BEL}text\n`), 'text\n');
    assert.equal(plain(`${ESC}]8;;https://example.org${ESC}\\link${ESC}]8;;${ESC}\\\n`), 'link\n');
    assert.equal(plain(`${ESC}P1$r0m${ESC}\\x${ESC}_hidden${ESC}\\y\n`), 'xy\n');
    assert.equal(plain(`${ESC}(Bplain${ESC}7${ESC}=\n`), 'plain\n');
    assert.equal(plain(`\u009b31mred\u009b0m \u009dtitle\u009cend\n`), 'red end\n');
  });

  it('has no other control characters but tabs and newlines', () => {
    assert.equal(plain('a\u0000b\u0008c\td\u007f\u000e\n'), 'abc\td\n');
  });

  it('has the ends of lines that are meant', () => {
    assert.equal(plain('one\r\ntwo\r\n'), 'one\ntwo\n');
    assert.equal(plain('one\n\ntwo'), 'one\n\ntwo');
  });

  it('leaves out what a lone carriage return overwrites', () => {
    assert.equal(plain('10 %\r20 %\r100 %\ndone\n'), '100 %\ndone\n');
    assert.equal(plain('waiting\r'), 'waiting', 'nothing has overwritten it yet');
    assert.equal(plain('a\r\r\nb\n'), 'a\nb\n');
  });

  it('keeps what is not a whole sequence from swallowing the rest', () => {
    const swallowed = plain(`${ESC}]0;never ended ${'x'.repeat(10_000)}\nthe next line\n`);
    assert.match(swallowed, /the next line\n$/);
    assert.equal(plain(`end${ESC}`), 'end');
    assert.equal(plain(`end${ESC}[31`), 'end');
  });

  it('gives a very long line in parts, instead of holding it', () => {
    const reader = new PlainText();
    let given = 0;
    let longest = 0;
    for (let i = 0; i < 100; i++) {
      given += reader.push(Buffer.alloc(50_000, 'x')).length;
      longest = Math.max(longest, 50_000 * (i + 1) - given);
    }
    assert.ok(longest <= 60_000, `${longest} characters held back`);
    assert.equal(given + reader.end().length, 5_000_000);
  });

  it('reads bytes that are not text as signs of that', () => {
    assert.equal(plain(Buffer.from([0x61, 0xff, 0x62, 0x0a])), 'a\ufffdb\n');
  });

  it('is the same however the bytes are cut', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom(
        `${ESC}[31m`,
        `${ESC}]0;t${BEL}`,
        `${ESC}\\`,
        ESC,
        '\r',
        '\n',
        '\r\n',
        '\u009b1m',
        'ä',
        '🙂',
        `${ESC}P`,
        `${ESC}(B`,
      ),
    );
    fc.assert(
      fc.property(fc.array(piece), fc.integer({ min: 1, max: 5 }), (pieces, part) => {
        const text = pieces.join('');
        assert.equal(plain(text, part), plain(text));
      }),
      { numRuns: 500 },
    );
  });

  it('never has a control character', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
        assert.doesNotMatch(plain(bytes), /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
      }),
    );
  });
});
