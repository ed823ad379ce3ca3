/** What a flake.lock says, once read. Only types: any bundle may import this file. */

/**
 * A flake reference as attributes, the way flake.lock stores it. Which attributes are there depends on `type`
 * (Nix manual, "nix flake", "Types"). Attributes that this house does not know are on the object too: all are
 * strings, numbers or booleans.
 */
export interface FlakeRef {
  /** `github`, `gitlab`, `sourcehut`, `git`, `hg`, `tarball`, `file`, `path`, `indirect`, or one of a newer Nix. */
  readonly type: string;
  readonly id?: string;
  readonly owner?: string;
  readonly repo?: string;
  readonly host?: string;
  readonly url?: string;
  readonly path?: string;
  readonly ref?: string;
  readonly rev?: string;
  readonly dir?: string;
  /** SRI hash of the source tree. */
  readonly narHash?: string;
  /** Seconds since the epoch. */
  readonly lastModified?: number;
  readonly revCount?: number;
  readonly allRefs?: boolean;
  readonly exportIgnore?: boolean;
  readonly lfs?: boolean;
  readonly shallow?: boolean;
  readonly submodules?: boolean;
  readonly verifyCommit?: boolean;
  readonly keytype?: string;
  readonly publicKey?: string;
  readonly publicKeys?: string;
}

/** Names of inputs from the root flake down: `['nixfleet', 'nixpkgs']` is written `nixfleet/nixpkgs`. Empty is the root. */
export type InputPath = readonly string[];

/** Where an input of a node leads. */
export interface InputEdge {
  /** Key in {@link FlakeLock.nodes} of the node that the input is, after following. */
  readonly node: string;
  /** There when the lock says that this input follows another one, from the root. */
  readonly follows?: InputPath;
}

export interface LockNode {
  readonly inputs: ReadonlyMap<string, InputEdge>;
  /** What Nix fetches. Absent on the root only. */
  readonly locked?: FlakeRef;
  /** What flake.nix asks for. Absent on the root only. */
  readonly original?: FlakeRef;
  /** False for an input that is a plain source tree (`flake = false`). */
  readonly flake: boolean;
  /** The input whose flake.nix a relative path is relative to. */
  readonly parent?: InputPath;
}

export interface FlakeLock {
  readonly version: 5 | 6 | 7;
  /** Key of the root in {@link nodes}. */
  readonly root: string;
  /** The nodes that can be reached from the root; every edge leads to one of them. */
  readonly nodes: ReadonlyMap<string, LockNode>;
}

/**
 * Why a text is not a lock:
 * `syntax` not JSON (or merge conflict markers in it), `shape` JSON but not that of a lock,
 * `version` one that is not read here, `dangling` an input that leads nowhere or in a circle.
 */
export type LockErrorKind = 'syntax' | 'shape' | 'version' | 'dangling';

export interface LockError {
  readonly kind: LockErrorKind;
  /** One sentence or two for a person: what is wrong, and what to do where that is known. No control characters. */
  readonly message: string;
  /** Where it is in the text, in UTF-16 units from 0. */
  readonly offset: number;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units; a byte order mark does not count. */
  readonly column: number;
  /** Keys and indices from the top of the JSON; empty for a syntax error. */
  readonly path: readonly (string | number)[];
}

export type LockResult =
  { readonly ok: true; readonly lock: FlakeLock } | { readonly ok: false; readonly error: LockError };
