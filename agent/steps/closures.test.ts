import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { MAX_PACKAGE_CHANGES, packageChangeSchema } from '../../protocol/index.ts';
import { bounded, compareClosures, parseClosureDiff } from './closures.ts';

const path = (name: string): string => `/nix/store/${'0'.repeat(32)}-${name}`;

describe('what differs between two closures', () => {
  it('is read from what nix 2.26.3 prints, colours and all', () => {
    const text = readFileSync(join(import.meta.dirname, 'fixtures/diff-closures.txt'), 'utf8');
    assert.deepEqual(parseClosureDiff(text), [
      { name: 'etc', before: [], after: [''], bytes: 20275 },
      { name: 'gone', before: ['3.1'], after: [], bytes: -20275 },
      { name: 'hello', before: [], after: ['2.12.1'] },
      { name: 'libbig', before: ['1.2.2'], after: ['1.2.3'], bytes: 2_000_179 },
      { name: 'nixfleet-agent', before: [], after: ['2.4.0'] },
      { name: 'nixos-system-web', before: ['25.05'], after: ['25.11'] },
      { name: 'small', before: [], after: ['0.4'], bytes: 40243 },
    ]);
  });

  it('may be several versions of one package, its size alone, and larger units', () => {
    assert.deepEqual(
      parseClosureDiff('python3: 3.11.9, 3.12.4 → 3.12.5, +1.5 MiB\nlinux: -2.0 GiB\nglibc: ε → 2.40, 2.41'),
      [
        { name: 'python3', before: ['3.11.9', '3.12.4'], after: ['3.12.5'], bytes: 1_572_864 },
        { name: 'linux', before: [], after: [], bytes: -2_147_483_648 },
        { name: 'glibc', before: [''], after: ['2.40', '2.41'] },
      ],
    );
  });

  it('is nothing in what is no such text', () => {
    assert.deepEqual(parseClosureDiff('warning: something\nerror: no\n\nname:\n: → \nx: y\n'), []);
  });

  it('can be told from the names in two lists', () => {
    const before = ['hello-2.12.1', 'hello-2.12.1-bin', 'etc', 'gone-1', 'nixos-system-web-25.05'].map(path);
    const after = ['hello-2.12.2', 'etc', 'new-thing-0.1', 'nixos-system-web-25.11'].map(path);
    assert.deepEqual(compareClosures(before, after), [
      { name: 'gone', before: ['1'], after: [] },
      { name: 'hello', before: ['2.12.1'], after: ['2.12.2'] },
      { name: 'new-thing', before: [], after: ['0.1'] },
      { name: 'nixos-system-web', before: ['25.05'], after: ['25.11'] },
    ]);
    assert.deepEqual(compareClosures(before, before), []);
  });

  it('is cut to what an event may hold, sizes alone first', () => {
    const sizes = Array.from({ length: 10 }, (_, i) => ({ name: `s${i}`, before: [], after: [], bytes: 1 }));
    const versions = Array.from({ length: MAX_PACKAGE_CHANGES }, (_, i) => ({
      name: `v${i}`,
      before: ['1'],
      after: ['2'],
    }));
    const { changes, more } = bounded([...sizes, ...versions]);
    assert.deepEqual(changes, versions);
    assert.equal(more, 10);
  });

  it('fits into an event however long its names are', () => {
    const long = 'x'.repeat(10_000);
    const many = Array.from({ length: 40 }, (_, i) => `${i}${long}`);
    const changes = [
      ...parseClosureDiff(`${long}: ${many.join(', ')} → ∅`),
      ...compareClosures(
        many.map(version => path(`${long}-${version}`)),
        [],
      ),
    ];
    assert.equal(changes.length, 2);
    for (const change of changes) assert.ok(packageChangeSchema.safeParse(change).success);
  });
});
