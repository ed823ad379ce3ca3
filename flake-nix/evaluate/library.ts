/**
 * The functions of nixpkgs' library and of Nix that make sets and lists of names out of others, as far as what they give
 * can be told from what they are given. After lib/attrsets.nix and lib/lists.nix of nixpkgs.
 */
import type { LibraryFunction } from './call.ts';
import type { Evaluator } from './evaluate.ts';
import {
  asSet,
  bool,
  joined,
  listOf,
  merge,
  NOTHING,
  select,
  setOf,
  textOf,
  Thunk,
  update,
  type Entry,
  type ListValue,
  type SetValue,
  type Value,
} from './value.ts';

const EMPTY = setOf(new Map());

/** The items of a list; of what is none, nothing, and perhaps more. */
function items(thunk: Thunk): ListValue {
  const value = thunk.get();
  return value.kind === 'list' ? value : listOf([], true);
}

function set(thunk: Thunk): SetValue {
  return asSet(thunk.get());
}

/** A set whose names are those of the entries; nameless ones make it open. */
function fromPairs(pairs: Iterable<Entry & { readonly key: string | undefined }>, open: boolean): SetValue {
  const entries = new Map<string, Entry>();
  let rest = open;
  for (const { key, name, value } of pairs) {
    if (key === undefined) rest = true;
    else if (!entries.has(key)) entries.set(key, { name, value });
  }
  return setOf(entries, rest ? NOTHING : undefined);
}

function call2(evaluator: Evaluator, callee: Thunk, first: Thunk, second: Thunk): Value {
  return evaluator.call(evaluator.call(callee.get(), first), second);
}

/** Name and value of an attribute, as functions take them. */
function pair(key: string, { name, value }: Entry): [Thunk, Thunk] {
  return [Thunk.of({ kind: 'string', text: key, spot: name }), value];
}

/** From `{ name = "web"; value = …; }`. */
function entryOf(value: Value, fallback: Entry['name'] | undefined): (Entry & { key: string | undefined })[] {
  const name = select(value, 'name');
  const spot = name.kind === 'string' ? name.spot : fallback;
  if (!spot) return [];
  return [{ key: textOf(name), name: spot, value: new Thunk(() => select(value, 'value')) }];
}

function listToAttrs(list: ListValue): SetValue {
  const pairs = list.items.flatMap(item => entryOf(item.get(), undefined));
  return fromPairs(pairs, list.open || pairs.length < list.items.length);
}

function mapList(evaluator: Evaluator, f: Thunk, list: ListValue): ListValue {
  evaluator.spend(list.items.length);
  return listOf(
    list.items.map(item => new Thunk(() => evaluator.call(f.get(), item))),
    list.open,
  );
}

function mapSet(evaluator: Evaluator, f: Thunk, from: SetValue): SetValue {
  evaluator.spend(from.entries.size);
  const entries = new Map<string, Entry>();
  for (const [key, entry] of from.entries) {
    const [name, value] = pair(key, entry);
    entries.set(key, { name: entry.name, value: new Thunk(() => call2(evaluator, f, name, value)) });
  }
  return setOf(entries, from.rest && NOTHING);
}

function genAttrs(evaluator: Evaluator, names: Thunk, f: Thunk): SetValue {
  const list = items(names);
  evaluator.spend(list.items.length);
  const pairs = list.items.flatMap(item => {
    const name = item.get();
    if (name.kind !== 'string') return [];
    return [{ key: name.text, name: name.spot, value: new Thunk(() => evaluator.call(f.get(), item)) }];
  });
  return fromPairs(pairs, list.open || pairs.length < list.items.length);
}

function mapToPairs(evaluator: Evaluator, f: Thunk, from: SetValue): SetValue {
  evaluator.spend(from.entries.size);
  const pairs = [...from.entries].flatMap(([key, entry]) =>
    entryOf(call2(evaluator, f, ...pair(key, entry)), entry.name),
  );
  return fromPairs(pairs, from.rest !== undefined || pairs.length < from.entries.size);
}

