/**
 * Reading and comparing flake.lock. In comes the text of a lock file, written by others and not to be trusted; out go
 * what it says, what changed between two of them, links to forges, and the URLs that Nix takes.
 *
 * Agent, relay and extension come in here. A bundle that must stay small imports the files themselves: all but
 * parse.ts and what it reads with are free of libraries, and types.ts and compare.ts are enough to show a diff.
 */

export type {
  FlakeLock,
  FlakeRef,
  InputEdge,
  InputPath,
  LockError,
  LockErrorKind,
  LockNode,
  LockResult,
} from './types.ts';
export { parseFlakeLock } from './parse.ts';
export { findInput } from './find-input.ts';
export { compareLocks, emptyLock } from './compare.ts';
export type { InputAspect, InputChange, InputState, LockDiff } from './compare.ts';
export { compareLink, revisionLink } from './links.ts';
export { flakeUrl, isRev, pinnedUrl } from './flake-ref.ts';
export type { PinnedUrl } from './flake-ref.ts';
export { formatDate, formatLockDiff, formatLockError } from './format.ts';
export { lockPlaces } from './places.ts';
export type { LockRange, NodePlace } from './places.ts';
export { plainText } from './plain-text.ts';
