import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { InOrder } from './in-order.ts';

describe('parts that print at the same time', () => {
  it('are shown one after the other, the first as it comes', () => {
    let shown = '';
    const output = new InOrder(chunk => (shown += String(chunk)));
    const [a, b, c] = [output.slot(), output.slot(), output.slot()];
    b.write('b1 ');
    a.write('a1 ');
    assert.equal(shown, 'a1 ');
    c.write('c1 ');
    c.end();
    a.write('a2 ');
    a.end();
    assert.equal(shown, 'a1 a2 b1 ');
    b.write('b2 ');
    assert.equal(shown, 'a1 a2 b1 b2 ');
    b.end();
    assert.equal(shown, 'a1 a2 b1 b2 c1 ');
  });
});
