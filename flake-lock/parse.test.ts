import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import fc from 'fast-check';
import { findInput } from './find-input.ts';
import { parseFlakeLock } from './parse.ts';
import {
  errorOf,
  fixture,
  fixtureNames,
  fixtureText,
  lockJson,
  lockOf,
  nodeJson,
  type NodeJson,
} from './lock-samples.ts';

describe('parseFlakeLock reads', () => {
  for (const name of fixtureNames) {
    it(`${name}, every input of which leads to a node`, () => {
      const lock = fixture(name);
      for (const [key, node] of lock.nodes) {
        if (key !== lock.root) assert.ok(node.locked?.type && node.original?.type, key);
        for (const edge of node.inputs.values()) assert.ok(lock.nodes.has(edge.node));
      }
    });
  }

  it('what an input is locked to', () => {
    const nixpkgs = findInput(fixture('branches.json'), ['stable']);
    assert.deepEqual(nixpkgs?.locked, {
      type: 'github',
      owner: 'NixOS',
      repo: 'nixpkgs',
      rev: '36ab78dab7da2e4e27911007033713bab534187b',
      lastModified: 1750133334,
      narHash: 'sha256-urV51uWH7fVnhIvsZIELIYalMYsyr2FCalvlRTzqWRw=',
    });
    assert.deepEqual(nixpkgs.original?.ref, 'nixos-25.05');
    assert.equal(findInput(fixture('branches.json'), ['flake-compat'])?.flake, false);
  });

  it('inputs of inputs that follow what follows another', () => {
    const lock = fixture('nested-follows.json');
    const nixpkgs = findInput(lock, ['nixpkgs']);
    assert.ok(nixpkgs);
    assert.equal(findInput(lock, ['devenv', 'cachix', 'nixpkgs']), nixpkgs);
    assert.equal(findInput(lock, ['devenv', 'nixd', 'treefmt-nix', 'nixpkgs']), nixpkgs);
    assert.equal(findInput(lock, ['devenv', 'cachix', 'devenv']), findInput(lock, ['devenv']));
    assert.deepEqual(lock.nodes.get('nixd')?.inputs.get('nixpkgs'), {
      node: 'nixpkgs',
      follows: ['devenv', 'nixpkgs'],
    });
  });

  it('an input that follows the root', () => {
    const lock = fixture('other-sources.json');
    assert.equal(findInput(lock, ['self']), lock.nodes.get('root'));
    assert.equal(findInput(lock, ['self', 'self', 'git-ssh']), findInput(lock, ['git-ssh']));
    assert.equal(findInput(lock, []), lock.nodes.get('root'));
  });

  it('no input where there is none', () => {
    const lock = fixture('transitive.json');
    for (const path of [['nope'], ['nixpkgs', 'nope'], ['nope', 'nixpkgs'], ['toString'], ['__proto__']]) {
      assert.equal(findInput(lock, path), undefined);
    }
  });

  it('narHash and date of version 5, which lie beside the reference', () => {
    const lock = fixture('version-5.json');
    assert.equal(lock.version, 5);
    assert.equal(findInput(lock, ['nixfleet'])?.locked?.lastModified, 1588000000);
    assert.match(findInput(lock, ['nixfleet'])?.locked?.narHash ?? '', /^sha256-/);
  });

  it('nodes in a circle, as they could be before version 7', () => {
    const lock = fixture('version-6-circle.json');
    const around = Array.from({ length: 30 }, (_, i) => (i % 2 ? 'builder' : 'tools'));
    assert.equal(findInput(lock, around)?.original?.repo, 'builder');
  });

  it('a reference without revision, date or hash', () => {
    const lock = lockOf(
      lockJson(
        { here: 'here' },
        { here: { locked: { type: 'path', path: '.' }, original: { type: 'path', path: '.' } } },
      ),
    );
    assert.deepEqual(findInput(lock, ['here'])?.locked, { type: 'path', path: '.' });
  });

  it('types and fields that it does not know, without minding', () => {
    const locked = { type: 'fossil', url: 'https://example.org', checkin: 'abc', deep: true };
    const json = lockJson({ x: 'x' }, { x: { locked, original: locked, ...{ hints: { a: [null] } } } });
    const lock = lockOf({ ...json, comment: { by: ['a', 'newer', 'Nix'] } });
    assert.deepEqual(findInput(lock, ['x'])?.locked, locked);
  });

  it('names that mean something to JavaScript as any other', () => {
    const text = `{"version":7,"root":"__proto__","nodes":{
      "__proto__":{"inputs":{"__proto__":"constructor","toString":["__proto__"]}},
      "constructor":{"locked":{"type":"path","path":"a","__proto__":"x"},"original":{"type":"path","path":"a"}}}}`;
    const lock = lockOf(text);
    assert.equal(findInput(lock, ['__proto__'])?.original?.path, 'a');
    assert.equal(findInput(lock, ['toString']), findInput(lock, ['__proto__']));
    assert.equal(({} as { type?: unknown }).type, undefined);
  });

  it('the last one of a key that is there twice, as Nix does', () => {
    const node = (path: string): string =>
      `"x":{"locked":{"type":"path","path":"${path}"},"original":{"type":"path","path":"a"}}`;
    const lock = lockOf(`{"version":7,"root":"r","nodes":{"r":{"inputs":{"x":"x"}},${node('old')},${node('new')}}}`);
    assert.equal(findInput(lock, ['x'])?.locked?.path, 'new');
  });

  it('a file with a byte order mark', () => {
    assert.deepEqual(lockOf(`\uFEFF${fixtureText('transitive.json')}`), fixture('transitive.json'));
  });

  it('a file without inputs', () => {
    assert.equal(lockOf({ nodes: { root: {} }, root: 'root', version: 7 }).nodes.size, 1);
  });

  it('a file of 5 MB', () => {
    const nodes = Object.fromEntries(Array.from({ length: 14_000 }, (_, i) => [`n${i}`, nodeJson(`r${i}`, '1')]));
    const json = lockJson(Object.fromEntries(Object.keys(nodes).map(key => [key, key])), nodes);
    const text = JSON.stringify(json, null, 2);
    assert.ok(text.length > 5e6);
    assert.equal(lockOf(text).nodes.size, 14_001);
  });

  it('follows that double the work at every step, in no time', () => {
    const steps = Array.from({ length: 60 }, (_, i) => i);
    const nodes = steps.map(i => [
      `n${i}`,
      nodeJson('x', '1', { inputs: { q: i === 59 ? 'last' : [`p${i + 1}`, 'q', `again${i}`] } }),
    ]);
    const again = steps.slice(0, 59).map(i => [`again${i}`, [`p${i + 1}`, 'q']]);
    const last = nodeJson('x', '1', { inputs: Object.fromEntries(again) as Record<string, string[]> });
    const inputs = Object.fromEntries(steps.map(i => [`p${i}`, `n${i}`]));
    const lock = lockOf(lockJson(inputs, { ...(Object.fromEntries(nodes) as Record<string, NodeJson>), last }));
    assert.equal(findInput(lock, ['p0', 'q']), lock.nodes.get('last'));
  });

  it('nothing of what no input leads to', () => {
    const json = lockJson({}, { lost: { locked: {} } });
    assert.deepEqual([...lockOf(json).nodes.keys()], ['root']);
  });
});

