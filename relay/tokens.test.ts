import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { bearerToken, hashToken, newToken } from './tokens.ts';

describe('a token', () => {
  it('is 256 random bits behind a word that says what it is', () => {
    const token = newToken('host');
    assert.match(token, /^nixfleet_host_[A-Za-z0-9_-]{43}$/);
    assert.notEqual(token, newToken('host'));
    assert.match(newToken('operator'), /^nixfleet_operator_/);
  });

  it('is kept as its SHA-256', () => {
    assert.equal(hashToken('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });

  it('comes in a bearer header and in nothing else', () => {
    assert.equal(bearerToken('Bearer abc'), 'abc');
    assert.equal(bearerToken('bearer   abc'), 'abc');
    for (const header of [
      undefined,
      '',
      'abc',
      'Basic abc',
      'Bearer',
      'Bearer ',
      'Bearer a b',
      `Bearer ${'x'.repeat(513)}`,
      'Bearer ä',
    ])
      assert.equal(bearerToken(header), undefined, header);
  });
});
