/**
 * What git and nix mean by what they print, as a reason that a person can act on. A table: the first row whose pattern
 * is in the output decides. Both tools print English under LC_ALL=C.UTF-8. The messages of the tests are real ones.
 */
import type { FailureKind, RunReason } from '../runner/reason.ts';

interface Row {
  readonly kind: FailureKind;
  readonly pattern: RegExp;
  /** Completes "«subject» …". */
  readonly says: string;
  readonly advice: string;
}

const REACH: readonly Row[] = [
  {
    kind: 'rate-limit',
    pattern:
      /HTTP error 429|API rate limit exceeded|abuse detection mechanism|returned error: 429|secondary rate limit/i,
    says: 'refuses to answer because of its rate limit',
    advice:
      'Wait for an hour, or give nix on this host access tokens of the forge (nix.accessTokensFile), which have a limit of their own.',
  },
  {
    kind: 'host-key',
    pattern:
      /Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED|No \S+ host key is known for|host key for .* has changed/i,
    says: 'is not the SSH server that this host knows',
    advice: 'Put the server’s right host key into the known hosts of the checkout’s owner, or into git.knownHosts.',
  },
  {
    kind: 'auth',
    pattern:
      /Permission denied \(|Authentication failed for|could not read (?:Username|Password)|HTTP error 401|returned error: 40[13]|Invalid username or (?:password|token)|HTTP Basic: Access denied|Repository not found|repository '[^']*' not found|access denied or repository not exported|HTTP error 403|HTTP error 404|could not be found or you don't have permission|Load key .*(?:error|Permission denied)/i,
    says: 'does not let this host in, or knows nothing by that name',
    advice:
      'Give the checkout’s owner on this host a key or token for it (git.sshKeyFile, nix.accessTokensFile), and check the address.',
  },
  {
    kind: 'remote-unreachable',
    pattern:
      /(?:SSL certificate problem|certificate verification failed|SSL peer certificate|Problem with the SSL CA cert)/i,
    says: 'has a certificate that this host does not trust',
    advice: 'Mend the server’s certificate, or make this host trust its issuer.',
  },
  {
    kind: 'remote-unreachable',
    pattern:
      /Could(?: not|n't) resolve host|unable to look up|Name or service not known|Temporary failure in name resolution|unable to connect to|Failed to connect to|Could(?: not|n't) connect to server|connect to host .* port|Connection (?:refused|timed out|reset)|Network is unreachable|No route to host|Operation timed out|Timeout was reached|the remote end hung up|early EOF|RPC failed|read error|does not appear to be a git repository|could not update local clone of Git repository|could not get HEAD ref for repository|using expired cached ref|using cached version|you don't have Internet access|HTTP error 5\d\d|returned error: 5\d\d/i,
    says: 'could not be reached',
    advice: 'Check the network of this host and the address of the remote, then run the update again.',
  },
];

const HOST: readonly Row[] = [
  {
    kind: 'disk-full',
    pattern: /No space left on device|Disk quota exceeded|database or disk is full/i,
    says: 'does not fit: the disk of this host is full',
    advice: 'Make room on the host (nix-collect-garbage -d frees old generations), then run the update again.',
  },
  {
    kind: 'owner',
    pattern:
      /dubious ownership|is not owned by current user|insufficient permission for adding an object|cannot open '?\S*\.git\/\S*: Permission denied/i,
    says: 'is refused because files in the checkout belong to somebody else',
    advice: 'Give the whole checkout to one user (chown -R), and name that one as owner in the agent’s options.',
  },
  {
    kind: 'checkout-busy',
    pattern: /\.lock': File exists|another git process seems to be running|cannot lock ref/i,
    says: 'is blocked: something else is working in the checkout',
    advice: 'Wait until it has finished; if git was killed there, remove the .lock file that it names.',
  },
];

const GIT: readonly Row[] = [
  ...HOST,
  {
    kind: 'upstream-gone',
    pattern: /couldn't find remote ref/i,
    says: 'no longer has the branch that this checkout follows',
    advice: 'Switch the checkout on this host to a branch that is still there.',
  },
  {
    kind: 'local-changes',
    pattern:
      /would be overwritten by (?:merge|checkout)|not uptodate\. Cannot merge|You have not concluded your merge|unmerged files/i,
    says: 'would overwrite changes in this host’s checkout',
    advice: 'Commit, move or discard these changes on the host, then run the update again.',
  },
  {
    kind: 'diverged',
    pattern: /Not possible to fast-forward|Diverging branches can't be fast-forwarded/i,
    says: 'has gone another way than this checkout',
    advice: 'Rebase or merge the checkout on the host by hand.',
  },
  ...REACH,
];

const NIX_DAEMON: Row = {
  kind: 'missing-program',
  pattern: /cannot connect to (?:socket at|daemon)|daemon-socket.*(?:refused|No such file)/i,
  says: 'cannot be done: the nix daemon of this host does not answer',
  advice: `Start it (sudo ${process.platform === 'darwin' ? 'launchctl kickstart -k system/org.nixos.nix-daemon' : 'systemctl start nix-daemon.socket'}), then run the update again.`,
};