describe('parseFlakeLock says where and why a text is no lock:', () => {
  const at = (text: string): { kind: string; place: string; message: string; found: string } => {
    const { kind, line, column, message, offset } = errorOf(text);
    return { kind, place: `${line}:${column}`, message, found: text.slice(offset, offset + 7) };
  };

  it('merge conflict markers', () => {
    for (const newline of ['\n', '\r\n']) {
      const lines = ['{', '  "nodes": {', '<<<<<<< HEAD', '  "a": 1', '=======', '  "a": 2', '>>>>>>> theirs', '}}'];
      const error = at(lines.join(newline));
      assert.equal(error.kind, 'syntax');
      assert.equal(error.place, '3:1');
      assert.match(error.message, /^the lock has merge conflict markers/);
      assert.equal(error.found, '<<<<<<<');
    }
  });

  it('an empty file', () => {
    assert.match(at('').message, /empty/);
    assert.match(at('\uFEFF \n').message, /empty/);
  });

  it('a file that is cut off', () => {
    const text = fixtureText('transitive.json');
    const error = at(text.slice(0, 700));
    assert.equal(error.kind, 'syntax');
    assert.match(error.message, /cut off/);
  });

  it('a comma that is missing or too many, a comment, text after the end', () => {
    assert.deepEqual(at('{\n  "a": 1\n  "b": 2}'), {
      kind: 'syntax',
      place: '3:3',
      message: 'the lock is not JSON: a comma is missing here.',
      found: '"b": 2}',
    });
    assert.equal(at('{"a": 1,}').place, '1:9');
    assert.match(at('{} // why').message, /comment/);
    assert.match(at('{} {}').message, /after its end/);
    assert.match(at('{"a": "\u0007"}').message, /control character/);
  });

  it('places behind a byte order mark', () => {
    const error = errorOf('\uFEFF{"a" 1}');
    assert.deepEqual([error.line, error.column, error.offset], [1, 6, 6]);
  });

  it('nesting without end, valid or not', () => {
    const deep = '['.repeat(200_000);
    assert.match(at(deep).message, /levels deep/);
    assert.equal(at(deep + ']'.repeat(200_000)).kind, 'shape');
    const harmless = `{"version":7,"root":"r","nodes":{"r":{}},"x":${deep}${']'.repeat(200_000)}}`;
    assert.equal(lockOf(harmless).nodes.size, 1);
    assert.equal(errorOf(harmless.replace('"r":{}', '"r":[]')).offset, harmless.indexOf('{}'));
  });

  it('JSON that is something else', () => {
    for (const text of ['[]', 'null', '"lock"', '7']) assert.equal(at(text).kind, 'shape');
    assert.match(at('{"name":"a package"}').message, /no flake.lock/);
    assert.equal(at('{"name":"a package"}').kind, 'version');
  });

  it('versions that cannot be read, with what to do', () => {
    const text = '{\n  "version": 8}';
    assert.deepEqual(at(text), {
      kind: 'version',
      place: '2:14',
      message: "the lock's version is 8; 5 to 7 can be read. A newer Nix wrote it: update NixFleet.",
      found: '8}',
    });
    for (const version of ['4', '0', '-7', '6.5', '"7"', 'null', '[7]', '1e999']) {
      assert.equal(at(`{"version":${version},"root":"r","nodes":{"r":{}}}`).kind, 'version', version);
    }
  });

  it('nodes and root that are missing or of another type', () => {
    assert.match(at('{"version":7,"root":"r"}').message, /no 'nodes'/);
    assert.match(at('{"version":7,"nodes":{}}').message, /no 'root'/);
    assert.equal(at('{"version":7,"root":7,"nodes":{}}').place, '1:21');
    assert.equal(at('{"version":7,"root":"r","nodes":[]}').place, '1:33');
    assert.equal(at('{"version":7,"root":"toString","nodes":{}}').kind, 'dangling');
  });

  it('a node without its reference, or with one of another shape', () => {
    const wrong = (node: object): { kind: string; path: string; message: string } => {
      const { kind, path, message } = errorOf(lockJson({ x: 'x' }, { x: node }));
      assert.equal(kind, 'shape');
      return { kind, path: path.join('.'), message };
    };
    const path = { type: 'path', path: '.' };
    assert.deepEqual(wrong({ original: path }), {
      kind: 'shape',
      path: 'nodes.x',
      message: "node 'x' has no 'locked'.",
    });
    assert.match(wrong({ locked: path }).message, /no 'original'/);
    assert.equal(wrong({ locked: [], original: path }).path, 'nodes.x.locked');
    assert.equal(wrong({ locked: { path: '.' }, original: path }).message, "an input has no 'type' in its 'locked'.");
    assert.equal(wrong({ locked: { ...path, rev: 7 }, original: path }).path, 'nodes.x.locked.rev');
    for (const lastModified of [-1, 1.5, '1', 1e300]) {
      assert.equal(
        wrong({ locked: { ...path, lastModified }, original: path }).message,
        "'lastModified' of an input is not an integer.",
      );
    }
    assert.equal(wrong({ locked: path, original: { ...path, new: { a: 1 } } }).path, 'nodes.x.original.new');
    assert.equal(
      wrong({ locked: path, original: { type: 'github', owner: 'a' } }).message,
      "an input has no 'repo' in its 'original'.",
    );
    assert.equal(wrong({ locked: path, original: path, flake: 'no' }).path, 'nodes.x.flake');
    assert.equal(wrong({ locked: path, original: path, parent: 'no' }).path, 'nodes.x.parent');
    assert.equal(wrong({ locked: path, original: path, inputs: { y: 1 } }).path, 'nodes.x.inputs.y');
    assert.equal(wrong({ locked: path, original: path, inputs: { y: ['a', 1] } }).path, 'nodes.x.inputs.y');
    assert.equal(wrong({ locked: path, original: path, info: { narHash: 1 } }).path, 'nodes.x.info.narHash');
  });

  it('an input that is a node that is not there, at the place that says so', () => {
    const json = lockJson(
      { nixfleet: 'nixfleet' },
      { nixfleet: nodeJson('nixfleet', '1', { inputs: { nixpkgs: 'gone' } }) },
    );
    const text = JSON.stringify(json, null, 2);
    const error = errorOf(text);
    assert.equal(error.kind, 'dangling');
    assert.equal(error.message, "input 'nixfleet/nixpkgs' is the node 'gone', which the lock does not have.");
    assert.deepEqual(error.path, ['nodes', 'nixfleet', 'inputs', 'nixpkgs']);
    assert.equal(error.offset, text.indexOf('"gone"'));
    assert.equal(error.line, text.split('\n').findIndex(line => line.includes('"gone"')) + 1);
  });

  it('an input that follows what is not there', () => {
    const json = lockJson({ a: 'a', b: ['a', 'c'] }, { a: nodeJson('a', '1', { inputs: { c: ['nope'] } }) });
    const error = errorOf(json);
    assert.equal(error.kind, 'dangling');
    assert.equal(errorOf(lockJson({ a: 'toString' }, {})).kind, 'dangling');
    assert.match(error.message, /^input '(a\/c|b)' follows '(nope|a\/c)', which the lock does not have/);
  });

  it('inputs that follow each other in a circle', () => {
    for (const inputs of [{ a: ['a'] }, { a: ['b'], b: ['a'] }, { a: ['b', 'x'], b: ['c'], c: ['a'] }]) {
      assert.match(errorOf(lockJson(inputs, {})).message, /leads back to it/);
    }
  });

  it('an input that is the root node', () => {
    assert.match(errorOf(lockJson({ me: 'root' }, {})).message, /'me' is the root node itself/);
  });

  it('inputs nested or followed beyond all measure', () => {
    const chain = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, i) => [`n${i}`, nodeJson('x', '1', { inputs: { next: `n${i + 1}` } })]),
    );
    assert.match(errorOf(lockJson({ next: 'n0' }, { ...chain, n20000: nodeJson('x', '1') })).message, /levels deep/);
    const follows = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`f${i}`, [`f${i + 1}`]]));
    assert.match(errorOf(lockJson({ ...follows, f20000: 'n' }, { n: nodeJson('x', '1') })).message, /more than 500/);
  });

  it('without repeating control characters of the file', () => {
    const error = errorOf(lockJson({ 'a\u001b[31m\u202e\n': 'gone\u0007' }, {}));
    assert.doesNotMatch(error.message, /[\p{Cc}\p{Cf}]/u);
  });

  it('at the one of two equal keys that counts', () => {
    const text = '{"version":7,"root":"r","nodes":{"r":{"inputs":{"x":"gone"}},"r":{"inputs":{"x":"lost"}}}}';
    assert.equal(errorOf(text).offset, text.indexOf('"lost"'));
  });
});

