import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { generate } from './generate.ts';
import { parser } from './parser.generated.ts';

/** The tree without punctuation, names of attributes and names of variables. */
function shape(text: string): string {
  return printed(text)
    .replaceAll(/"[^"]*",?|(?:AttrName|Variable)\(Identifier\)|,(?=\))/g, match =>
      match.startsWith('"') ? '' : match.replace(/\(Identifier\)/, ''),
    )
    .replaceAll(/,\)/g, ')')
    .replaceAll(/\((?=,)|\(\)/g, '');
}

function printed(text: string): string {
  const tree: { toString(): string } = parser.parse(text);
  return tree.toString();
}

function errors(text: string): string[] {
  const found: string[] = [];
  parser.parse(text).iterate({
    enter: ({ type, from }) => {
      if (type.isError) found.push(text.slice(Math.max(0, from - 10), from + 10));
    },
  });
  return found;
}

describe('the grammar of Nix', () => {
  it('is what the tables were made from', () => {
    for (const [name, text] of Object.entries(generate())) {
      assert.equal(
        readFileSync(join(import.meta.dirname, name), 'utf8'),
        text,
        `node flake-nix/syntax/generate.ts writes ${name} anew`,
      );
    }
  });

  const whole: Readonly<Record<string, readonly string[]>> = {
    functions: [
      'x: x',
      '{ a, b ? { c = 1; }, ... }@all: a',
      'all@{ a }: a',
      '{ }: 1',
      '{ ... }: 1',
      '{ a, b, }: a',
      '{ a, ... , }: 1'.replace(' ,', ',').replace(', }', ' }'),
    ],
    sets: [
      '{ }',
      '{ a.b."c d".${e} = 1; inherit a; inherit (b) c "d"; inherit; }',
      'rec { or = 1; a.or = b.or; }',
      'let { body = 1; }',
    ],
    strings: [
      '"a ${b} \\${c} $${d} $ \\" ${"${e}"}"',
      "''a ${b} ''${c} $${d} ''' ''\\${e} '$ ''",
      '"a\nb"',
      '""',
      "''''",
    ],
    paths: [
      './a',
      '../.',
      './hosts/${name}/x.nix',
      './a${b}',
      '~/a/${b}c',
      '/${a}',
      '<nixpkgs/nixos>',
      'a/b',
      './. + "/x"',
    ],
    operators: [
      'a // b // c',
      '!a ? b.c && d == e || f -> g',
      'a ++ b ++ c',
      '-a * b / c - 1 + 2',
      'a <= b',
      'a |> b |> c',
      'a <| b <| c',
    ],
    application: ['f x.y or z [ a (b c) ]', 'f { } "a" ./b', 'a.b.c or (d e)', 'import ./x { inherit y; }'],
    words: [
      'let a = 1; in a',
      'with a; b',
      'assert a; b',
      'if a then b else c',
      'https://example.org/a?b=c',
      '0.5 + .5e3 + 1',
    ],
    comments: ['/* a */ 1 # b', '/** a **/ 1', '# only', '{ /* { */ a = 1; # }\n }'],
  };
  for (const [what, texts] of Object.entries(whole)) {
    it(`knows ${what}`, () => {
      for (const text of texts) assert.deepEqual(errors(text), [], text);
    });
  }

  it('binds as Nix does', () => {
    assert.equal(shape('a // b // c'), shape('a // (b // c)').replace('Parenthesized(', '').replace('))', ')'));
    assert.equal(shape('!a == b'), 'File(Binary(Unary(Not,Variable),Equal,Variable))');
    assert.equal(shape('!a ? b'), 'File(Unary(Not,HasAttr(Variable,AttrPath(AttrName))))');
    assert.equal(shape('f a.b c'), 'File(Apply(Apply(Variable,Select(Variable,AttrPath(AttrName))),Variable))');
    assert.equal(shape('a: b // c'), 'File(Lambda(Identifier,Binary(Variable,Update,Variable)))');
  });

  it('ends a string where it ends', () => {
    assert.equal(shape(`{ a = "\\""; b = ''''\${x}''; c = 1; }`).match(/Binding/g)?.length, 3);
    assert.equal(shape("{ a = ''\n  ''${x}\n  '' ; b = ''\\ '' ; c = 1; }").match(/Binding/g)?.length, 3);
  });
});
