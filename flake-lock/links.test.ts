import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import fc from 'fast-check';
import { findInput } from './find-input.ts';
import { compareLink, revisionLink } from './links.ts';
import { fixture, github, rev } from './lock-samples.ts';
import type { FlakeRef } from './types.ts';

const [from, to] = [rev('1'), rev('2')];

/** Both links of a repository, without the revisions. */
function links(ref: FlakeRef): [string | undefined, string | undefined] {
  const page = compareLink({ ...ref, rev: from }, { ...ref, rev: to });
  const commit = revisionLink({ ...ref, rev: to });
  return [page?.replace(from, 'OLD').replace(to, 'NEW'), commit?.replace(to, 'NEW')];
}

function linksOf(url: string, type = 'git'): [string | undefined, string | undefined] {
  return links({ type, url });
}

const none = [undefined, undefined];

describe('links lead to', () => {
  it('GitHub, also one of an enterprise', () => {
    assert.deepEqual(links(github()), [
      'https://github.com/example/nixfleet/compare/OLD...NEW',
      'https://github.com/example/nixfleet/commit/NEW',
    ]);
    assert.deepEqual(links(github({ host: 'GitHub.example.org:8443' })), [
      'https://github.example.org:8443/example/nixfleet/compare/OLD...NEW',
      'https://github.example.org:8443/example/nixfleet/commit/NEW',
    ]);
  });

  it('GitLab, also of a group in a group on an own host', () => {
    assert.deepEqual(links(github({ type: 'gitlab' })), [
      'https://gitlab.com/example/nixfleet/-/compare/OLD...NEW',
      'https://gitlab.com/example/nixfleet/-/commit/NEW',
    ]);
    const locked = findInput(fixture('forges.json'), ['gitlab-self-hosted'])?.locked;
    assert.ok(locked);
    assert.deepEqual(links(locked), [
      'https://git.example.org/group/subgroup/nixfleet/-/compare/OLD...NEW',
      'https://git.example.org/group/subgroup/nixfleet/-/commit/NEW',
    ]);
  });

  it('the log of SourceHut, which has no page that compares', () => {
    assert.deepEqual(links(github({ type: 'sourcehut', owner: '~example' })), [
      'https://git.sr.ht/~example/nixfleet/log/NEW',
      'https://git.sr.ht/~example/nixfleet/commit/NEW',
    ]);
    assert.deepEqual(links(github({ type: 'sourcehut', owner: '~example', host: 'hg.sr.ht' })), [
      undefined,
      'https://hg.sr.ht/~example/nixfleet/rev/NEW',
    ]);
  });

  it('Codeberg, whether the input is git or an archive', () => {
    const codeberg = [
      'https://codeberg.org/example/nixfleet/compare/OLD...NEW',
      'https://codeberg.org/example/nixfleet/commit/NEW',
    ];
    assert.deepEqual(linksOf('https://codeberg.org/example/nixfleet'), codeberg);
    assert.deepEqual(linksOf('ssh://git@codeberg.org/example/nixfleet.git'), codeberg);
    assert.deepEqual(linksOf('https://codeberg.org/example/nixfleet/archive/main.tar.gz', 'tarball'), codeberg);
  });

  it('the forge that a git address names', () => {
    const page = (url: string): string | undefined => linksOf(url)[0];
    const expected = 'https://github.com/o/r/compare/OLD...NEW';
    for (const url of [
      'ssh://git@github.com/o/r',
      'git+ssh://git@github.com/o/r',
      'git+https://github.com/o/r.git',
      'https://github.com/o/r/',
      'https://user:secret@github.com/o/r?ref=x#y',
      'ssh://git@GitHub.com:22/o/r.git',
      'git@github.com:o/r.git',
      'git://github.com/o/r',
    ]) {
      assert.equal(page(url), expected, url);
    }
    assert.equal(page('https://gitlab.com/g/s/r.git'), 'https://gitlab.com/g/s/r/-/compare/OLD...NEW');
    assert.equal(page('https://gitea.com/o/r'), 'https://gitea.com/o/r/compare/OLD...NEW');
    assert.equal(page('https://git.sr.ht/~o/r'), 'https://git.sr.ht/~o/r/log/NEW');
  });

  it('nowhere if the forge is not known', () => {
    for (const url of [
      'https://forge.example.org/o/r',
      'https://codeberg.org.example.org/o/r',
      'https://example.org/codeberg.org/o/r',
      'file:///srv/git/r.git',
      '/srv/git/github.com/o/r',
      'https://github.com/o',
      'https://github.com/o/r/tree/main',
      'javascript:alert(1)//github.com/o/r',
      'https://github.com@example.org/o/r',
      'https://example.org#@github.com/o/r',
      'https://example.org?@github.com/o/r',
      'https://example.org\\@github.com/o/r',
      '',
    ]) {
      assert.deepEqual(linksOf(url), none, url);
    }
    assert.deepEqual(linksOf('https://example.org/o/r/archive/main.tar.gz', 'tarball'), none);
    assert.deepEqual(linksOf('https://codeberg.org/o/r', 'tarball'), none);
    assert.deepEqual(links({ type: 'path', path: '/github.com/o/r' }), none);
    assert.deepEqual(links({ type: 'indirect', id: 'nixpkgs' }), none);
    assert.deepEqual(links({ type: 'github' }), none);
  });

  it('nowhere without two revisions that differ', () => {
    const page = (before?: string, after?: string): string | undefined =>
      compareLink(github(before ? { rev: before } : {}), github(after ? { rev: after } : {}));
    assert.ok(page(from, to));
    assert.equal(page(from, from), undefined);
    assert.equal(page(rev('a'), rev('A')), undefined);
    assert.equal(page(undefined, to), undefined);
    assert.equal(page(from), undefined);
    for (const wrong of ['main', '../..', `${to}?x`, to.slice(1), `${to}\n`]) {
      assert.equal(page(from, wrong), undefined);
      assert.equal(page(wrong, to), undefined);
      assert.equal(revisionLink(github({ rev: wrong })), undefined);
    }
  });

  it('nowhere if the source moved, but not because of upper case', () => {
    const page = (repo: Partial<FlakeRef>): string | undefined =>
      compareLink(github({ rev: from }), github({ ...repo, rev: to }));
    assert.equal(page({ owner: 'other' }), undefined);
    assert.equal(page({ type: 'gitlab' }), undefined);
    assert.equal(page({ owner: 'Example' }), `https://github.com/Example/nixfleet/compare/${from}...${to}`);
  });
});

