import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { ENGLISH } from '../base/locale.ts';
import { decideTakeOver, differenceWords } from './take-over.ts';

/** A lock with these inputs at these revisions. */
function lock(revs: Readonly<Record<string, string>>, space = 2): string {
  const nodes: Record<string, unknown> = {
    root: { inputs: Object.fromEntries(Object.keys(revs).map(name => [name, name])) },
  };
  for (const [name, letter] of Object.entries(revs)) {
    const original = { type: 'github', owner: 'o', repo: name };
    nodes[name] = { locked: { ...original, rev: letter.repeat(40) }, original };
  }
  return JSON.stringify({ nodes, root: 'root', version: 7 }, null, space);
}

describe('taking over a lock', () => {
  const before = lock({ nixfleet: 'a', nixpkgs: '1' });
  const after = lock({ nixfleet: 'b', nixpkgs: '1' });

  it('is right when the workspace has what it was made from', () => {
    const decision = decideTakeOver({ workspace: before, before, after });
    assert.deepEqual(decision.kind === 'take' && decision.changes.map(({ input }) => input), ['nixfleet']);
    assert.equal(
      decideTakeOver({ workspace: lock({ nixfleet: 'a', nixpkgs: '1' }, 4), before, after }).kind,
      'take',
      'spaces do not count',
    );
    assert.equal(decideTakeOver({ workspace: '', before: '', after }).kind, 'take', 'there was none');
  });

  it('is nothing when the workspace has it', () => {
    assert.equal(decideTakeOver({ workspace: after, before, after }).kind, 'same');
    assert.equal(decideTakeOver({ workspace: lock({ nixfleet: 'b', nixpkgs: '1' }, 4), before, after }).kind, 'same');
    assert.equal(decideTakeOver({ workspace: 'not json', before, after: 'not json' }).kind, 'same');
  });

  it('is refused when the workspace went another way, and says what differs', () => {
    const other = decideTakeOver({ workspace: lock({ nixfleet: 'a', nixpkgs: '2', mine: '3' }), before, after });
    assert.ok(other.kind === 'refused');
    assert.equal(
      differenceWords(other.differences, 'ada', ENGLISH),
      'mine (only here), nixpkgs (2222222 here, 1111111 on ada)',
    );
    assert.equal(decideTakeOver({ workspace: lock({ nixfleet: 'c', nixpkgs: '1' }), before, after }).kind, 'refused');
    const fewer = decideTakeOver({ workspace: lock({ nixfleet: 'a' }), before, after });
    assert.equal(
      fewer.kind === 'refused' && differenceWords(fewer.differences, 'ada', ENGLISH),
      'nixpkgs (only on ada)',
    );
  });

  it('is refused when one of them cannot be read', () => {
    for (const which of ['workspace', 'before', 'after'] as const) {
      const decision = decideTakeOver({ workspace: before, before, after, [which]: '<<<<<<< HEAD' });
      assert.equal(decision.kind === 'unreadable' && decision.which, which);
    }
  });

  it('names five inputs and counts the rest', () => {
    const many = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`i${i}`, '1']));
    const decision = decideTakeOver({ workspace: lock({ ...many, nixfleet: 'a', nixpkgs: '1' }), before, after });
    assert.match(
      decision.kind === 'refused' ? differenceWords(decision.differences, 'ada', ENGLISH) : '',
      /and 3 more$/,
    );
  });
});
