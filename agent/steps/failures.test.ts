import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { buildFailure, gitFailure, lockFailure, staleLock } from './failures.ts';

const kinds = (rows: readonly [string, string][], classify: (text: string) => { kind: string } | undefined): void => {
  for (const [text, kind] of rows) assert.equal(classify(text)?.kind, kind, text);
};

describe('what git means', () => {
  const git = (text: string) => gitFailure(text, 'the remote origin');

  it('tells a remote that cannot be reached from one that does not let us in', () => {
    kinds(
      [
        [
          "fatal: unable to access 'https://github.com/ana/nixcfg.git/': Could not resolve host: github.com",
          'remote-unreachable',
        ],
        [
          "fatal: unable to access 'https://x/': Failed to connect to x port 443 after 3 ms: Couldn't connect to server",
          'remote-unreachable',
        ],
        [
          'fatal: unable to connect to 10.77.0.1:\n10.77.0.1[0: 10.77.0.1]: errno=Connection refused',
          'remote-unreachable',
        ],
        ['fatal: unable to look up git.example.org (port 9418) (Name or service not known)', 'remote-unreachable'],
        [
          'ssh: connect to host git.example.org port 22: No route to host\nfatal: Could not read from remote repository.',
          'remote-unreachable',
        ],
        [
          "fatal: '/srv/nixcfg.git' does not appear to be a git repository\nfatal: Could not read from remote repository.",
          'remote-unreachable',
        ],
        [
          "fatal: unable to access 'https://x/': server certificate verification failed. CAfile: none CRLfile: none",
          'remote-unreachable',
        ],
        ['git@github.com: Permission denied (publickey).\nfatal: Could not read from remote repository.', 'auth'],
        ["fatal: could not read Username for 'https://github.com': terminal prompts disabled", 'auth'],
        [
          "remote: Invalid username or token. Password authentication is not supported for Git operations.\nfatal: Authentication failed for 'https://github.com/ana/nixcfg.git/'",
          'auth',
        ],
        ['ERROR: Repository not found.\nfatal: Could not read from remote repository.', 'auth'],
        ['fatal: remote error: access denied or repository not exported: /nixcfg.git', 'auth'],
        ['Host key verification failed.\nfatal: Could not read from remote repository.', 'host-key'],
        [
          'No ED25519 host key is known for git.example.org and you have requested strict checking.\nHost key verification failed.',
          'host-key',
        ],
        ["fatal: unable to access 'https://x/': The requested URL returned error: 429", 'rate-limit'],
      ],
      git,
    );
  });

  it('tells what is in the way on this host', () => {
    kinds(
      [
        [
          'error: Your local changes to the following files would be overwritten by merge:\n\tflake.nix\nAborting',
          'local-changes',
        ],
        [
          'error: The following untracked working tree files would be overwritten by merge:\n\tnew.nix\nAborting',
          'local-changes',
        ],
        [
          "hint: Diverging branches can't be fast-forwarded, you need to either:\nfatal: Not possible to fast-forward, aborting.",
          'diverged',
        ],
        ["fatal: Unable to create '/home/ana/nixcfg/.git/index.lock': File exists.", 'checkout-busy'],
        ["fatal: couldn't find remote ref refs/heads/gone", 'upstream-gone'],
        ["fatal: detected dubious ownership in repository at '/home/ana/nixcfg'", 'owner'],
        ["error: cannot open '.git/FETCH_HEAD': Permission denied", 'owner'],
        ['error: insufficient permission for adding an object to repository database .git/objects', 'owner'],
        ['fatal: write error: No space left on device', 'disk-full'],
      ],
      git,
    );
  });

  it('says nothing of what it does not know', () => {
    assert.equal(git('fatal: something new'), undefined);
  });

  it('names the line that tells the cause', () => {
    assert.equal(
      git('From git://10.77.0.1/nixcfg\nfatal: unable to connect to 10.77.0.1:\nx')?.message,
      'the remote origin could not be reached: unable to connect to 10.77.0.1',
    );
  });
});

