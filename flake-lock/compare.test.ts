import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import fc from 'fast-check';
import { compareLocks, emptyLock, type InputChange, type LockDiff } from './compare.ts';
import {
  arbitraryLock,
  fixture,
  fixtureNames,
  lockJson,
  lockOf,
  nodeJson,
  rev,
  type NodeJson,
} from './lock-samples.ts';

type Inputs = Record<string, string | string[]>;

function diffOf(
  before: [Inputs, Record<string, NodeJson>],
  after: [Inputs, Record<string, NodeJson>],
): readonly InputChange[] {
  return compareLocks(lockOf(lockJson(...before)), lockOf(lockJson(...after))).inputs;
}

const summary = (changes: readonly InputChange[]): string[] =>
  changes.map(
    change => `${change.kind} ${change.input}${change.kind === 'changed' ? ` ${change.aspects.join(' ')}` : ''}`,
  );

describe('compareLocks', () => {
  it('finds nothing where nothing changed', () => {
    for (const name of fixtureNames) assert.deepEqual(compareLocks(fixture(name), fixture(name)), { inputs: [] });
  });

  it('tells revisions, dates, references and links of an input that was updated', () => {
    const after = nodeJson('nixfleet', '2');
    after.locked = { ...after.locked, lastModified: 1_800_000_000 };
    const [change] = diffOf([{ nixfleet: 'a' }, { a: nodeJson('nixfleet', '1') }], [{ nixfleet: 'b' }, { b: after }]);
    const page = 'https://github.com/example/nixfleet';
    assert.deepEqual(change, {
      kind: 'changed',
      path: ['nixfleet'],
      input: 'nixfleet',
      aspects: ['rev'],
      before: {
        original: 'github:example/nixfleet',
        locked: `github:example/nixfleet/${rev('1')}`,
        rev: rev('1'),
        shortRev: '1111111',
        lastModified: 1_700_000_000,
        narHash: 'sha256-1',
        link: `${page}/commit/${rev('1')}`,
      },
      after: {
        original: 'github:example/nixfleet',
        locked: `github:example/nixfleet/${rev('2')}`,
        rev: rev('2'),
        shortRev: '2222222',
        lastModified: 1_800_000_000,
        narHash: 'sha256-2',
        link: `${page}/commit/${rev('2')}`,
      },
      compareLink: `${page}/compare/${rev('1')}...${rev('2')}`,
    });
  });

  it('lists inputs of the root first, then theirs, each by name', () => {
    const [one, two] = [nodeJson('x', '1'), nodeJson('x', '2')];
    const all = (node: NodeJson): [Inputs, Record<string, NodeJson>] => [
      { b: 'b', a: 'a', z: 'z' },
      {
        a: { ...node, inputs: { z: 'az', b: 'ab' } },
        b: { ...node, inputs: { a: 'ba' } },
        z: node,
        az: node,
        ab: node,
        ba: { ...node, inputs: { c: 'bac' } },
        bac: node,
      },
    ];
    const expected = ['a', 'b', 'z', 'a/b', 'a/z', 'b/a', 'b/a/c'];
    assert.deepEqual(
      diffOf(all(one), all(two)).map(change => change.input),
      expected,
    );
    assert.deepEqual(
      diffOf([{}, {}], all(two)).map(change => change.input),
      expected,
    );
  });

  it('tells what was added and removed', () => {
    const changes = diffOf(
      [{ old: 'old' }, { old: nodeJson('old', '1') }],
      [{ new: 'new' }, { new: nodeJson('new', '2') }],
    );
    assert.deepEqual(summary(changes), ['added new', 'removed old']);
    assert.equal(changes[0]?.kind === 'added' && changes[0].after.rev, rev('2'));
    assert.equal(changes[1]?.kind === 'removed' && changes[1].before.rev, rev('1'));
  });

  it('tells once that what others follow has changed', () => {
    const lock = (digit: string): [Inputs, Record<string, NodeJson>] => [
      { nixpkgs: 'n', nixfleet: 'f', same: ['nixpkgs'] },
      { n: nodeJson('nixpkgs', digit), f: nodeJson('nixfleet', '1', { inputs: { nixpkgs: ['nixpkgs'] } }) },
    ];
    assert.deepEqual(summary(diffOf(lock('1'), lock('2'))), ['changed nixpkgs rev']);
  });

  it('tells when an input follows another one, no longer, or from now on', () => {
    const nodes = { n: nodeJson('nixpkgs', '1'), m: nodeJson('nixpkgs', '2') };
    const lock = (nixpkgs: string | string[]): [Inputs, Record<string, NodeJson>] => [
      { n: 'n', m: 'm', nixfleet: 'f' },
      { ...nodes, own: nodeJson('nixpkgs', '1'), f: nodeJson('nixfleet', '1', { inputs: { nixpkgs } }) },
    ];
    const [moved] = diffOf(lock(['n']), lock(['m']));
    assert.deepEqual(moved && summary([moved]), ['changed nixfleet/nixpkgs follows rev']);
    assert.ok(moved?.kind === 'changed');
    assert.deepEqual([moved.before.follows, moved.after.follows], [['n'], ['m']]);
    assert.deepEqual([moved.before.rev, moved.after.rev], [rev('1'), rev('2')]);
    assert.deepEqual(summary(diffOf(lock(['n']), lock('own'))), ['changed nixfleet/nixpkgs follows']);
    assert.deepEqual(summary(diffOf(lock('own'), lock(['n']))), ['changed nixfleet/nixpkgs follows']);
    assert.deepEqual(summary(diffOf(lock(['n']), lock([]))), ['changed nixfleet/nixpkgs follows rev']);
  });

  it('tells other content of the same revision, another reference and another lock apart', () => {
    const change = (locked: object, original: object = {}, flake = true): string[] => {
      const node = nodeJson('x', '1');
      const changed = { locked: { ...node.locked, ...locked }, original: { ...node.original, ...original }, flake };
      return summary(diffOf([{ x: 'x' }, { x: node }], [{ x: 'x' }, { x: changed }]));
    };
    assert.deepEqual(change({}), []);
    assert.deepEqual(change({ narHash: 'sha256-other' }), ['changed x narHash']);
    assert.deepEqual(change({}, { ref: 'main' }), ['changed x original']);
    assert.deepEqual(change({}, { newAttribute: 1 }), ['changed x original']);
    assert.deepEqual(change({}, {}, false), ['changed x original']);
    assert.deepEqual(change({ rev: rev('2'), narHash: 'sha256-2' }, { ref: 'main' }), ['changed x rev original']);
    assert.deepEqual(change({ lastModified: 1 }), ['changed x locked']);
    assert.deepEqual(change({ owner: 'elsewhere' }), ['changed x locked']);
  });

  it('does not mind the order of attributes', () => {
    const node = nodeJson('x', '1');
    const turned = { ...node, locked: Object.fromEntries(Object.entries(node.locked ?? {}).reverse()) };
    assert.deepEqual(diffOf([{ x: 'x' }, { x: node }], [{ x: 'x' }, { x: turned }]), []);
  });

  it('does not mind how a node is called or shared', () => {
    const shared: [Inputs, Record<string, NodeJson>] = [
      { a: 'a', nixpkgs: 'n' },
      { a: nodeJson('a', '1', { inputs: { nixpkgs: 'n' } }), n: nodeJson('nixpkgs', '1') },
    ];
    const followed: [Inputs, Record<string, NodeJson>] = [
      { a: 'x', nixpkgs: 'y' },
      { x: nodeJson('a', '1', { inputs: { nixpkgs: ['nixpkgs'] } }), y: nodeJson('nixpkgs', '1') },
    ];
    const apart: [Inputs, Record<string, NodeJson>] = [
      { a: 'a', nixpkgs: 'n' },
      {
        a: nodeJson('a', '1', { inputs: { nixpkgs: 'n_2' } }),
        n: nodeJson('nixpkgs', '1'),
        n_2: nodeJson('nixpkgs', '1'),
      },
    ];
    for (const [before, after] of [
      [shared, followed],
      [followed, shared],
      [shared, apart],
      [apart, shared],
    ] as const) {
      assert.deepEqual(diffOf(before, after), []);
    }
  });

  it('comes to an end with inputs in a circle or shared at every step', () => {
    const circle = fixture('version-6-circle.json');
    assert.deepEqual(summary(compareLocks(emptyLock, circle).inputs), [
      'added builder',
      'added tools',
      'added builder/tools',
      'added tools/builder',
    ]);
    const nodes = Object.fromEntries(
      Array.from({ length: 60 }, (_, i) => [
        `n${i}`,
        nodeJson('x', '1', i < 59 ? { inputs: { a: `n${i + 1}`, b: `n${i + 1}` } } : {}),
      ]),
    );
    assert.equal(diffOf([{}, {}], [{ a: 'n0' }, nodes]).length, 119);
  });

  it('compares a lock with none', () => {
    assert.deepEqual(compareLocks(emptyLock, emptyLock).inputs, []);
    assert.deepEqual(summary(compareLocks(fixture('channel-tarball.json'), emptyLock).inputs), ['removed nixpkgs']);
  });
});

