/** Reads the nodes that can be reached from the root, as Nix does; what nothing leads to is not looked at. */

import { quoted, Refusal } from './refusal.ts';
import { assertFlakeRef, assertObject } from './read-ref.ts';
import type { InputPath, LockNode } from './types.ts';

/** A node whose inputs are still what the file says: a node's key, or a path from the root to follow. */
export interface RawNode extends Omit<LockNode, 'inputs'> {
  readonly inputs: ReadonlyMap<string, string | InputPath>;
  /** The shortest way to this node, for messages. */
  readonly at: InputPath;
}

/** Real ones are below ten; without a limit a chain of nodes would make paths of quadratic size. */
const deepestInput = 100;

/** @throws Refusal */
export function readNodes(nodes: Record<string, unknown>, root: string): ReadonlyMap<string, RawNode> {
  const read = new Map<string, RawNode>([[root, readNode(nodes[root], root, [], true)]]);
  // A Map may grow while it is walked: this visits each node once, nearest first.
  for (const [key, node] of read) {
    for (const [name, target] of node.inputs) {
      if (typeof target !== 'string') continue;
      const place = ['nodes', key, 'inputs', name];
      const at = [...node.at, name];
      if (target === root) {
        throw new Refusal('shape', `input ${quoted(at.join('/'))} is the root node itself.`, place);
      }
      if (read.has(target)) continue;
      if (!Object.hasOwn(nodes, target)) {
        const message = `input ${quoted(at.join('/'))} is the node ${quoted(target)}, which the lock does not have.`;
        throw new Refusal('dangling', message, place);
      }
      if (at.length > deepestInput) {
        throw new Refusal('shape', `inputs of inputs go more than ${deepestInput} levels deep.`, place);
      }
      read.set(target, readNode(nodes[target], target, at, false));
    }
  }
  return read;
}

function readNode(json: unknown, key: string, at: InputPath, isRoot: boolean): RawNode {
  const place = ['nodes', key];
  assertObject(json, place);
  const inputs = readInputs(json.inputs, [...place, 'inputs']);
  if (isRoot) return { inputs, at, flake: true };
  for (const name of ['locked', 'original']) {
    if (!Object.hasOwn(json, name)) throw new Refusal('shape', `node ${quoted(key)} has no ${quoted(name)}.`, place);
  }
  const { original, parent, flake = true } = json;
  assertFlakeRef(original, [...place, 'original']);
  const locked = readLocked(json, place);
  if (typeof flake !== 'boolean') {
    throw new Refusal('shape', `'flake' of node ${quoted(key)} is neither true nor false.`, [...place, 'flake']);
  }
  if (parent === undefined) return { inputs, at, locked, original, flake };
  if (!isInputPath(parent)) {
    throw new Refusal('shape', `'parent' of node ${quoted(key)} is not a list of input names.`, [...place, 'parent']);
  }
  return { inputs, at, locked, original, flake, parent };
}

/** Version 5 keeps narHash and lastModified in `info`, beside `locked`. */
function readLocked(json: Record<string, unknown>, place: readonly string[]): NonNullable<LockNode['locked']> {
  const { locked, info } = json;
  assertFlakeRef(locked, [...place, 'locked']);
  if (info === undefined) return locked;
  assertObject(info, [...place, 'info']);
  const merged: unknown = { ...locked, ...info };
  assertFlakeRef(merged, [...place, 'info']);
  return merged;
}

function readInputs(json: unknown, place: readonly string[]): ReadonlyMap<string, string | InputPath> {
  if (json === undefined) return new Map();
  assertObject(json, place);
  const inputs = new Map<string, string | InputPath>();
  for (const [name, target] of Object.entries(json)) {
    if (typeof target !== 'string' && !isInputPath(target)) {
      const message = `input ${quoted(name)} is neither the key of a node nor a list of input names to follow.`;
      throw new Refusal('shape', message, [...place, name]);
    }
    inputs.set(name, target);
  }
  return inputs;
}

function isInputPath(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(name => typeof name === 'string');
}
