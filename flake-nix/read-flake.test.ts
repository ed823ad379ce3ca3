// What is typed, pasted, cut and made up: nothing of it may throw, stall, or leave the reader with a wrong idea.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { findNixfleetInput, FlakeReader, readFlake, type Flake } from './index.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');
const texts = readdirSync(FIXTURES)
  .filter(name => name.endsWith('.nix'))
  .map(name => readFileSync(join(FIXTURES, name), 'utf8'));

/** Pieces that change what follows them. */
const pieces = [
  ...['{', '}', '(', ')', '[', ']', '"', "''", '${', ';', '=', ':', '@', '.', ',', '//', '/*', '*/', '#', '\\', '\n'],
  ...[
    'let ',
    ' in ',
    'inherit ',
    'with ',
    'if ',
    'rec ',
    'or ',
    '\u0000',
    '\uFEFF',
    '\ud800',
    '🙂',
    'x',
    '1',
    './a/${',
    '~/',
  ],
];
const anyText = fc.constantFrom(...texts);

interface Edit {
  /** From 0 to 1. */
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
}
const anyEdit: fc.Arbitrary<Edit> = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  remove: fc.oneof(fc.constant(0), fc.nat(3), fc.nat(400)),
  insert: fc.oneof(
    fc.array(fc.constantFrom(...pieces), { maxLength: 4 }).map(parts => parts.join('')),
    anyText.map(text => text.slice(0, 200)),
  ),
});

function edited(text: string, { at, remove, insert }: Edit): string {
  const from = Math.floor(at * text.length);
  return text.slice(0, from) + insert + text.slice(from + remove);
}

/** Looks at everything that a reader gives, and that it lies in the text. */
function lookAt(text: string, flake: Flake): unknown {
  const ranges = [...flake.inputs, ...flake.inputs.flatMap(({ overrides }) => overrides), ...flake.hosts].map(
    ({ at }) => at,
  );
  for (const { from, to } of ranges) assert.ok(0 <= from && from <= to && to <= text.length);
  return {
    inputs: flake.inputs.map(input => ({ ...input, attributes: [...input.attributes] })),
    hosts: flake.hosts.map(({ kind, name, at, files }) => ({ kind, name, at, files })),
    open: [...flake.open],
  };
}

