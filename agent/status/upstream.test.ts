import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { FlakeRef } from '../../flake-lock/index.ts';
import type { Query } from '../steps/query.ts';
import { newestRevision } from './upstream.ts';

const REV = 'b'.repeat(40);
const original: FlakeRef = { type: 'github', owner: 'o', repo: 'nixfleet', ref: 'main' };

/** nix that gives one answer, and what it was asked. */
function nix(answer: { exitCode?: number; stdout?: string; stderr?: string }): { query: Query; asked: string[] } {
  const asked: string[] = [];
  const query: Query = argv => {
    asked.push(...argv);
    const { exitCode = 0, stdout = '', stderr = '' } = answer;
    return Promise.resolve({ exitCode, stdout, bytes: Buffer.from(stdout), stderr });
  };
  return { query, asked };
}

describe('the newest revision of an input', () => {
  it('is what nix finds at its source, past its caches', async () => {
    const { query, asked } = nix({ stdout: JSON.stringify({ revision: REV, locked: { rev: REV } }) });
    assert.deepEqual(await newestRevision(query, original), { ok: true, rev: REV });
    assert.equal(asked.at(-1), 'github:o/nixfleet/main');
    assert.ok(asked.includes('--refresh'));
  });

  it('is not what nix still has when the source does not answer', async () => {
    const { query } = nix({
      stdout: JSON.stringify({ revision: REV }),
      stderr: 'fatal: unable to connect to git.example.org:\nwarning: could not update local clone',
    });
    const result = await newestRevision(query, original);
    assert.ok(!result.ok);
    assert.match(result.problem ?? '', /did not answer: fatal: unable to connect/);
  });

  it('is a problem when nix fails or talks nonsense', async () => {
    const failed = await newestRevision(
      nix({ exitCode: 1, stderr: 'warning: x\nerror: HTTP error 403' }).query,
      original,
    );
    assert.ok(!failed.ok);
    assert.match(failed.problem ?? '', /error: HTTP error 403$/);
    const nonsense = await newestRevision(nix({ stdout: 'ok' }).query, original);
    assert.ok(!nonsense.ok && nonsense.problem !== undefined);
  });

  it('does not exist for sources without revisions', async () => {
    const { query, asked } = nix({});
    for (const type of ['path', 'tarball', 'file'])
      assert.deepEqual(await newestRevision(query, { type, path: '/x', url: 'https://x' }), { ok: false });
    assert.deepEqual(asked, []);
    assert.deepEqual(await newestRevision(nix({ stdout: '{}' }).query, original), { ok: false });
  });
});
