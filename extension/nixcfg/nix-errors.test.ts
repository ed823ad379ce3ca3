import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { locate, parseNixErrors, relativeCandidate } from './nix-errors.ts';

const SOURCE = '/nix/store/vaqzzdlhirb3izv67a8pczn4fcxpvn3a-source';

/** What `nix build` of Nix 2.26.3 prints, with colours as a host sends them. */
const missingAttribute = `\u001b[1mbuilding the system\u001b[0m
\u001b[31;1merror:\u001b[0m
       … while calling the '\u001b[35;1mdeepSeq\u001b[0m' builtin
         \u001b[34;1mat \u001b[35;1m${SOURCE}/flake.nix:4:115\u001b[0m:
            3|   outputs = { self, nixfleet }: let
            4|     sys = name: import ./hosts/\${name}.nix;
             |                 ^
            5|   in {

       … while evaluating the attribute 'services'
         at ${SOURCE}/hosts/ada.nix:4:3:
            3|   networking.hostName = "ada";
            4|   services.foo = lib.undefinedThing;
             |   ^

       (stack trace truncated; use '--show-trace' to show the full, detailed trace)

       error: attribute 'undefinedThing' missing
       at ${SOURCE}/hosts/ada.nix:4:18:
            3|   networking.hostName = "ada";
            4|   services.foo = lib.undefinedThing;
             |                  ^
            5| }
`.split('\n');

describe('errors of nix in an output', () => {
  it('are found with where they are, what matters most first', () => {
    const [error, ...more] = parseNixErrors(missingAttribute);
    assert.deepEqual(more, []);
    assert.equal(error?.message, "attribute 'undefinedThing' missing");
    assert.deepEqual(
      error.places.map(({ file, line, column, text }) => [file.replace(SOURCE, ''), line, column, text?.trim()]),
      [
        ['/hosts/ada.nix', 4, 18, 'services.foo = lib.undefinedThing;'],
        ['/hosts/ada.nix', 4, 3, 'services.foo = lib.undefinedThing;'],
        ['/flake.nix', 4, 115, 'sys = name: import ./hosts/${name}.nix;'],
      ],
    );
    for (const { at, file, line, column } of error.places) {
      const shown = (missingAttribute[at.row] ?? '').replaceAll(/\u001b\[[\d;]*m/g, '');
      assert.equal(shown.slice(at.from, at.to), `${file}:${line}:${column}`);
    }
  });

  it('are found where the message stands first, as older versions write', () => {
    const [error] = parseNixErrors([
      "error: undefined variable 'typo'",
      '',
      `       at ${SOURCE}/hosts/cy.nix:1:19:`,
      '',
      '            1| { services.nope = typo; }',
      '             |                   ^',
    ]);
    assert.equal(error?.message, "undefined variable 'typo'");
    assert.deepEqual(
      error.places.map(({ line, text }) => [line, text]),
      [[1, '{ services.nope = typo; }']],
    );
  });

  it('name the files of options that the module system refuses', () => {
    const [error] = parseNixErrors([
      'error:',
      "       … while calling the 'throw' builtin",
      `         at ${SOURCE}/lib/modules.nix:322:13:`,
      "       error: The option `services.nginx.vhosts' does not exist. Definition values:",
      `       - In \`${SOURCE}/hosts/web.nix': true`,
    ]);
    assert.match(error?.message ?? '', /services\.nginx\.vhosts/);
    assert.deepEqual(
      error?.places.map(({ file }) => file.replace(SOURCE, '')),
      ['/hosts/web.nix', '/lib/modules.nix'],
    );
  });

  it('are told apart', () => {
    const errors = parseNixErrors([
      "error: builder for '/nix/store/x.drv' failed with exit code 3",
      'error: 1 dependencies of derivation failed to build',
      '… more',
      'building',
    ]);
    assert.deepEqual(
      errors.map(({ message, places }) => [message.slice(0, 12), places.length]),
      [
        ['builder for ', 0],
        ['1 dependenci', 0],
      ],
    );
    assert.deepEqual(parseNixErrors(['no error: here', 'an error at /x.nix:1:1']), []);
  });
});

describe('the file of a place', () => {
  it('may be one of nixcfg', () => {
    const checkout = '/home/ana/Code/nixcfg';
    assert.equal(relativeCandidate(`${SOURCE}/hosts/ada.nix`, checkout), 'hosts/ada.nix');
    assert.equal(relativeCandidate(`${checkout}/flake.nix`, checkout), 'flake.nix');
    assert.equal(relativeCandidate('«git+file:///home/ana/Code/nixcfg»/hosts/ada.nix', undefined), 'hosts/ada.nix');
    for (const other of [
      '/etc/passwd',
      '/nix/store/jc70q1d0a2crdjq3lnna151pw8vd7m0a-cy.nix',
      `${SOURCE}/../../etc/x.nix`,
      `${checkout}/../x.nix`,
    ])
      assert.equal(relativeCandidate(other, checkout), undefined, other);
  });

  it('is another one when the line that nix shows is not in it', () => {
    const at = { row: 0, from: 0, to: 0 };
    const place = { file: 'x', line: 2, column: 5, text: '  b = typo;', at };
    assert.deepEqual(locate(place, 'a\n  b = typo;\nc'), { line: 2, column: 5 });
    assert.deepEqual(locate(place, 'new\nnew\na\n  b = typo;\nc'), { line: 4, column: 5 }, 'lines came before it');
    assert.equal(locate(place, 'something\nelse'), undefined);
    assert.equal(locate({ ...place, text: '}' }, 'a\nb\n}'), undefined, 'a brace is everywhere');
    assert.deepEqual(locate({ file: 'x', line: 2, column: 1, at }, 'a\nb'), { line: 2, column: 1 });
    assert.equal(locate({ file: 'x', line: 9, column: 1, at }, 'a\nb'), undefined);
  });
});
