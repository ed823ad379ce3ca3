import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import { ulid } from 'ulid';
import { hostNameSchema, revSchema, runIdFromBytes, runIdSchema, runIdToBytes, timeSchema } from './ids.ts';

describe('a run id', () => {
  it('is 16 bytes and 26 characters, and each says the other', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), bytes => {
        const id = runIdFromBytes(bytes);
        assert.equal(runIdSchema.parse(id), id);
        assert.deepEqual(runIdToBytes(id), bytes);
      }),
    );
    const id = runIdSchema.parse(ulid());
    assert.equal(runIdFromBytes(runIdToBytes(id)), id);
  });

  it('sorts as text as it does in time', () => {
    // ulid takes 0 for the time now
    const time = fc.integer({ min: 1, max: 2 ** 47 });
    fc.assert(
      fc.property(time, time, (a, b) => {
        fc.pre(a !== b);
        assert.equal(ulid(a) < ulid(b), a < b);
      }),
    );
  });

  it('is nothing that could be a path, an option or another number', () => {
    const good = ulid();
    for (const bad of [
      '',
      good.toLowerCase(),
      good.slice(1),
      `${good}0`,
      `8${good.slice(1)}`,
      `${good.slice(0, -1)}U`,
      `${good.slice(0, -1)}I`,
      `${good}\n`,
      `../${good.slice(3)}`,
      42,
      null,
    ])
      assert.equal(runIdSchema.safeParse(bad).success, false, JSON.stringify(bad));
  });

  it('has 16 bytes and no others', () => {
    for (const length of [0, 15, 17]) assert.throws(() => runIdFromBytes(new Uint8Array(length)), RangeError);
  });
});

describe('a host name', () => {
  it('is safe in file names, unit names and terminals', () => {
    for (const good of ['a', 'web', 'WEB-01', 'db.example.org', 'a_b', 'x'.repeat(128)])
      assert.equal(hostNameSchema.safeParse(good).success, true, good);
    for (const bad of [
      '',
      '.',
      '..',
      '-a',
      'a-',
      '.a',
      'a.',
      '_a',
      'a/b',
      'a b',
      'a\nb',
      'a\n',
      'ä',
      'a\u001b[31m',
      'x'.repeat(129),
      'a@b',
      'a%b',
    ])
      assert.equal(hostNameSchema.safeParse(bad).success, false, JSON.stringify(bad));
  });

  it('never names a way out of a folder, whatever it is', () => {
    fc.assert(
      fc.property(fc.string(), name => {
        if (hostNameSchema.safeParse(name).success) assert.match(name, /^[\w.-]+$/);
        if (/[/\\\0\s]/.test(name) || name.startsWith('.')) assert.equal(hostNameSchema.safeParse(name).success, false);
      }),
    );
  });
});

describe('a revision', () => {
  it('is a whole SHA-1 or SHA-256 in lower case', () => {
    assert.equal(revSchema.safeParse('0123456789abcdef0123456789abcdef01234567').success, true);
    assert.equal(revSchema.safeParse('f'.repeat(64)).success, true);
    for (const bad of [
      '',
      'HEAD',
      'main',
      'a'.repeat(39),
      'a'.repeat(41),
      'A'.repeat(40),
      `${'a'.repeat(40)}\n`,
      '-'.repeat(40),
    ])
      assert.equal(revSchema.safeParse(bad).success, false, bad);
  });
});

describe('a time', () => {
  it('is whole milliseconds since 1970', () => {
    for (const good of [0, 1_800_000_000_000]) assert.equal(timeSchema.safeParse(good).success, true);
    for (const bad of [-1, 1.5, NaN, Infinity, 2 ** 53, '1']) assert.equal(timeSchema.safeParse(bad).success, false);
  });
});
