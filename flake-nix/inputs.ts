import { asSet, select, type Entry, type SetValue, type Value } from './evaluate/value.ts';
import type { FlakeInput, FlakeOverride, TextRange, Written } from './types.ts';

/** Attributes of an input that are not part of the reference to its source. */
const OTHER_ATTRIBUTES = new Set(['url', 'flake', 'follows', 'inputs']);

/**
 * The inputs of a flake: those that it declares, and those that its `outputs` only names (Nix then asks the registry).
 * @param formals the names that `outputs` asks for, with where they stand
 */
export function readInputs(flake: SetValue, formals: readonly (readonly [string, TextRange])[]): FlakeInput[] {
  const declared = asSet(select(flake, 'inputs')).entries;
  const inputs = [...declared].filter(([name]) => name !== 'self').map(([name, entry]) => readInput(name, entry));
  const implicit = formals
    .filter(([name]) => name !== 'self' && !declared.has(name))
    .map(([name, at]): FlakeInput => ({ name, at, attributes: new Map(), overrides: [], implicit: true }));
  return [...inputs, ...implicit];
}

function readInput(name: string, entry: Entry): FlakeInput {
  const value = entry.value.get();
  const [url, follows] = [written(value, 'url'), written(value, 'follows')];
  return {
    name,
    at: rangeOf(entry),
    ...(url && { url }),
    ...(follows && { follows }),
    attributes: attributesOf(value),
    overrides: overridesOf(value, []),
    implicit: false,
  };
}

function attributesOf(value: Value): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>();
  for (const [name, entry] of asSet(value).entries) {
    const attribute = entry.value.get();
    if (!OTHER_ATTRIBUTES.has(name) && attribute.kind === 'string') attributes.set(name, attribute.text);
  }
  return attributes;
}

/** `inputs.nixpkgs.follows = "nixpkgs"`, also of inputs of inputs. */
function overridesOf(value: Value, path: readonly string[]): FlakeOverride[] {
  if (path.length > 5) return [];
  return [...asSet(select(value, 'inputs')).entries].flatMap(([name, entry]) => {
    const here = [...path, name];
    const override = entry.value.get();
    const follows = written(override, 'follows');
    return [{ name: here.join('/'), at: rangeOf(entry), ...(follows && { follows }) }, ...overridesOf(override, here)];
  });
}

function written(value: Value, attribute: string): Written | undefined {
  const text = value.kind === 'set' ? value.entries.get(attribute)?.value.get() : undefined;
  return text?.kind === 'string' ? { text: text.text, at: { from: text.spot.from, to: text.spot.to } } : undefined;
}

function rangeOf({ name: { from, to } }: Entry): TextRange {
  return { from, to };
}
