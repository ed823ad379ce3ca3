/**
 * What an expression comes to as far as the text tells. Not Nix's values: what is known is certain, everything else is
 * `unknown`, and keeps the name by which it was reached, so that functions of nixpkgs' library are recognised.
 */
import type { Spot } from '../syntax/source.ts';

export type Value = StringValue | BoolValue | PathValue | ListValue | SetValue | FunctionValue | UnknownValue;

export interface StringValue {
  readonly kind: 'string';
  readonly text: string;
  /** Where it is written; of a composed one, where the part that varies is. */
  readonly spot: Spot;
}

export interface BoolValue {
  readonly kind: 'bool';
  readonly is: boolean;
}

export interface PathValue {
  readonly kind: 'path';
  /** From the folder of flake.nix, such as `hosts/web.nix`; as written for `~/…` and `/…`. */
  readonly path: string;
  readonly spot: Spot;
}

export interface ListValue {
  readonly kind: 'list';
  readonly items: readonly Thunk[];
  /** Whether there may be more than these. */
  readonly open: boolean;
}

export interface SetValue {
  readonly kind: 'set';
  readonly entries: ReadonlyMap<string, Entry>;
  /** Where other attributes come from, if there may be any. */
  readonly rest: UnknownValue | undefined;
  /** What it does as a function, where a library gives something that is both. */
  readonly call?: (argument: Thunk) => Value;
}

export interface Entry {
  /** Where its name is written. */
  readonly name: Spot;
  readonly value: Thunk;
}

export interface FunctionValue {
  readonly kind: 'function';
  readonly call: (argument: Thunk) => Value;
}

export interface UnknownValue {
  readonly kind: 'unknown';
  /** How it was reached: `['nixpkgs', 'lib', 'nixosSystem']`. Empty when there is no name for it. */
  readonly name: readonly string[];
  /** What it was applied to. */
  readonly given: readonly Thunk[];
}

export const NOTHING: UnknownValue = { kind: 'unknown', name: [], given: [] };

/** Of a longer name nothing would be recognised. */
const LONGEST_NAME = 8;
/** Longer lists and texts are of no fleet: they would only take time. */
const MOST_ITEMS = 10_000;
export const LONGEST_TEXT = 10_000;

export function unknown(...name: readonly string[]): UnknownValue {
  return { kind: 'unknown', name: name.slice(-LONGEST_NAME), given: [] };
}

/** A value that is found out when somebody asks. Asked while it is being found out, it is unknown. */
export class Thunk {
  #find: (() => Value) | undefined;
  #value: Value | undefined;

  constructor(find: () => Value) {
    this.#find = find;
  }

  static of(value: Value): Thunk {
    const thunk = new Thunk(() => value);
    thunk.#value = value;
    return thunk;
  }

  get(): Value {
    if (this.#value) return this.#value;
    const find = this.#find;
    if (!find) return NOTHING;
    this.#find = undefined;
    this.#value = find();
    return this.#value;
  }
}

export function setOf(entries: ReadonlyMap<string, Entry>, rest?: UnknownValue): SetValue {
  return { kind: 'set', entries, rest };
}

export function listOf(items: readonly Thunk[], open = false): ListValue {
  return { kind: 'list', items, open };
}

/** The lists one after the other. */
export function joined(lists: readonly ListValue[], open = false): ListValue {
  const length = lists.reduce((sum, { items }) => sum + items.length, 0);
  if (length > MOST_ITEMS) return listOf([], true);
  return listOf(
    lists.flatMap(({ items }) => items),
    open || lists.some(list => list.open),
  );
}

export function bool(is: boolean): BoolValue {
  return { kind: 'bool', is };
}

/** `value.name` */
export function select(value: Value, name: string): Value {
  if (value.kind === 'set') {
    const entry = value.entries.get(name);
    if (entry) return entry.value.get();
    return value.rest ? unknown(...value.rest.name, name) : NOTHING;
  }
  return value.kind === 'unknown' ? unknown(...value.name, name) : NOTHING;
}

/** `left // right`. What is not known may have any attributes. */
export function update(left: Value, right: Value): SetValue {
  const [a, b] = [asSet(left), asSet(right)];
  const rest = b.rest ?? a.rest;
  return { ...setOf(new Map([...a.entries, ...b.entries]), rest) };
}

/** `left // right` all the way down, as nixpkgs' recursiveUpdate. */
export function merge(left: Value, right: Value, depth = 4): Value {
  if (left.kind !== 'set' || right.kind !== 'set' || depth === 0) {
    return right.kind === 'unknown' && left.kind === 'set' ? setOf(left.entries, right) : right;
  }
  const entries = new Map(left.entries);
  for (const [name, entry] of right.entries) {
    const old = entries.get(name);
    const value = old ? new Thunk(() => merge(old.value.get(), entry.value.get(), depth - 1)) : entry.value;
    entries.set(name, { name: old?.name ?? entry.name, value });
  }
  return setOf(entries, right.rest ?? left.rest);
}

/** A value as the set that it is, or may be. */
export function asSet(value: Value): SetValue {
  if (value.kind === 'set') return value;
  return setOf(new Map(), value.kind === 'unknown' ? value : NOTHING);
}

export function textOf(value: Value): string | undefined {
  return value.kind === 'string' ? value.text : undefined;
}
