/** Finds the node that each input is, through `follows` of `follows`. */

import type { RawNode } from './read-nodes.ts';
import { quoted, Refusal } from './refusal.ts';
import type { InputEdge, InputPath, LockNode } from './types.ts';

/** One `follows` that leads to another, and so on: real ones are below five, the stack holds thousands. */
const longestChain = 500;

/** @throws Refusal where a path leads nowhere or back to itself. */
export function followAll(raw: ReadonlyMap<string, RawNode>, root: string): ReadonlyMap<string, LockNode> {
  const edges = new Map<string, Map<string, InputEdge | 'underway'>>();
  for (const key of raw.keys()) edges.set(key, new Map());

  const edgeOf = (key: string, name: string, chain: number): InputEdge | undefined => {
    const node = raw.get(key);
    const target = node?.inputs.get(name);
    const known = edges.get(key);
    if (!node || target === undefined || !known) return undefined;
    if (typeof target === 'string') return { node: target };
    const place = ['nodes', key, 'inputs', name];
    const input = `input ${quoted([...node.at, name].join('/'))} follows ${quoted(target.join('/'))}`;
    const before = known.get(name);
    if (before === 'underway') throw new Refusal('dangling', `${input}, which leads back to it.`, place);
    if (before) return before;
    if (chain > longestChain) {
      throw new Refusal('dangling', `${input}, at the end of more than ${longestChain} others.`, place);
    }
    known.set(name, 'underway');
    const found = nodeAt(target, chain + 1);
    if (found === undefined) throw new Refusal('dangling', `${input}, which the lock does not have.`, place);
    const edge = { node: found, follows: target };
    known.set(name, edge);
    return edge;
  };

  const nodeAt = (path: InputPath, chain: number): string | undefined => {
    let key: string | undefined = root;
    for (const name of path) {
      key = edgeOf(key, name, chain)?.node;
      if (key === undefined) return undefined;
    }
    return key;
  };

  const nodes = new Map<string, LockNode>();
  for (const [key, { at: _, inputs, ...node }] of raw) {
    const resolved = new Map<string, InputEdge>();
    for (const name of inputs.keys()) {
      const edge = edgeOf(key, name, 0);
      if (edge) resolved.set(name, edge);
    }
    nodes.set(key, { ...node, inputs: resolved });
  }
  return nodes;
}
