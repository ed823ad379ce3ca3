import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { pushRefusal } from './push-refusal.ts';

/** Real output of git 2.39, and of the forges as people quote it. */
const CASES: readonly (readonly [string, 'moved' | 'refused' | 'failed', RegExp, string])[] = [
  ['a lease that does not hold', 'moved', /stale info/, ' ! [rejected]        a1b2c3d -> main (stale info)'],
  ['commits that this side lacks', 'moved', /fetch first/, ' ! [rejected]        a1b2c3d -> main (fetch first)'],
  [
    'a push that was first by a moment',
    'moved',
    /failed to update ref/,
    "remote: error: cannot lock ref 'refs/heads/main': is at 179e79e but expected 1d0f6ba\n ! [remote rejected] d0b190a -> main (failed to update ref)",
  ],
  [
    'a protected branch of GitHub',
    'refused',
    /the remote refused it: GH006: Protected branch update failed for refs\/heads\/main\.; .*pull request.*; protected branch hook declined$/,
    'remote: error: GH006: Protected branch update failed for refs/heads/main.\nremote: error: Changes must be made through a pull request.\nTo github.com:a/b.git\n ! [remote rejected] d0b190a -> main (protected branch hook declined)',
  ],
  [
    'a protected branch of GitLab',
    'refused',
    /You are not allowed to push code to protected branches on this project\.; pre-receive hook declined$/,
    'remote: GitLab: You are not allowed to push code to protected branches on this project.\n ! [remote rejected] d0b190a -> main (pre-receive hook declined)',
  ],
  [
    'a remote that hung up',
    'failed',
    /git push failed: fatal: the remote end hung up unexpectedly/,
    'error: RPC failed; curl 92\nfatal: the remote end hung up unexpectedly\n',
  ],
  ['nothing at all', 'failed', /did not say why/, ''],
];

describe('a push that did not go through', () => {
  for (const [title, kind, why, output] of CASES)
    it(`met ${title}`, () => {
      const refusal = pushRefusal(output);
      assert.equal(refusal.kind, kind);
      assert.match(refusal.why, why);
    });
});
