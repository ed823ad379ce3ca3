import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import { CredentialFilter, withoutCredentials } from './credentials.ts';

describe('credentials of URLs', () => {
  it('are not shown, whichever part the token is', () => {
    for (const [text, shown] of [
      ['https://ana:t0ken@example.org/x.git', 'https://***@example.org/x.git'],
      ['https://t0ken@example.org', 'https://***@example.org'],
      ['https://ana:t0@ken@example.org:8443/x', 'https://***@example.org:8443/x'],
      ['git+https://oauth2:t0ken@example.org/x?rev=1', 'git+https://***@example.org/x?rev=1'],
      ['ssh://git:t0ken@example.org/x', 'ssh://git:***@example.org/x'],
      ['a https://x:t0ken@a/ and HTTP://t0ken:@b/', 'a https://***@a/ and HTTP://***@b/'],
      [JSON.stringify({ url: 'https://a:t0ken@b' }), '{"url":"https://***@b"}'],
    ] as const) {
      assert.equal(withoutCredentials(text), shown);
      assert.equal(withoutCredentials(shown), shown);
    }
  });

  it('are not seen where there are none', () => {
    for (const text of [
      'ssh://git@example.org/x',
      'git@example.org:x.git',
      'https://example.org/~ana@home',
      'https://example.org?mail=a@b.org',
      'mail a@b, see https://example.org <c@d>',
      'path:/etc/nixos',
    ])
      assert.equal(withoutCredentials(text), text);
  });

  const piece = fc.oneof(
    fc.constantFrom('https', 'ssh', ':', '/', '//', '://', '@', ' ', '\n', 'user', 'tok', '\x1b[0m', 'é', '"', '***'),
    fc.string({ maxLength: 5 }),
  );

  it('are taken out of bytes that come in pieces as out of the whole', () => {
    fc.assert(
      fc.property(fc.array(fc.array(piece, { maxLength: 4 }), { maxLength: 12 }), parts => {
        const chunks = parts.map(part => Buffer.from(part.join('')));
        const filter = new CredentialFilter();
        const out = Buffer.concat([...chunks.map(chunk => filter.push(chunk)), filter.end()]);
        const whole = withoutCredentials(Buffer.concat(chunks).toString('latin1'));
        assert.equal(out.toString('latin1'), whole);
      }),
      { numRuns: 2000 },
    );
  });

  it('are found in no more than a moment in lines of any length', () => {
    for (const text of [
      'w'.repeat(5_000_000),
      'a://'.repeat(500_000),
      `${'w'.repeat(2_000_000)}://${'w'.repeat(2_000_000)}`,
    ])
      assert.equal(withoutCredentials(text), text);
    assert.equal(withoutCredentials(`${'w'.repeat(5_000_000)}https://t0ken@a`).slice(-13), 'https://***@a');
  });

  it('hold nothing back for ever', () => {
    const filter = new CredentialFilter();
    assert.equal(Buffer.from(filter.push(Buffer.from('building https://'))).toString(), 'building https://');
    assert.equal(filter.push(Buffer.alloc(100_000, 'x')).length, 100_000);
    assert.equal(Buffer.from(filter.push(Buffer.from('plain'))).toString(), 'plain');
  });
});
