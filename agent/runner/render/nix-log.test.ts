import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import { MAX_NIX_LINE, NixLogRenderer } from './nix-log.ts';

const nix = (entry: object): string => `@nix ${JSON.stringify(entry)}\n`;
const drv = (name: string): string => `/nix/store/${'0'.repeat(32)}-${name}.drv`;
const building = (id: number, name: string): string =>
  nix({
    action: 'start',
    id,
    level: 3,
    type: 105,
    text: `building '${drv(name)}'`,
    fields: [drv(name), '', 1, 1],
    parent: 0,
  });
const says = (id: number, line: string): string => nix({ action: 'result', id, type: 101, fields: [line] });

function render(raw: string | Uint8Array, cuts: readonly number[] = []): string {
  const bytes = Buffer.from(raw);
  const renderer = new NixLogRenderer();
  const out: Uint8Array[] = [];
  let start = 0;
  for (const cut of [...cuts.map(cut => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
    out.push(Buffer.from(renderer.push(bytes.subarray(start, cut))));
    start = cut;
  }
  out.push(renderer.end());
  return Buffer.concat(out).toString('latin1');
}
const plain = (text: string): string => text.replace(/\x1b\[[0-9;]*m/g, '');

describe("rendering of nix's log", () => {
  it('names what is built and puts the short name before each line of a builder', () => {
    const out = plain(render(building(1, 'hello-2.12.1') + says(1, 'compiling') + nix({ action: 'stop', id: 1 })));
    assert.equal(out, `building '${drv('hello-2.12.1')}'...\nhello> compiling\n`);
  });

  it('tells builders apart that speak at the same time', () => {
    const out = plain(render(building(1, 'a-1') + building(2, 'nixos-system-web-2.4.0') + says(2, 'x') + says(1, 'y')));
    assert.match(out, /nixos-system-web> x\na> y\n$/);
  });

  it('shows messages up to the level of information, with their colours', () => {
    const out = render(
      nix({ action: 'msg', level: 0, msg: '\x1b[31;1merror:\x1b[0m no' }) +
        nix({ action: 'msg', level: 4, msg: 'talk' }),
    );
    assert.equal(out, '\x1b[31;1merror:\x1b[0m no\n');
  });

  it('leaves progress, phases, empty lines and what it does not know unsaid', () => {
    const quiet = [
      { action: 'result', id: 1, type: 105, fields: [1, 2, 3, 0] },
      { action: 'result', id: 1, type: 104, fields: ['buildPhase'] },
      { action: 'result', id: 1, type: 101, fields: [''] },
      { action: 'start', id: 3, level: 3, type: 111, text: 'waiting', fields: [], parent: 0 },
      { action: 'start', id: 4, level: 5, type: 101, text: 'downloading', fields: [], parent: 0 },
      { action: 'dance' },
    ];
    assert.equal(render(quiet.map(nix).join('')), '');
  });

  it('passes on what is not of the format, torn entries at the end included', () => {
    const odd = 'warning: Git tree is dirty\n@nix not json\n@nixes\n\n@ni';
    assert.equal(render(odd), odd);
  });

  it('keeps a line of a builder whole however long it is', () => {
    const line = 'x'.repeat(5_000_000);
    assert.equal(
      plain(render(building(1, 'a') + says(1, line))).length,
      `building '${drv('a')}'...\na> \n`.length + line.length,
    );
  });

  it('passes an entry that is larger than it may hold through in pieces, and goes on behind it', () => {
    const large = nix({ action: 'msg', level: 0, msg: 'x'.repeat(MAX_NIX_LINE) });
    const renderer = new NixLogRenderer();
    const bytes = Buffer.from(large);
    let held = 0;
    let out = 0;
    for (let at = 0; at < bytes.length; at += 65536) {
      const chunk = bytes.subarray(at, at + 65536);
      held += chunk.length;
      out += renderer.push(chunk).length;
      assert.ok(held - out <= MAX_NIX_LINE + 65536);
    }
    assert.equal(out, bytes.length);
    assert.equal(
      Buffer.from(renderer.push(Buffer.from(nix({ action: 'msg', level: 0, msg: 'next' })))).toString(),
      'next\n',
    );
  });

  it('does not depend on how the bytes are cut', () => {
    const piece = fc.oneof(
      fc.integer({ min: 1, max: 3 }).map(id => building(id, `p${id}-1.0`)),
      fc.tuple(fc.integer({ min: 1, max: 4 }), fc.string({ unit: 'binary' })).map(([id, text]) => says(id, text)),
      fc.string().map(text => nix({ action: 'msg', level: 1, msg: text })),
      fc.constantFrom('@nix ', '@', '\n', 'plain\n', '@nix {}\n', 'ü'),
    );
    fc.assert(
      fc.property(fc.array(piece), fc.array(fc.nat()), (pieces, cuts) => {
        assert.equal(render(pieces.join(''), cuts), render(pieces.join('')));
      }),
      { numRuns: 300 },
    );
  });
});