describe('parseFlakeLock, whatever the text,', () => {
  const check = (text: string): void => {
    const result = parseFlakeLock(text);
    if (result.ok) return;
    const { error } = result;
    assert.ok(error.message.length > 10 && error.message.length < 400);
    assert.ok(error.offset >= 0 && error.offset <= text.length);
    assert.ok(error.line >= 1 && error.column >= 1);
  };

  it('never throws', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), check));
    fc.assert(fc.property(fc.json(), check));
  });

  it('never throws on a lock with a piece cut out, doubled or replaced', () => {
    const texts = fixtureNames.map(fixtureText);
    const mutated = fc.record({
      text: fc.constantFrom(...texts),
      from: fc.nat(7000),
      length: fc.nat(40),
      instead: fc.oneof(
        fc.string({ maxLength: 8 }),
        fc.constantFrom('{', '}', '[', ']', '"', ',', 'null', '\n<<<<<<< a\n'),
      ),
    });
    fc.assert(
      fc.property(mutated, ({ text, from, length, instead }) =>
        check(text.slice(0, from) + instead + text.slice(from + length)),
      ),
      { numRuns: 500 },
    );
  });

  it('never throws on a lock in which one value is another', () => {
    const swap = (value: unknown, places: number[], other: unknown): unknown => {
      const [place, ...rest] = places;
      if (typeof value !== 'object' || value === null || place === undefined) return other;
      const keys = Object.keys(value);
      const key = keys[place % Math.max(1, keys.length)];
      if (key === undefined) return other;
      const changed = swap((value as Record<string, unknown>)[key], rest, other);
      return Array.isArray(value)
        ? value.map((v: unknown, i) => (String(i) === key ? changed : v))
        : { ...value, [key]: changed };
    };
    const other = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom('root', 'nixpkgs', ['nixpkgs'], [], ['root']),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...fixtureNames),
        fc.array(fc.nat(20), { minLength: 1, maxLength: 5 }),
        other,
        (name, places, value) => check(JSON.stringify(swap(JSON.parse(fixtureText(name)), places, value))),
      ),
      { numRuns: 500 },
    );
  });

  it('takes for JSON what is JSON, and nothing else', () => {
    const isJson = (text: string): boolean => {
      try {
        JSON.parse(text);
        return true;
      } catch {
        return false;
      }
    };
    const tokens = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"',
      '1',
      '-',
      '01',
      '.5',
      'true',
      'nul',
      ' ',
      '\n',
      '//',
      '\\u12',
      '\u00a0',
      '\u2028',
    );
    fc.assert(
      fc.property(fc.array(tokens, { maxLength: 12 }), pieces => {
        const text = pieces.join('');
        const result = parseFlakeLock(text);
        assert.ok(!result.ok);
        assert.equal(result.error.kind === 'syntax', !isJson(text));
        if (result.error.kind === 'syntax') assert.doesNotMatch(result.error.message, /cannot be read/);
      }),
      { numRuns: 1000 },
    );
  });

  it('points at the value that its path names', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), fc.nat(3), (value, indent) => {
        const text = JSON.stringify(
          lockJson({ x: 'x' }, { x: { locked: { type: 'a', 'k"': [value] }, original: {} } }),
          null,
          indent,
        );
        const error = errorOf(text);
        assert.deepEqual(error.path, ['nodes', 'x', 'original']);
        assert.equal(text.slice(error.offset, error.offset + 2), '{}');
      }),
    );
  });
});
