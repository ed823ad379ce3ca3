/**
 * Libraries that make a flake's outputs out of something else, where the names of hosts stand in that. Functions are named
 * as people call them; which library it is shows in what they are given.
 */
import type { LibraryFunction } from './call.ts';
import type { Evaluator } from './evaluate.ts';
import {
  asSet,
  listOf,
  merge,
  NOTHING,
  select,
  setOf,
  Thunk,
  unknown,
  type Entry,
  type SetValue,
  type Value,
} from './value.ts';

/** flake-utils, eachDefaultSystem and eachSystem: each output becomes a set of one entry a system. */
function eachSystem(evaluator: Evaluator, f: Thunk): SetValue {
  const { entries, rest } = asSet(evaluator.call(f.get(), Thunk.of(NOTHING)));
  const nested = new Map<string, Entry>();
  for (const [key, { name }] of entries) nested.set(key, { name, value: Thunk.of(NOTHING) });
  return setOf(nested, rest);
}

/** The ones that pass through: outputs stay as they are. */
function passThrough(evaluator: Evaluator, f: Thunk): Value {
  return evaluator.call(f.get(), Thunk.of(NOTHING));
}

/**
 * `mkFlake`: flake-parts takes its inputs and then a module, flakelight a folder and then a module, flake-utils-plus one
 * set with `hosts`. Others, such as snowfall, read folders: nothing of that is in the text.
 */
function mkFlake(evaluator: Evaluator, argument: Thunk): Value {
  const given = argument.get();
  const outputs = given.kind === 'set' ? hostsOfPlus(given) : new Map<string, Entry>();
  return {
    ...setOf(outputs, unknown('mkFlake')),
    call: module => {
      if (given.kind === 'path') return flakelight(evaluator, module);
      return flakeParts(evaluator, module);
    },
  };
}

/** flake-utils-plus: `hosts.web.output` says of which kind web is. */
function hostsOfPlus(given: SetValue): Map<string, Entry> {
  const hosts = asSet(select(given, 'hosts'));
  const kinds = new Map<string, Map<string, Entry>>();
  for (const [name, entry] of hosts.entries) {
    const host = entry.value.get();
    const own = host.kind === 'set' && host.entries.has('output') ? select(host, 'output') : undefined;
    if (own && own.kind !== 'string') continue;
    const kind = own?.text ?? 'nixosConfigurations';
    kinds.set(kind, (kinds.get(kind) ?? new Map<string, Entry>()).set(name, entry));
  }
  const outputs = new Map<string, Entry>();
  const place = given.entries.get('hosts')?.name;
  if (!place) return outputs;
  for (const [kind, entries] of kinds) outputs.set(kind, { name: place, value: Thunk.of(setOf(entries, hosts.rest)) });
  return outputs;
}

/** A module's own outputs, and those of the modules that it imports and that are in the text. */
function flakeParts(evaluator: Evaluator, module: Thunk, depth = 0): Value {
  if (depth > 8) return NOTHING;
  const value = module.get();
  if (value.kind === 'path') return flakeParts(evaluator, new Thunk(() => evaluator.file(value.path)), depth + 1);
  const set = asSet(value.kind === 'function' ? evaluator.call(value, moduleArguments(evaluator)) : value);
  const imported = set.entries.has('imports') ? select(set, 'imports') : listOf([]);
  const modules = imported.kind === 'list' ? imported.items : [];
  const others = modules.map(item => flakeParts(evaluator, item, depth + 1));
  const own = [set, select(set, 'config')].map(part =>
    part.kind === 'set' ? select(part, 'flake') : setOf(new Map()),
  );
  const open = imported.kind !== 'list' || imported.open || set.rest !== undefined;
  const all = [...others, ...own].filter(part => part !== NOTHING);
  const merged = all.reduce<Value>((sofar, part) => merge(sofar, part), setOf(new Map()));
  return open || asSet(merged).rest ? opened(asSet(merged)) : merged;
}

/** Modules that are not in the text may add to any output. */
function opened({ entries }: SetValue): SetValue {
  const outputs = [...entries].map(([key, { name, value }]): [string, Entry] => [
    key,
    { name, value: new Thunk(() => merge(value.get(), NOTHING)) },
  ]);
  return setOf(new Map(outputs), NOTHING);
}

/** flakelight: a module, or a function to one, whose names are those of the outputs. */
function flakelight(evaluator: Evaluator, module: Thunk): Value {
  const value = module.get();
  const set = value.kind === 'function' ? evaluator.call(value, moduleArguments(evaluator)) : value;
  return merge(asSet(set), NOTHING);
}

/** What modules are called with: the flake's own names, and more that only evaluation knows. */
function moduleArguments(evaluator: Evaluator): Thunk {
  return Thunk.of(setOf(evaluator.flakeArguments, unknown('module')));
}

/** colmena: nodes are all but its own words. */
function makeHive(hive: Thunk): SetValue {
  const { entries, rest } = asSet(hive.get());
  const nodes = new Map([...entries].filter(([name]) => !['meta', 'network', 'defaults'].includes(name)));
  const spot = [...entries.values()][0]?.name;
  const outputs = new Map<string, Entry>();
  if (spot) outputs.set('nodes', { name: spot, value: Thunk.of(setOf(nodes, rest)) });
  return setOf(outputs, unknown('colmenaHive'));
}

export const FLAKE_LIBRARIES: Readonly<Record<string, LibraryFunction>> = {
  eachDefaultSystem: { arity: 1, run: (evaluator, f) => eachSystem(evaluator, f) },
  eachSystem: { arity: 2, run: (evaluator, _systems, f) => eachSystem(evaluator, f) },
  eachDefaultSystemPassThrough: { arity: 1, run: (evaluator, f) => passThrough(evaluator, f) },
  eachSystemPassThrough: { arity: 2, run: (evaluator, _systems, f) => passThrough(evaluator, f) },
  mkFlake: { arity: 1, run: (evaluator, argument) => mkFlake(evaluator, argument) },
  makeHive: { arity: 1, run: (_, hive) => makeHive(hive) },
  flakelight: { arity: 2, run: (evaluator, _folder, module) => flakelight(evaluator, module) },
};