/** Keeps what the predicate holds for; what it may hold for is not told. */
function filterSet(evaluator: Evaluator, predicate: Thunk, from: SetValue): SetValue {
  evaluator.spend(from.entries.size);
  const kept = new Map<string, Entry>();
  let open = from.rest !== undefined;
  for (const [key, entry] of from.entries) {
    const holds = call2(evaluator, predicate, ...pair(key, entry));
    if (holds.kind !== 'bool') open = true;
    else if (holds.is) kept.set(key, entry);
  }
  return setOf(kept, open ? NOTHING : undefined);
}

function filterList(evaluator: Evaluator, predicate: Thunk, list: ListValue): ListValue {
  evaluator.spend(list.items.length);
  let open = list.open;
  const kept = list.items.filter(item => {
    const holds = evaluator.call(predicate.get(), item);
    if (holds.kind !== 'bool') open = true;
    return holds.kind === 'bool' && holds.is;
  });
  return listOf(kept, open);
}

function concatLists(lists: ListValue): ListValue {
  return joined(lists.items.map(items), lists.open);
}

function fold(evaluator: Evaluator, f: Thunk, start: Thunk, list: ListValue): Value {
  const result = list.items.reduce((sofar, item) => Thunk.of(call2(evaluator, f, sofar, item)), start).get();
  return list.open ? merge(result, NOTHING) : result;
}

function mergeAll(list: ListValue, how: (a: Value, b: Value) => Value): Value {
  const merged = list.items.reduce<Value>((sofar, item) => how(sofar, item.get()), EMPTY);
  return list.open ? merge(merged, NOTHING) : merged;
}

function without(from: SetValue, names: ListValue): SetValue {
  const gone = new Set(names.items.map(item => textOf(item.get())));
  const entries = new Map([...from.entries].filter(([key]) => !gone.has(key)));
  if (!names.open && !gone.has(undefined)) return setOf(entries, from.rest);
  return setOf(new Map(), NOTHING);
}

function namesOf({ entries, rest }: SetValue): ListValue {
  return listOf(
    [...entries].map(([key, entry]) => pair(key, entry)[0]),
    rest !== undefined,
  );
}

/** `cond` then `value`, else `otherwise`; unknown when the condition is. */
function when(condition: Thunk, value: Thunk, otherwise: Value): Value {
  const is = condition.get();
  if (is.kind !== 'bool') return NOTHING;
  return is.is ? value.get() : otherwise;
}

function asFunction(call: (argument: Thunk) => Value): Thunk {
  return Thunk.of({ kind: 'function', call });
}

function affix(test: (text: string, part: string) => boolean): LibraryFunction {
  return {
    arity: 2,
    run: (_, part, whole) => {
      const [a, b] = [textOf(part.get()), textOf(whole.get())];
      return a === undefined || b === undefined ? undefined : bool(test(b, a));
    },
  };
}

const one = (run: (evaluator: Evaluator, a: Thunk) => Value | undefined): LibraryFunction => ({
  arity: 1,
  run,
});
const two = (run: (evaluator: Evaluator, a: Thunk, b: Thunk) => Value | undefined): LibraryFunction => ({
  arity: 2,
  run,
});
const three = (run: (evaluator: Evaluator, a: Thunk, b: Thunk, c: Thunk) => Value | undefined): LibraryFunction => ({
  arity: 3,
  run,
});
const identity = one((_, value) => value.get());
const second = two((_, _ignored, value) => value.get());

