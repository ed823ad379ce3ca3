/** What the tests of this folder read: the fixtures, small locks made on the spot, and arbitrary ones. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseFlakeLock } from './parse.ts';
import type { FlakeLock, FlakeRef, LockError } from './types.ts';

const folder = join(import.meta.dirname, 'fixtures');

export const fixtureNames = readdirSync(folder).filter(name => name.endsWith('.json'));

export function fixtureText(name: string): string {
  return readFileSync(join(folder, name), 'utf8');
}

export function fixture(name: string): FlakeLock {
  return lockOf(fixtureText(name));
}

/** The lock that a text or a JSON value is; fails the test if it is none. */
export function lockOf(source: unknown): FlakeLock {
  const result = parseFlakeLock(typeof source === 'string' ? source : JSON.stringify(source));
  assert.ok(result.ok, result.ok ? '' : result.error.message);
  return result.lock;
}

export function errorOf(source: unknown): LockError {
  const result = parseFlakeLock(typeof source === 'string' ? source : JSON.stringify(source, null, 2));
  assert.ok(!result.ok, 'expected an error');
  return result.error;
}

export interface NodeJson {
  inputs?: Record<string, string | string[]>;
  locked?: object;
  original?: object;
  flake?: boolean;
}

/** A version 7 lock whose root has these inputs. */
export function lockJson(inputs: Record<string, string | string[]>, nodes: Record<string, NodeJson>): object {
  return { nodes: { ...nodes, root: { inputs } }, root: 'root', version: 7 };
}

export const rev = (digit: string): string => digit.repeat(40);

/** A node of `github:example/NAME`, locked to a revision of one repeated digit. */
export function nodeJson(name: string, digit: string, more: NodeJson & { ref?: string } = {}): NodeJson {
  const { ref, ...rest } = more;
  const original = { type: 'github', owner: 'example', repo: name };
  return {
    locked: { ...original, rev: rev(digit), lastModified: 1_700_000_000, narHash: `sha256-${digit}` },
    original: { ...original, ...(ref !== undefined && { ref }) },
    ...rest,
  };
}

export function github(more: Partial<FlakeRef> = {}): FlakeRef {
  return { type: 'github', owner: 'example', repo: 'nixfleet', ...more };
}

const inputName = fc.constantFrom('nixfleet', 'nixpkgs', 'utils', '__proto__', 'a/b', 'constructor');
const nodeKey = fc.constantFrom('n0', 'n1', 'n2', 'n3');
const digit = fc.constantFrom('1', '2', '3');

const arbitraryNode = fc.record({
  name: fc.constantFrom('one', 'two'),
  digit,
  narHash: fc.constantFrom('sha256-a', 'sha256-b'),
  ref: fc.constantFrom(undefined, 'main'),
  flake: fc.boolean(),
  edges: fc.array(fc.tuple(inputName, fc.oneof(nodeKey, fc.constantFrom('root-input', 'root'))), { maxLength: 4 }),
});

/** Locks that Nix would take: shared nodes, circles of nodes, inputs that follow inputs of the root or the root. */
export const arbitraryLock: fc.Arbitrary<FlakeLock> = fc
  .record({
    nodes: fc.tuple(arbitraryNode, arbitraryNode, arbitraryNode, arbitraryNode),
    root: fc.array(fc.tuple(inputName, nodeKey), { maxLength: 4 }),
    version: fc.constantFrom(6, 7),
  })
  .map(({ nodes, root, version }) => {
    const followed = root[0]?.[0];
    const json = nodes.map(({ name, digit: d, narHash, ref, flake, edges }, i) => {
      const inputs = edges.map(([input, target]) => {
        const path = target === 'root-input' && followed !== undefined ? [followed] : [];
        return [input, target.startsWith('root') ? path : target] as const;
      });
      const node = nodeJson(name, d, { flake, inputs: Object.fromEntries(inputs), ...(ref && { ref }) });
      return [`n${i}`, { ...node, locked: { ...node.locked, narHash } }] as const;
    });
    const rootNode = { inputs: Object.fromEntries(root) };
    return lockOf({ nodes: { ...Object.fromEntries(json), root: rootNode }, root: 'root', version });
  });
