import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { advanceSgr, NO_SGR } from './sgr.ts';

const after = (...sequences: string[]): string =>
  advanceSgr(NO_SGR, sequences.map(codes => `\x1b[${codes}m`).join('text'));

describe('the SGR state', () => {
  it('remembers what is on and forgets what is switched off', () => {
    assert.equal(after('31'), '\x1b[31m');
    assert.equal(after('1', '31'), '\x1b[1;31m');
    assert.equal(after('1;31', '39'), '\x1b[1m');
    assert.equal(after('1;2;31', '22'), '\x1b[31m');
    assert.equal(after('31', '0'), NO_SGR);
    assert.equal(after('31', ''), NO_SGR);
  });

  it('takes a colour in place of the one before', () => {
    assert.equal(after('31', '94'), '\x1b[94m');
    assert.equal(after('31', '38;5;208', '48;2;1;2;3'), '\x1b[48;2;1;2;3;38;5;208m');
    assert.equal(after('38;5;208', '39'), NO_SGR);
  });

  it('does not take the parts of a colour for codes of their own', () => {
    assert.equal(after('38;5;1'), '\x1b[38;5;1m');
    assert.equal(after('38;2;1;4;7'), '\x1b[38;2;1;4;7m');
  });

  it('ignores what it does not know, and other control sequences', () => {
    assert.equal(after('31', '38;5', '38;9;1', '48;5;999', '6', '53'), '\x1b[31m');
    assert.equal(advanceSgr('\x1b[31m', '\x1b[2K\x1b[1A\x1b]0;title\x07\x1b[?25l'), '\x1b[31m');
  });

  const codes = fc.array(fc.oneof(fc.integer({ min: 0, max: 110 }), fc.constantFrom(38, 48, 5, 2, 255)), {
    maxLength: 8,
  });

  it('is the same however the text is divided, and never grows long', () => {
    fc.assert(
      fc.property(codes, codes, (a, b) => {
        const [first, second] = [`\x1b[${a.join(';')}m`, `\x1b[${b.join(';')}m`];
        const whole = advanceSgr(NO_SGR, first + second);
        assert.equal(advanceSgr(advanceSgr(NO_SGR, first), second), whole);
        assert.equal(advanceSgr(NO_SGR, whole), whole);
        assert.ok(whole.length < 80);
      }),
    );
  });
});
