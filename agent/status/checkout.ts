import { revSchema, type HostStatus, type LockedRef } from '../../protocol/index.ts';
import { findInput, flakeUrl, formatLockError, parseFlakeLock, type FlakeRef } from '../../flake-lock/index.ts';
import type { Query } from '../steps/query.ts';

/** What a checkout of nixcfg looks like, asked with its owner's rights. */
export interface CheckoutStatus {
  readonly nixcfg: NonNullable<HostStatus['nixcfg']>;
  /** What the lock holds for the agent's input. */
  readonly input?: LockedRef;
  /** What flake.nix asks for as that input: where its newest revision is found. */
  readonly original?: FlakeRef;
  readonly problems: readonly string[];
}

/**
 * Looks at a checkout and changes nothing in it: git takes no lock and writes no index.
 * @param path the folder that holds flake.nix
 */
export async function lookAtCheckout(query: Query, path: string, inputName: string): Promise<CheckoutStatus> {
  const git = (...args: string[]) => query(['git', '--no-optional-locks', ...args]);
  const [head, branch, changes, lock] = await Promise.all([
    git('rev-parse', '--verify', '--quiet', 'HEAD'),
    git('symbolic-ref', '--short', '--quiet', 'HEAD'),
    git('status', '--porcelain', '--untracked-files=no'),
    query(['cat', '--', 'flake.lock']),
  ]);
  const problems: string[] = [];
  if (changes.exitCode !== 0) problems.push(`git cannot read ${path}: ${firstLine(changes.stderr)}`);
  const rev = revSchema.safeParse(head.stdout.trim()).data;
  const name = branch.stdout.trim();
  const nixcfg = {
    path,
    ...(rev && { head: rev }),
    ...(branch.exitCode === 0 && name !== '' && { branch: name }),
    ...(changes.exitCode === 0 && { dirty: changes.stdout !== '' }),
  };
  if (lock.exitCode !== 0) {
    problems.push(`${path}/flake.lock cannot be read: ${firstLine(lock.stderr)}`);
    return { nixcfg, problems };
  }
  const found = findInLock(lock.stdout, inputName);
  if (typeof found === 'string') return { nixcfg, problems: [...problems, found] };
  return { nixcfg, ...found, problems };
}

function findInLock(text: string, inputName: string): { input: LockedRef; original?: FlakeRef } | string {
  const parsed = parseFlakeLock(text);
  if (!parsed.ok) return `flake.lock cannot be read: ${formatLockError(parsed.error)}`;
  const node = findInput(parsed.lock, [inputName]);
  if (!node?.locked) return `flake.lock has no input ${inputName}: add it to flake.nix, or mend inputName of the agent`;
  return { input: lockedRef(node.locked), ...(node.original && { original: node.original }) };
}

function lockedRef(locked: FlakeRef): LockedRef {
  const rev = revSchema.safeParse(locked.rev).data;
  return {
    url: flakeUrl(locked),
    ...(rev && { rev }),
    ...(locked.lastModified !== undefined && { lastModified: locked.lastModified }),
    ...(locked.narHash !== undefined && { narHash: locked.narHash }),
  };
}

/** The line of a program's complaint that says most. */
export function firstLine(stderr: string): string {
  const lines = stderr.split('\n').map(line => line.trim());
  return lines.find(line => /^(?:error|fatal): \S/.test(line)) ?? lines.find(line => line !== '') ?? 'no reason given';
}
