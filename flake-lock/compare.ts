/** What changed from one lock to the next. */

import { flakeUrl } from './flake-ref.ts';
import { compareLink, revisionLink } from './links.ts';
import type { FlakeLock, FlakeRef, InputPath, LockNode } from './types.ts';

/**
 * What is different about an input: `rev` another revision (or one where there was none), `narHash` the same revision
 * with other content, `original` what flake.nix asks for, `follows` the input that it follows (or that it no longer
 * follows one), `locked` nothing of these, but other attributes of the locked reference.
 */
export type InputAspect = 'rev' | 'narHash' | 'original' | 'follows' | 'locked';

/** An input in one of the two locks. Texts are as the lock file has them: not safe for a terminal. */
export interface InputState {
  /** The input that it follows, from the root (empty: the root itself). The rest is then that of what it follows. */
  readonly follows?: InputPath;
  /** URL form of the reference in flake.nix. */
  readonly original?: string;
  /** URL form of the locked reference. */
  readonly locked?: string;
  readonly rev?: string;
  /** First seven characters of `rev`. */
  readonly shortRev?: string;
  /** When the revision was made, in seconds since the epoch. */
  readonly lastModified?: number;
  /** SRI hash. */
  readonly narHash?: string;
  /** The page of the revision, https. */
  readonly link?: string;
}

interface ChangedInput {
  /** Names of inputs from the root down. */
  readonly path: InputPath;
  /** The path as people write it: `nixfleet/nixpkgs`. */
  readonly input: string;
}

export type InputChange =
  | (ChangedInput & { readonly kind: 'added'; readonly after: InputState })
  | (ChangedInput & { readonly kind: 'removed'; readonly before: InputState })
  | (ChangedInput & {
      readonly kind: 'changed';
      readonly before: InputState;
      readonly after: InputState;
      readonly aspects: readonly InputAspect[];
      /** The page that shows what lies between the two revisions, https. */
      readonly compareLink?: string;
    });

/** Plain JSON. Inputs of the root first, then those of inputs, each in the order of their names. */
export interface LockDiff {
  readonly inputs: readonly InputChange[];
}

/** The lock of a flake without inputs, or without a lock file. */
export const emptyLock: FlakeLock = {
  version: 7,
  root: 'root',
  nodes: new Map([['root', { inputs: new Map(), flake: true }]]),
};

/**
 * What changed from `before` to `after`. An input that follows another one has changed when it follows another one
 * than before; that what it follows has changed is said once, there.
 */
export function compareLocks(before: FlakeLock, after: FlakeLock): LockDiff {
  const [old, current] = [placesIn(before), placesIn(after)];
  const changes: InputChange[] = [];
  for (const [key, place] of current) {
    const was = old.get(key);
    const change = was ? changeOf(was, place) : ({ kind: 'added', ...named(place), after: stateOf(place) } as const);
    if (change) changes.push(change);
  }
  for (const [key, place] of old) {
    if (!current.has(key)) changes.push({ kind: 'removed', ...named(place), before: stateOf(place) });
  }
  return { inputs: changes.sort((a, b) => comparePaths(a.path, b.path)) };
}

/** An input by the way to it. */
interface Place {
  readonly path: InputPath;
  readonly node: LockNode;
  readonly follows?: InputPath;
  /** Locks before version 7 let inputs share a node where later ones write `follows`: the nearest way to that node. */
  readonly sharedWith?: InputPath;
}

/** Each node is entered once, by its nearest way: nodes may be shared and, before version 7, lie in a circle. */
function placesIn(lock: FlakeLock): Map<string, Place> {
  const places = new Map<string, Place>();
  const entered = new Map<string, InputPath>([[lock.root, []]]);
  for (const [key, path] of entered) {
    const edges = [...(lock.nodes.get(key)?.inputs ?? [])].sort(([a], [b]) => compareNames(a, b));
    for (const [name, edge] of edges) {
      const node = lock.nodes.get(edge.node);
      if (!node) continue;
      const here = { path: [...path, name], node };
      const sharedWith = entered.get(edge.node);
      let place: Place = here;
      if (edge.follows) place = { ...here, follows: edge.follows };
      else if (sharedWith) place = { ...here, sharedWith };
      else entered.set(edge.node, here.path);
      places.set(JSON.stringify(here.path), place);
    }
  }
  return places;
}

function changeOf(before: Place, after: Place): InputChange | undefined {
  const aspects = aspectsOf(before, after);
  if (aspects.length === 0) return undefined;
  const states = { before: stateOf(before), after: stateOf(after) };
  const { locked: from } = before.node;
  const { locked: to } = after.node;
  const link = from && to && compareLink(from, to);
  return { kind: 'changed', ...named(after), ...states, aspects, ...(link && { compareLink: link }) };
}

function aspectsOf(before: Place, after: Place): InputAspect[] {
  const [from, to] = [before.follows ?? before.sharedWith, after.follows ?? after.sharedWith];
  if (from && to && comparePaths(from, to) === 0) return [];
  const revDiffers = before.node.locked?.rev !== after.node.locked?.rev;
  if (before.follows || after.follows) return revDiffers ? ['follows', 'rev'] : ['follows'];

  const aspects: InputAspect[] = [];
  if (revDiffers) aspects.push('rev');
  else if (before.node.locked?.narHash !== after.node.locked?.narHash) aspects.push('narHash');
  if (!sameRef(before.node.original, after.node.original) || before.node.flake !== after.node.flake) {
    aspects.push('original');
  }
  if (aspects.length === 0 && !sameRef(before.node.locked, after.node.locked)) aspects.push('locked');
  return aspects;
}

function sameRef(a: FlakeRef | undefined, b: FlakeRef | undefined): boolean {
  const attributes = (ref: FlakeRef | undefined): string =>
    JSON.stringify(Object.entries(ref ?? {}).sort(([x], [y]) => compareNames(x, y)));
  return attributes(a) === attributes(b);
}

function stateOf({ node, follows }: Place): InputState {
  const { locked, original } = node;
  const { rev, narHash, lastModified } = locked ?? {};
  const link = locked && revisionLink(locked);
  return {
    ...(follows && { follows }),
    ...(original && { original: flakeUrl(original) }),
    ...(locked && { locked: flakeUrl(locked) }),
    ...(rev !== undefined && { rev, shortRev: rev.slice(0, 7) }),
    ...(lastModified !== undefined && { lastModified }),
    ...(narHash !== undefined && { narHash }),
    ...(link && { link }),
  };
}

function named({ path }: Place): ChangedInput {
  return { path, input: path.join('/') };
}

function comparePaths(a: InputPath, b: InputPath): number {
  if (Math.min(a.length, b.length) <= 1 && a.length !== b.length) return a.length - b.length;
  for (const [i, name] of a.entries()) {
    const other = b[i];
    if (other === undefined) return 1;
    const order = compareNames(name, other);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function compareNames(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