const LOCK: readonly Row[] = [
  ...HOST,
  NIX_DAEMON,
  {
    kind: 'no-such-input',
    pattern: /does not match any input|cannot find flake input/i,
    says: 'is not an input of this flake',
    advice: 'Add it to the inputs of flake.nix, or set inputName in the agent’s options to the name that it has there.',
  },
  {
    kind: 'target-not-reached',
    pattern:
      /Cannot find Git revision|not our ref|reference is not a tree|upload-pack: not our ref|object not found - no match/i,
    says: 'does not have the revision that was asked for',
    advice: 'Push that revision to where the input points, or update to the newest one.',
  },
  ...REACH,
  {
    kind: 'evaluation',
    pattern: /error: syntax error|error:[^]*(?:while evaluating|undefined variable|flake\.nix)/,
    says: 'cannot be locked: flake.nix does not evaluate',
    advice: 'Mend the flake where nix points to, push, and run the update again.',
  },
];

const BUILD: readonly Row[] = [
  ...HOST,
  NIX_DAEMON,
  {
    kind: 'no-such-configuration',
    pattern: /does not provide attribute/i,
    says: 'is not in this flake',
    advice:
      'Add the host to the flake’s configurations, or set attribute in the agent’s options to the name that it has there.',
  },
  {
    kind: 'build',
    pattern:
      /error: builder for '|Cannot build '|error: build of '|dependenc(?:y|ies) of derivation '|hash mismatch in fixed-output derivation|cannot build derivation|a '[^']*' with features .* is required to build|required to build '/i,
    says: 'does not build',
    advice: 'Look at the builder’s last lines, mend the configuration, push, and run the update again.',
  },
];

const BUILD_INPUTS: readonly Row[] = REACH.map(row => ({ ...row, says: `needs a source that ${row.says}` }));

const EVALUATION: Row = {
  kind: 'evaluation',
  pattern: /./s,
  says: 'does not evaluate',
  advice: 'Mend the configuration where nix points to, push, and run the update again.',
};

/** What git's output means; undefined when it says nothing that is known. */
export function gitFailure(output: string, subject: string): RunReason | undefined {
  return find(GIT, output, subject);
}

/** What the output of an update of the lock means; also to be asked when nix said that all went well. */
export function lockFailure(output: string, subject: string): RunReason | undefined {
  // that an old copy lacks a revision says nothing of a remote that was not asked
  const notAsked = STALE.test(output) ? find(REACH, output, subject) : undefined;
  return notAsked ?? find(LOCK, output, subject);
}

/** nix goes on with an old copy after these and exits with 0: its own warnings, and git's words when a fetch failed. */
const STALE =
  /could not update local clone of Git repository|could not get HEAD ref for repository|using (?:expired )?cached|continuing with the most recent version|^(?:fatal: |error: |ssh: connect to|Host key verification failed|\S+: Permission denied \()/im;

/** Why nix could not bring its own copy of a repository up to date, where the remote is not to blame. */
const COPY: readonly Row[] = [
  {
    kind: 'copy-locked',
    pattern: /Unable to create '[^']*\.lock': File exists|cannot lock ref/i,
    says: 'could not be fetched anew, since another git is at work in nix’s copy of it, or died there',
    advice: 'If no git is at work on this host, remove the lock that git names, and run the update again.',
  },
  {
    kind: 'copy-stale',
    pattern: STALE,
    says: 'could not be fetched anew, and nix would go on with the copy it has',
    advice:
      'See what git says of it. Where the copy is damaged, remove ~/.cache/nix of the checkout’s owner, and nix fetches it again.',
  },
];

/** Why an update of the lock that exited with 0 did not ask the remote; undefined when it did. */
export function staleLock(output: string, subject: string): RunReason | undefined {
  if (!STALE.test(output)) return undefined;
  const reason = lockFailure(output, subject);
  return reason && REACH.some(row => row.kind === reason.kind) ? reason : find(COPY, output, subject);
}

/** What the output of a failed build means. Whatever is not a failed build, and names no cause outside, is evaluation. */
export function buildFailure(output: string, subject: string): RunReason {
  return (
    find(BUILD, output, subject) ??
    find(BUILD_INPUTS, output, subject) ??
    find([EVALUATION], output, subject) ?? {
      kind: 'evaluation',
      message: `${subject} failed, and nix did not say why`,
      advice: EVALUATION.advice,
    }
  );
}

function find(rows: readonly Row[], output: string, subject: string): RunReason | undefined {
  const row = rows.find(({ pattern }) => pattern.test(output));
  if (!row) return undefined;
  const line = tellingLine(output, row.pattern);
  return { kind: row.kind, message: `${subject} ${row.says}${line ? `: ${line}` : ''}`, advice: row.advice };
}

/** The line that a person should read: the last error where nothing more telling is known. */
function tellingLine(output: string, pattern: RegExp): string | undefined {
  const lines = output.split('\n').map(line => line.trim());
  const errors = lines.filter(line => /^error: ./.test(line));
  const telling = pattern.source === '.' ? errors.at(-1) : (lines.find(line => pattern.test(line)) ?? errors.at(-1));
  return telling
    ?.replace(/^(?:(?:error|fatal|warning|remote|ERROR):\s*)+/, '')
    .slice(0, 500)
    .replace(/[.:;]$/, '');
}