describe('compareLocks of any two locks', () => {
  const swapped = (diff: LockDiff): unknown[] =>
    diff.inputs.map(change => {
      switch (change.kind) {
        case 'added':
          return { ...change, kind: 'removed', before: change.after, after: undefined };
        case 'removed':
          return { ...change, kind: 'added', after: change.before, before: undefined };
        case 'changed':
          return { ...change, before: change.after, after: change.before, compareLink: undefined };
      }
    });
  const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

  it('is empty if they are the same', () => {
    fc.assert(fc.property(arbitraryLock, lock => assert.deepEqual(compareLocks(lock, lock).inputs, [])));
  });

  it('is the same the other way round, with before and after swapped', () => {
    fc.assert(
      fc.property(arbitraryLock, arbitraryLock, (a, b) => {
        const withoutLinks = compareLocks(b, a).inputs.map(change => ({ ...change, compareLink: undefined }));
        assert.deepEqual(plain(swapped(compareLocks(a, b))), plain(withoutLinks));
      }),
    );
  });

  it('is plain JSON and names each input once', () => {
    fc.assert(
      fc.property(arbitraryLock, arbitraryLock, (a, b) => {
        const diff = compareLocks(a, b);
        assert.deepEqual(plain(diff), diff);
        const paths = diff.inputs.map(change => JSON.stringify(change.path));
        assert.equal(new Set(paths).size, paths.length);
      }),
    );
  });

  it('adds every input to nothing', () => {
    fc.assert(
      fc.property(arbitraryLock, lock => {
        const added = compareLocks(emptyLock, lock).inputs;
        const edges = [...lock.nodes.values()].reduce((sum, node) => sum + node.inputs.size, 0);
        assert.equal(added.length, edges);
        assert.ok(added.every(change => change.kind === 'added'));
      }),
    );
  });
});
