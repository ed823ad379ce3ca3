/** Where the parts of a flake.lock stand in its text, also while somebody edits it. */

import { tokens } from './json-position.ts';

/** In UTF-16 units from 0. */
export interface LockRange {
  readonly from: number;
  readonly to: number;
}

/** Where a node stands, and what is looked at in it. */
export interface NodePlace {
  readonly key: LockRange;
  /** From its key to its closing brace, or as far as it goes. */
  readonly whole: LockRange;
  /** The value of `locked.rev`, with its quotes. */
  readonly rev?: LockRange;
  /** Keys of its `inputs`. */
  readonly inputs: ReadonlyMap<string, LockRange>;
}

interface Draft {
  key: LockRange;
  whole: LockRange;
  rev?: LockRange;
  readonly inputs: Map<string, LockRange>;
}

/** The places of all nodes, by their key. Of a key that is there twice the last one counts. */
export function lockPlaces(text: string): ReadonlyMap<string, NodePlace> {
  const nodes = new Map<string, Draft>();
  /** Keys from the top down; the last one is being read. Lists have empty ones. */
  const path: string[] = [];
  let keyNext = false;
  let key: LockRange = { from: 0, to: 0 };
  for (const { offset, end, first, value } of tokens(text)) {
    const range = { from: offset, to: end };
    switch (first) {
      case '{':
      case '[':
        path.push('');
        keyNext = first === '{';
        break;
      case '}':
      case ']': {
        path.pop();
        const node = path.length === 2 && path[0] === 'nodes' ? nodes.get(path[1] ?? '') : undefined;
        if (node) node.whole = { from: node.whole.from, to: end };
        keyNext = false;
        break;
      }
      case ',':
        // a list has no keys, but strings of a list are never looked at as such
        keyNext = true;
        break;
      case ':':
        keyNext = false;
        break;
      default:
        if (keyNext && first === '"' && path.length > 0) {
          path[path.length - 1] = value();
          key = range;
          take(nodes, path, key, undefined);
        } else take(nodes, path, key, range);
    }
  }
  return nodes;
}

function take(nodes: Map<string, Draft>, path: readonly string[], key: LockRange, value: LockRange | undefined): void {
  const [top, name = '', part, last] = path;
  if (top !== 'nodes') return;
  if (path.length === 2 && !value) nodes.set(name, { key, whole: key, inputs: new Map() });
  const node = nodes.get(name);
  if (path.length !== 4 || last === undefined || !node) return;
  if (part === 'inputs' && !value) node.inputs.set(last, key);
  if (part === 'locked' && last === 'rev' && value) node.rev = value;
}
