import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import fc from 'fast-check';
import { findInput } from './find-input.ts';
import { flakeUrl, pinnedUrl } from './flake-ref.ts';
import { fixture, github, rev } from './lock-samples.ts';
import type { FlakeRef } from './types.ts';

describe('flakeUrl writes', () => {
  const urls = (name: string): Record<string, { original: string; locked: string }> => {
    const shown: Record<string, { original: string; locked: string }> = {};
    for (const node of fixture(name).nodes.values()) {
      if (!node.original || !node.locked) continue;
      const original = flakeUrl(node.original);
      shown[original] = { original, locked: flakeUrl(node.locked) };
    }
    return shown;
  };
  const originalsAndLocked = (name: string): [string, string][] =>
    Object.values(urls(name)).map(({ original, locked }) => [original, locked]);

  it('references to forges as Nix does', () => {
    assert.deepEqual(
      new Map(originalsAndLocked('forges.json')),
      new Map([
        ['github:example/nixfleet/release/2.x?dir=nix', `github:example/nixfleet/${rev('a')}?dir=nix`],
        ['github:team/nixfleet?host=github.example.org', `github:team/nixfleet/${rev('b')}?host=github.example.org`],
        ['gitlab:example/nixfleet', `gitlab:example/nixfleet/${rev('c')}`],
        [
          'gitlab:group%252Fsubgroup/nixfleet/main?host=git.example.org',
          `gitlab:group%252Fsubgroup/nixfleet/${rev('d')}?host=git.example.org`,
        ],
        ['sourcehut:~example/nixfleet', `sourcehut:~example/nixfleet/${rev('e')}`],
        [
          'sourcehut:~example/nixfleet?host=git.sr.example.org',
          `sourcehut:~example/nixfleet/${rev('f')}?host=git.sr.example.org`,
        ],
        [
          'git+https://codeberg.org/example/nixfleet?ref=main',
          `git+https://codeberg.org/example/nixfleet?ref=main&rev=${rev('1')}`,
        ],
        [
          'https://codeberg.org/example/nixfleet/archive/main.tar.gz',
          `https://codeberg.org/example/nixfleet/archive/${rev('2')}.tar.gz`,
        ],
      ]),
    );
  });

  it('references to anything else as Nix does', () => {
    assert.deepEqual(
      new Map(originalsAndLocked('other-sources.json')),
      new Map([
        [
          'git+ssh://git@github.com/example/private.git?ref=main&shallow=1&submodules=1',
          `git+ssh://git@github.com/example/private.git?ref=main&rev=${rev('3')}&shallow=1&submodules=1`,
        ],
        [
          'git+https://forge.example.org/example/nixfleet.git?dir=sub',
          `git+https://forge.example.org/example/nixfleet.git?dir=sub&ref=refs/heads/main&rev=${rev('4')}`,
        ],
        ['git+file:///srv/git/nixfleet.git', `git+file:///srv/git/nixfleet.git?ref=refs/heads/main&rev=${rev('5')}`],
        [
          'hg+https://hg.sr.ht/~example/nixfleet?ref=default',
          `hg+https://hg.sr.ht/~example/nixfleet?ref=default&rev=${rev('6')}`,
        ],
        ['flake:nixpkgs/nixos-25.05', `github:NixOS/nixpkgs/${rev('7')}`],
        ['path:/home/ana/Code/nixfleet', 'path:/home/ana/Code/nixfleet'],
        ['path:./modules', 'path:./modules'],
        ['https://example.org/nixfleet.tar.gz', 'https://example.org/nixfleet.tar.gz'],
        ['https://example.org/hosts.json', 'https://example.org/hosts.json'],
      ]),
    );
  });

  it('git addresses that are no URLs as Nix mends them', () => {
    const git = (url: string): string => flakeUrl({ type: 'git', url });
    assert.equal(git('git@github.com:example/nixfleet.git'), 'git+ssh://git@github.com/example/nixfleet.git');
    assert.equal(git('/srv/git/nixfleet'), 'git+file:///srv/git/nixfleet');
    assert.equal(git('./nixfleet'), 'git+file:./nixfleet');
    assert.equal(git('git://example.org/nixfleet'), 'git://example.org/nixfleet');
    assert.equal(git('git+ssh://example.org/nixfleet'), 'git+ssh://example.org/nixfleet');
  });

  it('what an address asks the server for, encoded as it was meant', () => {
    const ref: FlakeRef = { type: 'git', url: 'https://example.org/r?token=a%26b+c&flag#part', ref: "a&rev=x'(!)*" };
    assert.equal(flakeUrl(ref), 'git+https://example.org/r?ref=a%26rev%3Dx%27%28%21%29%2A&token=a%26b%2Bc');
  });

  it('a branch and a revision of an indirect reference one after the other', () => {
    const ref: FlakeRef = { type: 'indirect', id: 'nixpkgs', ref: 'main', rev: rev('a') };
    assert.equal(flakeUrl(ref), `flake:nixpkgs/main/${rev('a')}`);
  });

  it('something for types that it does not know', () => {
    assert.equal(flakeUrl({ type: 'fossil', url: 'https://example.org/r' }), 'fossil:https://example.org/r');
    assert.equal(flakeUrl({ type: '\u001b[0m' }), '%1B%5B0m:');
  });

  it('only printable ASCII, whatever the reference', () => {
    const text = fc.string({ unit: 'binary', maxLength: 20 });
    const arbitraryRef = fc.record(
      {
        type: fc.oneof(fc.constantFrom('github', 'git', 'hg', 'indirect', 'path', 'tarball'), text),
        owner: text,
        repo: text,
        host: text,
        url: text,
        path: text,
        id: text,
        ref: text,
        rev: text,
        dir: text,
      },
      { requiredKeys: ['type'] },
    );
    fc.assert(fc.property(arbitraryRef, ref => assert.match(flakeUrl(ref as FlakeRef), /^[\x21-\x7e]*$/)));
  });

  it('a pathological address in no time', () => {
    for (const piece of ['@', ':', '?', '&', '=', '@:', '%', '/', '[']) {
      assert.ok(flakeUrl({ type: 'git', url: piece.repeat(500_000) }).length > 0);
    }
  });
});

