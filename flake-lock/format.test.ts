import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import fc from 'fast-check';
import { compareLocks, emptyLock, type LockDiff } from './compare.ts';
import { formatDate, formatLockDiff, formatLockError } from './format.ts';
import { arbitraryLock, errorOf, fixture, lockJson, lockOf, nodeJson } from './lock-samples.ts';
import { plainText } from './plain-text.ts';

describe('formatLockDiff', () => {
  it('shows a table of what changed', () => {
    const later = nodeJson('nixfleet', '2', { inputs: { nixpkgs: ['nixpkgs'], self: [] } });
    later.locked = { ...later.locked, lastModified: 1_702_000_000 };
    const moved = nodeJson('utils', '3', { ref: 'main' });
    const other = nodeJson('same', '4');
    const before = lockJson(
      { nixfleet: 'f', nixpkgs: 'n', utils: 'u', gone: 'g', same: 's' },
      {
        f: nodeJson('nixfleet', '1', { inputs: { nixpkgs: 'own' } }),
        own: nodeJson('nixpkgs', '5'),
        n: nodeJson('nixpkgs', '6'),
        u: nodeJson('utils', '3'),
        g: nodeJson('gone', '7'),
        s: other,
      },
    );
    const after = lockJson(
      { nixfleet: 'f', nixpkgs: 'n', utils: 'u', hosts: 'h', same: 's' },
      {
        f: later,
        n: nodeJson('nixpkgs', '6'),
        u: moved,
        h: { locked: { type: 'path', path: './hosts' }, original: { type: 'path', path: './hosts' } },
        s: { ...other, locked: { ...other.locked, narHash: 'sha256-x' } },
      },
    );
    assert.equal(
      formatLockDiff(compareLocks(lockOf(before), lockOf(after))),
      [
        'gone              7777777 → removed                   2023-11-14',
        'hosts             added   → path:./hosts',
        'nixfleet          1111111 → 2222222                   2023-11-14 → 2023-12-08',
        'same              4444444 → 4444444                   2023-11-14               other content',
        'utils             3333333 → 3333333                   2023-11-14               github:example/utils → github:example/utils/main',
        'nixfleet/nixpkgs  5555555 → follows nixpkgs           2023-11-14',
        'nixfleet/self     added   → follows the flake itself',
      ].join('\n'),
    );
  });

  it('says so when nothing changed', () => {
    assert.equal(formatLockDiff({ inputs: [] }), 'flake.lock: no input changed');
  });

  it('shows a hash where there is no revision', () => {
    const text = formatLockDiff(compareLocks(emptyLock, fixture('other-sources.json')));
    assert.match(text, /^path +added → sha256-pPnAHOJI +2023-11-14$/m);
  });

  it('keeps its lines and columns whatever names come from the lock', () => {
    const hostile = 'a\u001b[2J\r\n\u202eb\u2028\u009b\ud800';
    const path = { type: 'path', path: hostile };
    const diff = compareLocks(emptyLock, lockOf(lockJson({ [hostile]: 'x' }, { x: { locked: path, original: path } })));
    const text = formatLockDiff(diff);
    assert.equal(text.split('\n').length, 1);
    assert.doesNotMatch(text, /[\p{Cc}\p{Cf}\p{Zl}\p{Cs}]/u);
    assert.match(text, /^a\uFFFD\[2J/);
  });

  it('prints no control character and one line an input for any diff', () => {
    const text = fc.string({ unit: 'binary', maxLength: 30 });
    const state = fc.record(
      {
        follows: fc.array(text, { maxLength: 3 }),
        original: text,
        locked: text,
        rev: text,
        shortRev: text,
        narHash: text,
        lastModified: fc.maxSafeNat(),
      },
      { requiredKeys: [] },
    );
    const change = fc.record({
      kind: fc.constantFrom('added', 'removed', 'changed'),
      path: fc.array(text),
      input: text,
      before: state,
      after: state,
      aspects: fc.subarray(['rev', 'narHash', 'original', 'follows', 'locked']),
    });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 5 }), inputs => {
        const lines = formatLockDiff({ inputs } as unknown as LockDiff).split('\n');
        assert.equal(lines.length, inputs.length);
        for (const line of lines) assert.doesNotMatch(line, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
      }),
    );
    fc.assert(fc.property(arbitraryLock, lock => void formatLockDiff(compareLocks(emptyLock, lock))));
  });
});

describe('formatDate', () => {
  it('is a day in UTC', () => {
    assert.equal(formatDate(0), '1970-01-01');
    assert.equal(formatDate(1_702_079_999), '2023-12-08');
  });

  it('is empty where there is none', () => {
    for (const seconds of [undefined, Number.NaN, Number.MAX_SAFE_INTEGER]) assert.equal(formatDate(seconds), '');
  });
});

it('formatLockError says file, line, column and message', () => {
  assert.match(formatLockError(errorOf('{\n "a" 1}')), /^flake\.lock:2:6: the lock is not JSON: a colon is missing/);
});

describe('plainText', () => {
  it('keeps letters of all scripts', () => {
    assert.equal(plainText('größe 大 🦀'), 'größe 大 🦀');
  });

  it('cuts what is too long, never through a character', () => {
    assert.equal(plainText('🦀'.repeat(10), 5), '🦀🦀🦀🦀…');
    assert.equal(plainText('🦀'.repeat(5), 5), '🦀🦀🦀🦀🦀');
    assert.equal(plainText('a'.repeat(5_000_000), 5), 'aaaa…');
  });
});
