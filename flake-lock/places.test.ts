import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { lockPlaces, type LockRange } from './places.ts';

const text = `{
  "nodes": {
    "nixfleet": {
      "inputs": { "nixpkgs": ["nixpkgs"], "rev": "x" },
      "locked": { "rev": "${'a'.repeat(40)}", "type": "github" },
      "original": { "rev": "not this one" }
    },
    "root": { "inputs": { "nixfleet": "nixfleet", "nixpkgs": "nixpkgs_2" } }
  },
  "root": "root",
  "version": 7
}`;

const at = (whole: string, { from, to }: LockRange): string => whole.slice(from, to);

describe('the places in a flake.lock', () => {
  it('are those of nodes, revisions and inputs', () => {
    const places = lockPlaces(text);
    assert.deepEqual([...places.keys()], ['nixfleet', 'root']);
    const nixfleet = places.get('nixfleet')!;
    assert.equal(at(text, nixfleet.key), '"nixfleet"');
    assert.equal(at(text, nixfleet.rev!), `"${'a'.repeat(40)}"`);
    const whole = at(text, nixfleet.whole);
    assert.ok(whole.startsWith('"nixfleet"') && whole.endsWith('}') && whole.includes('not this one'));
    assert.ok(!whole.includes('"root"'));
    assert.deepEqual([...nixfleet.inputs.keys()], ['nixpkgs', 'rev']);
    assert.deepEqual(
      [...places.get('root')!.inputs].map(([name, range]) => [name, at(text, range)]),
      [
        ['nixfleet', '"nixfleet"'],
        ['nixpkgs', '"nixpkgs"'],
      ],
    );
  });

  it('are found in every lock that can be read', () => {
    for (const file of globSync('fixtures/*.json', { cwd: import.meta.dirname })) {
      const lock = readFileSync(join(import.meta.dirname, file), 'utf8');
      const json = JSON.parse(lock) as { nodes: Record<string, { locked?: { rev?: string } }> };
      const places = lockPlaces(lock);
      for (const [key, node] of Object.entries(json.nodes)) {
        const rev = places.get(key)?.rev;
        assert.equal(rev && JSON.parse(at(lock, rev)), node.locked?.rev, `${file}: ${key}`);
      }
    }
  });

  it('lie in the text, whatever it is', () => {
    const cut = fc
      .tuple(fc.nat(text.length), fc.nat(60))
      .map(([from, count]) => text.slice(0, from) + text.slice(from + count));
    fc.assert(
      fc.property(fc.oneof(cut, fc.json(), fc.string()), broken => {
        for (const { key, whole, rev } of lockPlaces(broken).values()) {
          for (const range of [key, whole, ...(rev ? [rev] : [])])
            assert.ok(0 <= range.from && range.from <= range.to && range.to <= broken.length);
        }
      }),
    );
    assert.equal(lockPlaces('['.repeat(100_000)).size, 0);
  });
});
