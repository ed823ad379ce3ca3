/** From the text of a flake.lock to what it says, or to where and why it is none. */

import { followAll } from './follow.ts';
import { lineAndColumn, offsetOf, syntaxFault, type JsonPath } from './json-position.ts';
import { plainText } from './plain-text.ts';
import { readNodes } from './read-nodes.ts';
import { assertObject } from './read-ref.ts';
import { quoted, Refusal } from './refusal.ts';
import type { FlakeLock, LockErrorKind, LockResult } from './types.ts';

/**
 * Reads a flake.lock of version 5 to 7 as Nix does (src/libflake/lockfile.cc): a byte order mark is skipped, of a key
 * that is there twice the last one counts, unknown fields are let be, nodes that nothing leads to are not looked at.
 * Never throws.
 */
export function parseFlakeLock(text: string): LockResult {
  const mark = text.startsWith('\uFEFF') ? 1 : 0;
  const json = text.slice(mark);
  const failure = (kind: LockErrorKind, message: string, offsetInJson: number, path: JsonPath): LockResult => {
    const offset = offsetInJson + mark;
    return { ok: false, error: { kind, message, offset, ...lineAndColumn(text, offset), path } };
  };

  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    const { message, offset } = syntaxFault(json);
    return failure('syntax', message, offset, []);
  }
  try {
    return { ok: true, lock: readLock(value) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return failure(error.kind, error.message, offsetOf(json, error.path), error.path);
  }
}

function readLock(json: unknown): FlakeLock {
  assertObject(json, []);
  const version = readVersion(json);
  for (const name of ['nodes', 'root']) {
    if (!Object.hasOwn(json, name)) throw new Refusal('shape', `the lock has no ${quoted(name)}.`, []);
  }
  const { nodes, root } = json;
  assertObject(nodes, ['nodes']);
  if (typeof root !== 'string') throw new Refusal('shape', `'root' is not the key of a node.`, ['root']);
  if (!Object.hasOwn(nodes, root)) {
    throw new Refusal('dangling', `'root' is the node ${quoted(root)}, which the lock does not have.`, ['root']);
  }
  return { version, root, nodes: followAll(readNodes(nodes, root), root) };
}

function readVersion(json: Record<string, unknown>): FlakeLock['version'] {
  const { version } = json;
  switch (version) {
    case 5:
    case 6:
    case 7:
      return version;
    case undefined:
      throw new Refusal('version', `this is no flake.lock: it has no 'version'.`, []);
    default: {
      const newer = typeof version === 'number' && version > 7;
      const advice = newer
        ? 'A newer Nix wrote it: update NixFleet.'
        : '`nix flake update` of a current Nix writes a new one.';
      const shown = typeof version === 'object' ? 'none' : plainText(JSON.stringify(version), 20);
      throw new Refusal('version', `the lock's version is ${shown}; 5 to 7 can be read. ${advice}`, ['version']);
    }
  }
}