describe('links cannot be led astray', () => {
  const hosts = [
    'evil.example/',
    'a@b',
    'a?b',
    'a#b',
    'a b',
    'a\\b',
    '.',
    '..',
    'a..b',
    '-a',
    'a:99999999',
    'a:x',
    '[::1]',
    '',
    'ä.example',
    'a'.repeat(300),
  ];
  for (const host of hosts) {
    it(`by the host ${JSON.stringify(host.slice(0, 20))}`, () => {
      assert.deepEqual(links(github({ host })), none);
      assert.deepEqual(links(github({ type: 'gitlab', host })), none);
    });
  }

  it('by names that go up or hold more than one', () => {
    for (const name of ['', '.', '..', 'a/b', 'a\\b', 'a\nb', 'a\u202eb', '\ud800', ' ', 'x'.repeat(300)]) {
      assert.deepEqual(links(github({ owner: name })), none, JSON.stringify(name));
      assert.deepEqual(links(github({ repo: name })), none, JSON.stringify(name));
    }
    for (const owner of ['%2e%2e', 'a%2F..', '..%2Fa', '%2F', '%', '%ff']) {
      assert.deepEqual(links(github({ type: 'gitlab', owner })), none, owner);
    }
    for (const path of ['%2e%2e/r', 'o/%2e%2e', 'o%2Fr/x', 'o//r', '%zz/r']) {
      assert.deepEqual(linksOf(`https://github.com/${path}`), none, path);
    }
  });

  it('by names with characters that mean something in a URL', () => {
    const [page] = links(github({ owner: 'a?b#c', repo: '%2e%2e"<>' }));
    assert.equal(page, 'https://github.com/a%3Fb%23c/%252e%252e%22%3C%3E/compare/OLD...NEW');
  });

  it('by anything: https, the host that was named, two names and a page', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 10 }),
      fc.constantFrom('..', 'a/b', '%2e%2e', 'o', 'x.git'),
    );
    const host = fc.oneof(text, fc.constantFrom('github.com', 'codeberg.org', 'git.example.org'));
    const urls = fc
      .tuple(
        fc.constantFrom('https://', 'ssh://git@', 'git@', 'http://', ''),
        host,
        fc.constantFrom('/', ':'),
        text,
        text,
      )
      .map(([scheme, at, colon, owner, repo]) => `${scheme}${at}${colon}${owner}/${repo}`);
    const arbitraryRef = fc.record({
      type: fc.constantFrom('github', 'gitlab', 'sourcehut', 'git', 'tarball', 'hg'),
      owner: text,
      repo: text,
      host,
      url: urls,
    });
    fc.assert(
      fc.property(arbitraryRef, ref => {
        const page = compareLink({ ...ref, rev: from }, { ...ref, rev: to });
        const commit = revisionLink({ ...ref, rev: to });
        for (const link of [page, commit]) {
          if (link === undefined) continue;
          const url = new URL(link);
          assert.equal(url.href, link.replace(/:443\//, '/'));
          assert.equal(url.protocol, 'https:');
          assert.deepEqual([url.username, url.password, url.search, url.hash], ['', '', '', '']);
          assert.ok(link.endsWith(to));
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('by an address that would take long to read', () => {
    for (const piece of ['/', '@', ':', 'a/', '.git', 'git@']) {
      assert.deepEqual(linksOf(`https://github.com/${piece.repeat(500_000)}x`), none);
      assert.deepEqual(links(github({ host: piece.repeat(500_000), owner: piece.repeat(500_000) })), none);
    }
  });
});
