/** Checks that a piece of JSON is a flake reference as Nix writes it. */

import type { JsonPath } from './json-position.ts';
import { quoted, Refusal } from './refusal.ts';
import type { FlakeRef } from './types.ts';

type AttributeType = 'string' | 'integer' | 'boolean';

const attributeTypes: ReadonlyMap<string, AttributeType> = new Map<keyof FlakeRef, AttributeType>([
  ['type', 'string'],
  ['id', 'string'],
  ['owner', 'string'],
  ['repo', 'string'],
  ['host', 'string'],
  ['url', 'string'],
  ['path', 'string'],
  ['ref', 'string'],
  ['rev', 'string'],
  ['dir', 'string'],
  ['narHash', 'string'],
  ['lastModified', 'integer'],
  ['revCount', 'integer'],
  ['allRefs', 'boolean'],
  ['exportIgnore', 'boolean'],
  ['lfs', 'boolean'],
  ['shallow', 'boolean'],
  ['submodules', 'boolean'],
  ['verifyCommit', 'boolean'],
  ['keytype', 'string'],
  ['publicKey', 'string'],
  ['publicKeys', 'string'],
]);

const required: ReadonlyMap<unknown, readonly string[]> = new Map([
  ['github', ['owner', 'repo']],
  ['gitlab', ['owner', 'repo']],
  ['sourcehut', ['owner', 'repo']],
  ['git', ['url']],
  ['hg', ['url']],
  ['tarball', ['url']],
  ['file', ['url']],
  ['path', ['path']],
  ['indirect', ['id']],
]);

/** @throws Refusal */
export function assertFlakeRef(value: unknown, path: JsonPath): asserts value is FlakeRef {
  assertObject(value, path);
  for (const [name, attribute] of Object.entries(value)) {
    const wanted = attributeTypes.get(name);
    if (wanted ? !isOf(wanted, attribute) : !['string', 'number', 'boolean'].includes(typeof attribute)) {
      const article = wanted === 'integer' ? 'an' : 'a';
      const wants = wanted ? `${article} ${wanted}` : 'a string, a number or a boolean';
      throw new Refusal('shape', `${quoted(name)} of an input is not ${wants}.`, [...path, name]);
    }
  }
  for (const name of ['type', ...(required.get(value.type) ?? [])]) {
    if (!Object.hasOwn(value, name)) {
      throw new Refusal('shape', `an input has no ${quoted(name)} in its ${quoted(String(path.at(-1)))}.`, path);
    }
  }
}

/** @throws Refusal */
export function assertObject(value: unknown, path: JsonPath): asserts value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const what = path.length === 0 ? 'the lock' : quoted(String(path.at(-1)));
    throw new Refusal('shape', `${what} is not a JSON object.`, path);
  }
}

function isOf(type: AttributeType, value: unknown): boolean {
  return type === 'integer' ? Number.isSafeInteger(value) && Number(value) >= 0 : typeof value === type;
}