describe('a flake.nix that is being typed', () => {
  it('is read at every moment of its typing', () => {
    for (const text of texts) {
      const reader = new FlakeReader();
      for (let length = 0; length <= text.length; length += 29) {
        const typed = text.slice(0, length);
        lookAt(typed, reader.read(typed));
      }
    }
  });

  it('is read however it is mangled', () => {
    fc.assert(
      fc.property(anyText, fc.array(anyEdit, { minLength: 1, maxLength: 6 }), (text, edits) => {
        const mangled = edits.reduce(edited, text);
        lookAt(mangled, readFlake(mangled));
      }),
      { numRuns: 150 },
    );
  });

  it('is read when it is no Nix at all', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(fc.constantFrom(...pieces)).map(parts => parts.join('')),
        ),
        text => {
          lookAt(text, readFlake(text));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('loses no input and no host that stands before the place where it is typed', () => {
    const text = texts.find(candidate => candidate.includes('Hosts of a small office'))!;
    const at = text.indexOf('nixosModules.default');
    for (const typed of [
      'nix',
      'nix.',
      'nix.a =',
      'nix = {',
      'nix = f (',
      'nix = [ a',
      'inherit',
      'nix = if a',
      'nix = "a${',
      'nix = a: ',
    ]) {
      const { inputs, hosts } = readFlake(text.slice(0, at) + typed);
      assert.deepEqual([inputs.length, hosts.map(({ name }) => name)], [4, ['ada', 'web-1', 'grace']], typed);
    }
  });

  it('keeps what stands behind a binding that is not complete', () => {
    const text = texts.find(candidate => candidate.includes('Hosts of a small office'))!;
    for (const typed of [
      'sops',
      'sops.',
      'sops.url',
      'sops.url =',
      'sops = {};',
      'sops = { url = ; };',
      'sops.url = f x',
    ]) {
      const broken = text.replace('# not one yet:', `${typed}\n #`);
      const { inputs, hosts } = readFlake(broken);
      assert.ok(
        inputs.some(({ name, url }) => name === 'nixfleet' && url?.text === 'github:nixfleet/nixfleet'),
        typed,
      );
      assert.deepEqual(
        hosts.map(({ name }) => name),
        ['ada', 'web-1', 'grace'],
        typed,
      );
    }
  });

  it('reads the same whether it was typed or opened', () => {
    fc.assert(
      fc.property(anyText, fc.array(anyEdit, { minLength: 1, maxLength: 4 }), (text, edits) => {
        const reader = new FlakeReader();
        reader.read(text);
        let now = text;
        for (const edit of edits) {
          now = edited(now, edit);
          reader.read(now);
        }
        // back to what is whole: nothing of the broken texts is left
        assert.deepEqual(lookAt(text, reader.read(text)), lookAt(text, readFlake(text)));
      }),
      { numRuns: 80 },
    );
  });
});

describe('a flake.nix that means harm', () => {
  const flake = (outputs: string): string => `{ outputs = { self }: ${outputs}; }`;
  const times = (n: number, part: (i: number) => string): string =>
    Array.from({ length: n }, (_, i) => part(i)).join(' ');
  const many = 20_000;
  const harmful: Readonly<Record<string, string>> = {
    'nests deeper than any stack': '{ a = ('.repeat(many),
    'opens strings in strings': '"${'.repeat(many),
    'closes what was never opened': ' }'.repeat(many),
    'has a name of 20,000 names': flake(`a${'.a'.repeat(many)}`),
    'has a set of 20,000 names': `{ ${'a.'.repeat(many)}b = 1; }`,
    'updates 20,000 sets': flake(Array(many).fill('a').join(' // ')),
    'applies itself to itself': flake('(x: x x) (x: x x)'),
    'recurs without an end': flake('let f = x: f (f x); in f 1'),
    'is what it is': flake('let xs = map (x: x) xs; in { nixosConfigurations = builtins.genAttrs xs (x: x); }'),
    'doubles a list 40 times': flake(
      `let a0 = [ "x" ]; ${times(40, i => `a${i + 1} = a${i} ++ a${i};`)} in { nixosConfigurations = builtins.genAttrs a40 (x: x); }`,
    ),
    'doubles a text 40 times': flake(
      `let a0 = "x"; ${times(40, i => `a${i + 1} = a${i} + "\${a${i}}";`)} in { nixosConfigurations.\${a40} = 1; }`,
    ),
    'doubles a function 40 times': flake(
      `let f0 = x: x; ${times(40, i => `f${i + 1} = x: f${i} (f${i} x);`)} in { nixosConfigurations = f40 { a = 1; }; }`,
    ),
    'makes pairs of 2,000 names': flake(
      `let xs = [ ${times(2000, i => `"h${i}"`)} ]; in { nixosConfigurations = builtins.listToAttrs (builtins.concatMap (a: map (b: { name = a + b; value = 1; }) xs) xs); }`,
    ),
  };
  for (const [deed, text] of Object.entries(harmful)) {
    it(`is read all the same when it ${deed}`, () => {
      lookAt(text, readFlake(text));
    });
  }

  it('has no file read that lies outside of its folder', () => {
    const asked: string[] = [];
    const text = flake(
      '{ a = import ../secret.nix; b = import /etc/passwd.nix; c = import ~/x.nix; d = import ./a/../../b.nix; e = import ./in.nix; nixosConfigurations = a // b // c // d // e; }'
        .replace('{ a', 'let a')
        .replace('; nixosConfigurations', '; in { nixosConfigurations'),
    );
    readFlake(text, path => {
      asked.push(path);
      return undefined;
    });
    assert.deepEqual(asked, ['in.nix']);
  });

  it('is not followed in a circle of files', () => {
    const text = flake('{ nixosConfigurations = import ./a.nix; }');
    const flakeRead = readFlake(text, path => (path === 'a.nix' ? '(import ./a.nix) // { web = 1; }' : undefined));
    assert.deepEqual(
      flakeRead.hosts.map(({ name }) => name),
      ['web'],
    );
    assert.ok(flakeRead.open.has('nixosConfigurations'));
  });
});

describe('the input that carries the agent', () => {
  const named = (inputs: string): string | undefined =>
    findNixfleetInput(readFlake(`{ inputs = { ${inputs} }; }`).inputs)?.name;

  it('is the one of that name, else the one whose repository is', () => {
    assert.equal(named('a.url = "github:x/nixfleet"; nixfleet.url = "path:/x";'), 'nixfleet');
    assert.equal(named('agent.url = "github:nixfleet/nixfleet/main";'), 'agent');
    assert.equal(named('agent.url = "git+ssh://git@example.org/ops/nixfleet.git?ref=main";'), 'agent');
    assert.equal(named('agent = { type = "github"; owner = "nixfleet"; repo = "nixfleet"; };'), 'agent');
    assert.equal(named('a.url = "github:x/nixfleet-extras"; b.url = "github:nixfleet/other";'), undefined);
  });
});