describe('what nix means when it updates a lock', () => {
  const nix = (text: string) => lockFailure(text, 'the input nixfleet');

  it('finds the remote that could not be reached although nix exits 0', () => {
    kinds(
      [
        [
          "fatal: unable to connect to 10.77.0.1:\n10.77.0.1[0: 10.77.0.1]: errno=Connection refused\n\nwarning: could not update local clone of Git repository 'git://10.77.0.1/nixfleet.git'; continuing with the most recent version",
          'remote-unreachable',
        ],
        [
          "warning: error: unable to download 'https://api.github.com/repos/a/b/commits/HEAD': Couldn't resolve host name (6); using cached version",
          'remote-unreachable',
        ],
        [
          "error: unable to download 'https://api.github.com/repos/a/b/commits/HEAD': Could not resolve hostname (6) Could not resolve host: api.github.com",
          'remote-unreachable',
        ],
      ],
      nix,
    );
  });

  it('knows the limits of forges, and keys that are missing', () => {
    kinds(
      [
        [
          "error:\n       … while fetching the input 'github:NixOS/nixpkgs/nixpkgs-unstable'\n\n       error: unable to download 'https://api.github.com/repos/NixOS/nixpkgs/commits/nixpkgs-unstable': HTTP error 403\n\n       response body:\n\n       {\"message\":\"API rate limit exceeded for 192.0.2.1. (But here's the good news: Authenticated requests get a higher rate limit.\"}",
          'rate-limit',
        ],
        [
          "warning: error: unable to download 'https://api.github.com/repos/a/b/commits/v1': HTTP error 429\n       response body:",
          'rate-limit',
        ],
        ["error: unable to download 'https://api.github.com/repos/a/private/commits/HEAD': HTTP error 404", 'auth'],
        [
          'git@github.com: Permission denied (publickey).\nerror: Failed to fetch git repository ssh://git@github.com/a/private',
          'auth',
        ],
      ],
      nix,
    );
  });

  it('knows inputs and revisions that are not there', () => {
    kinds(
      [
        ["warning: 'nixfleet' does not match any input of this flake", 'no-such-input'],
        ["warning: the flag '--override-input nixfleet git://x' does not match any input", 'no-such-input'],
        [
          "error: Cannot find Git revision 'e2373f9421f2c70583aea75c54219fbdcd67959c' in ref 'refs/heads/master' of repository 'https://x/y.git'! Please make sure that the rev exists on the ref you've specified or add allRefs = true; to fetchGit.",
          'target-not-reached',
        ],
        [
          'fatal: remote error: upload-pack: not our ref e2373f9421f2c70583aea75c54219fbdcd67959c',
          'target-not-reached',
        ],
        [
          "fatal: unable to connect to 10.77.0.1:\n10.77.0.1[0: 10.77.0.1]: errno=No route to host\n\nwarning: could not update local clone of Git repository 'git://10.77.0.1/nixfleet.git'; continuing with the most recent version\nerror: Cannot find Git revision 'e2373f9421f2c70583aea75c54219fbdcd67959c' in ref 'main' of repository 'git://10.77.0.1/nixfleet.git'!",
          'remote-unreachable',
        ],
      ],
      nix,
    );
  });

  it('sees that the remote was not asked although nix exits 0, if only from what git says', () => {
    const nixSaysNothing =
      "fatal: unable to connect to 10.77.0.1:\n10.77.0.1[0: 10.77.0.1]: errno=Connection refused\n\nwarning: updating lock file '\"/home/ana/nixcfg/flake.lock\"':\n• Updated input 'nixfleet':";
    assert.equal(staleLock(nixSaysNothing, 'the input')?.kind, 'remote-unreachable');
    assert.equal(staleLock('ana@git: Permission denied (publickey).', 'the input')?.kind, 'auth');
    const substituter =
      "warning: error: unable to download 'https://cache.example.org/nix-cache-info': Could not resolve host; retrying";
    assert.equal(staleLock(substituter, 'the input'), undefined);
  });

  it('takes no old copy for the newest, whatever kept git from it: nix 2.26 exits with 0 and says nothing of its own', () => {
    const locked = `error: cannot lock ref 'refs/heads/main': Unable to create '/home/ana/.cache/nix/gitv3/006w/./refs/heads/main.lock': File exists.

Another git process seems to be running in this repository, e.g.
an editor opened by 'git commit'.`;
    const reason = staleLock(locked, 'the source of the input nixfleet');
    assert.equal(reason?.kind, 'copy-locked');
    assert.match(
      reason.message,
      /^the source of the input nixfleet could not be fetched anew.*main\.lock': File exists$/,
    );
    assert.equal(staleLock('error: object file x is empty\nfatal: loose object is corrupt', 'x')?.kind, 'copy-stale');
    const warned = 'warning: could not update local clone; continuing with the most recent version';
    assert.equal(staleLock(warned, 'x')?.kind, 'copy-stale');
  });

  it('finds nothing wrong with an update that went well', () => {
    const fine =
      "warning: Git tree '/home/ana/nixcfg' is dirty\nwarning: updating lock file '/home/ana/nixcfg/flake.lock':\n• Updated input 'nixfleet':\n    'git+git://10.77.0.1/nixfleet.git?ref=refs/heads/main&rev=aaa' (2026-01-01)\n  → 'git+git://10.77.0.1/nixfleet.git?ref=refs/heads/main&rev=bbb' (2026-01-02)";
    assert.equal(nix(fine), undefined);
    assert.equal(staleLock(fine, 'the input'), undefined);
  });
});

describe('what nix means when it does not build', () => {
  const nix = (text: string) => buildFailure(text, 'the configuration web');

  it('tells builds that failed from configurations that do not evaluate', () => {
    kinds(
      [
        [
          "error: builder for '/nix/store/x-work.drv' failed with exit code 1;\n       last 10 log lines:\n       > no",
          'build',
        ],
        ["error: Cannot build '/nix/store/x-work.drv'.\n       Reason: builder failed with exit code 1.", 'build'],
        ["error: 1 dependencies of derivation '/nix/store/x-nixos-system.drv' failed to build", 'build'],
        [
          "error: hash mismatch in fixed-output derivation '/nix/store/x-source.drv':\n  specified: sha256-A\n     got:    sha256-B",
          'build',
        ],
        [
          "error: flake 'git+file:///home/ana/nixcfg' does not provide attribute 'nixosConfigurations.\"web\".config'",
          'no-such-configuration',
        ],
        [
          "error:\n       … while evaluating the attribute 'toplevel'\n\n       error: attribute 'foo' missing",
          'evaluation',
        ],
        ["error: undefined variable 'pkgz'\n       at /nix/store/x-source/flake.nix:3:1", 'evaluation'],
        ['', 'evaluation'],
        ['error: writing to file: No space left on device', 'disk-full'],
        ["error: unable to download 'https://x/y.tar.gz': Could not resolve hostname (6)", 'remote-unreachable'],
        [
          "error: cannot connect to socket at '/nix/var/nix/daemon-socket/socket': Connection refused",
          'missing-program',
        ],
      ],
      nix,
    );
  });

  it('names the innermost error of an evaluation', () => {
    const text =
      "error:\n       … while evaluating\n         at flake.nix:1:1\n\n       error: attribute 'foo' missing\n       at flake.nix:3:3";
    assert.equal(nix(text).message, "the configuration web does not evaluate: attribute 'foo' missing");
  });
});