export const LIBRARY: Readonly<Record<string, LibraryFunction>> = {
  attrNames: one((_, from) => namesOf(set(from))),
  attrValues: one((_, from) =>
    listOf(
      [...set(from).entries.values()].map(({ value }) => value),
      set(from).rest !== undefined,
    ),
  ),
  attrsToList: one((_, from) => {
    const { entries, rest } = set(from);
    return listOf(
      [...entries].map(([key, entry]) => {
        const [name, value] = pair(key, entry);
        const parts = new Map(
          Object.entries({ name, value }).map(([part, thunk]) => [part, { name: entry.name, value: thunk }]),
        );
        return Thunk.of(setOf(parts));
      }),
      rest !== undefined,
    );
  }),
  concatLists: one((_, lists) => concatLists(items(lists))),
  concatMap: two((evaluator, f, list) => concatLists(mapList(evaluator, f, items(list)))),
  concatMapAttrs: two((evaluator, f, from) =>
    mergeAll(
      listOf(
        [...mapSet(evaluator, f, set(from)).entries.values()].map(({ value }) => value),
        set(from).rest !== undefined,
      ),
      update,
    ),
  ),
  const: second,
  elem: two((_, wanted, list) => {
    const { items: all, open } = items(list);
    const text = textOf(wanted.get());
    const texts = all.map(item => textOf(item.get()));
    if (text !== undefined && texts.includes(text)) return bool(true);
    return text === undefined || open || texts.includes(undefined) ? undefined : bool(false);
  }),
  filter: two((evaluator, predicate, list) => filterList(evaluator, predicate, items(list))),
  filterAttrs: two((evaluator, predicate, from) => filterSet(evaluator, predicate, set(from))),
  flip: three((evaluator, f, a, b) => call2(evaluator, f, b, a)),
  foldl: three((evaluator, f, start, list) => fold(evaluator, f, start, items(list))),
  "foldl'": three((evaluator, f, start, list) => fold(evaluator, f, start, items(list))),
  foldr: three((evaluator, f, start, list) => {
    const { items: all, open } = items(list);
    const swapped = asFunction(sofar => ({ kind: 'function', call: item => call2(evaluator, f, item, sofar) }));
    return fold(evaluator, swapped, start, listOf([...all].reverse(), open));
  }),
  forEach: two((evaluator, list, f) => mapList(evaluator, f, items(list))),
  genAttrs: two((evaluator, names, f) => genAttrs(evaluator, names, f)),
  "genAttrs'": two((evaluator, list, f) => listToAttrs(mapList(evaluator, f, items(list)))),
  getAttr: two((_, name, from) => {
    const text = textOf(name.get());
    return text === undefined ? undefined : select(from.get(), text);
  }),
  hasAttr: two((_, name, from) => {
    const [text, value] = [textOf(name.get()), from.get()];
    if (text === undefined || value.kind !== 'set') return undefined;
    return value.entries.has(text) ? bool(true) : value.rest ? undefined : bool(false);
  }),
  hasPrefix: affix((text, part) => text.startsWith(part)),
  hasSuffix: affix((text, part) => text.endsWith(part)),
  id: identity,
  import: one((evaluator, path) => {
    const value = path.get();
    return value.kind === 'path' && !/^(?:[~/]|\.\.)/.test(value.path) ? evaluator.file(value.path) : undefined;
  }),
  listToAttrs: one((_, list) => listToAttrs(items(list))),
  map: two((evaluator, f, list) => mapList(evaluator, f, items(list))),
  mapAttrs: two((evaluator, f, from) => mapSet(evaluator, f, set(from))),
  "mapAttrs'": two((evaluator, f, from) => mapToPairs(evaluator, f, set(from))),
  mapAttrsToList: two((evaluator, f, from) => {
    const { entries, rest } = mapSet(evaluator, f, set(from));
    return listOf(
      [...entries.values()].map(({ value }) => value),
      rest !== undefined,
    );
  }),
  mergeAttrs: two((_, a, b) => update(a.get(), b.get())),
  mergeAttrsList: one((_, list) => mergeAll(items(list), update)),
  mkDefault: identity,
  mkForce: identity,
  mkIf: two((_, condition, value) => when(condition, value, EMPTY)),
  mkMerge: one((_, list) => mergeAll(items(list), merge)),
  nameValuePair: two((_, name, value) => {
    const text = name.get();
    if (text.kind !== 'string') return undefined;
    return setOf(
      new Map([
        ['name', { name: text.spot, value: name }],
        ['value', { name: text.spot, value }],
      ]),
    );
  }),
  optional: two((_, condition, value) => when(condition, Thunk.of(listOf([value])), listOf([]))),
  optionalAttrs: two((_, condition, value) => when(condition, value, EMPTY)),
  optionals: two((_, condition, value) => when(condition, value, listOf([]))),
  pipe: two((evaluator, start, functions) => {
    const { items: all, open } = items(functions);
    return open ? undefined : all.reduce((value, f) => Thunk.of(evaluator.call(f.get(), value)), start).get();
  }),
  recursiveUpdate: two((_, a, b) => merge(a.get(), b.get())),
  removeAttrs: two((_, from, names) => without(set(from), items(names))),
  toString: identity,
  trace: second,
};
