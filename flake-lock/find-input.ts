import type { FlakeLock, InputPath, LockNode } from './types.ts';

/** The node that an input is, through whatever it follows; `[]` is the root. Undefined if there is no such input. */
export function findInput(lock: FlakeLock, path: InputPath): LockNode | undefined {
  let node = lock.nodes.get(lock.root);
  for (const name of path) {
    const edge = node?.inputs.get(name);
    node = edge && lock.nodes.get(edge.node);
  }
  return node;
}