describe('pinnedUrl asks for exactly one revision', () => {
  const wanted = 'ABCDEF0123456789abcdef0123456789abcdef01';
  const hash = wanted.toLowerCase();
  const url = (ref: FlakeRef, revision = wanted): string => {
    const result = pinnedUrl(ref, revision);
    assert.ok(result.ok, result.ok ? '' : result.reason);
    return result.url;
  };
  const reason = (ref: FlakeRef, revision = wanted): string => {
    const result = pinnedUrl(ref, revision);
    assert.ok(!result.ok, 'expected a reason');
    return result.reason;
  };

  it('of a forge in the place of the branch, keeping host and subdirectory', () => {
    assert.equal(url(github({ ref: 'main', dir: 'nix' })), `github:example/nixfleet/${hash}?dir=nix`);
    assert.equal(url(github({ rev: rev('a') })), `github:example/nixfleet/${hash}`);
    const selfHosted = findInput(fixture('forges.json'), ['gitlab-self-hosted'])?.original;
    assert.ok(selfHosted);
    assert.equal(url(selfHosted), `gitlab:group%252Fsubgroup/nixfleet/${hash}?host=git.example.org`);
    assert.equal(url(github({ type: 'sourcehut', owner: '~example' })), `sourcehut:~example/nixfleet/${hash}`);
  });

  it('of git beside the branch, keeping how it is fetched', () => {
    const ref: FlakeRef = {
      type: 'git',
      url: 'https://example.org/r.git?dir=a',
      ref: 'main',
      dir: 'a',
      submodules: true,
      allRefs: true,
    };
    assert.equal(url(ref), `git+https://example.org/r.git?allRefs=1&dir=a&ref=main&rev=${hash}&submodules=1`);
    assert.equal(url({ type: 'git', url: 'file:///srv/r.git' }), `git+file:///srv/r.git?rev=${hash}`);
    assert.equal(
      url({ type: 'git', url: 'https://example.org/r', rev: rev('a') }),
      `git+https://example.org/r?rev=${hash}`,
    );
    assert.equal(
      url({ type: 'git', url: `https://example.org/r?rev=${rev('a')}` }),
      `git+https://example.org/r?rev=${hash}`,
    );
    assert.equal(
      url({ type: 'hg', url: 'https://example.org/r', ref: 'stable' }),
      `hg+https://example.org/r?ref=stable&rev=${hash}`,
    );
  });

  it('of what the registry names, without the branch', () => {
    assert.equal(url({ type: 'indirect', id: 'nixfleet', ref: 'main' }), `flake:nixfleet/${hash}`);
  });

  it('with a SHA-256 hash only where Nix would not take it for a branch', () => {
    const sha256 = '0'.repeat(64);
    assert.equal(url({ type: 'git', url: 'https://example.org/r' }, sha256), `git+https://example.org/r?rev=${sha256}`);
    assert.match(reason(github(), sha256), /SHA-256/);
    assert.match(reason({ type: 'indirect', id: 'nixfleet' }, sha256), /SHA-256/);
    assert.match(reason({ type: 'hg', url: 'https://example.org/r' }, sha256), /SHA-256/);
  });

  it('not of a source that has none, and says so', () => {
    assert.match(reason({ type: 'tarball', url: 'https://example.org/a.tar.gz' }), /download/);
    assert.match(reason({ type: 'file', url: 'https://example.org/a' }), /download/);
    assert.match(reason({ type: 'path', path: '/srv' }), /path/);
    assert.match(reason({ type: 'fossil\u0007' }), /'fossil\uFFFD'/);
    for (const type of ['github', 'git', 'hg', 'indirect']) assert.match(reason({ type }), /where its source is/);
  });

  it('not for what is no full hash', () => {
    const wrong = [
      '',
      'main',
      'abc',
      rev('g'),
      `${rev('a')}\n`,
      ` ${rev('a')}`,
      rev('a').slice(1),
      `${rev('a')}&x=1`,
      '--help',
    ];
    for (const text of wrong) assert.match(reason(github(), text), /not a full commit hash/);
  });

  it('and nothing else, whatever the reference: the revision is there once, as one word', () => {
    const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 });
    const arbitraryRef = fc.record(
      {
        type: fc.constantFrom('github', 'gitlab', 'git', 'indirect'),
        owner: text,
        repo: text,
        id: text,
        url: text,
        ref: text,
        dir: text,
        host: text,
      },
      { requiredKeys: ['type', 'owner', 'repo', 'id', 'url'] },
    );
    fc.assert(
      fc.property(arbitraryRef, ref => {
        const pinned = url(ref);
        assert.match(pinned, /^(?:github|gitlab|flake|git|git\+.*):[\x21-\x7e]*$/);
        assert.equal(pinned.split(hash).length, 2);
        assert.match(pinned, new RegExp(`[/=]${hash}(?:[?&]|$)`));
        assert.doesNotMatch(pinned, /#/);
      }),
    );
  });
});
