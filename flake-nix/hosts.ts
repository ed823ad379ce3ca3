import type { Evaluator } from './evaluate/evaluate.ts';
import { asSet, NOTHING, Thunk, type Entry, type SetValue, type Value } from './evaluate/value.ts';
import type { Source } from './syntax/source.ts';
import { HOST_KINDS, type Flake, type FlakeHost, type HostKind, type TextRange } from './types.ts';

/** Files that are looked for in a host, at the most. */
const MOST_FILES = 20;

/** The hosts among a flake's outputs. */
export function readHosts(
  evaluator: Evaluator,
  outputs: SetValue,
  source: Source,
  outputsEntry: Entry | undefined,
): Pick<Flake, 'hosts' | 'open'> {
  const hosts: FlakeHost[] = [];
  const open = new Set<HostKind>();
  for (const kind of HOST_KINDS) {
    const entry = outputs.entries.get(kind);
    if (!entry) {
      if (outputs.rest) open.add(kind);
      continue;
    }
    const { entries, rest } = asSet(entry.value.get());
    if (rest) open.add(kind);
    for (const [name, host] of entries) {
      const at = firstIn(source, host, entry, outputsEntry);
      if (at) hosts.push(hostOf(evaluator, kind, name, at, host.value));
    }
  }
  return { hosts, open };
}

/** Its files are looked for when somebody asks: nobody does while the file is typed. */
function hostOf(evaluator: Evaluator, kind: HostKind, name: string, at: TextRange, value: Thunk): FlakeHost {
  let files: readonly string[] | undefined;
  return {
    kind,
    name,
    at,
    get files() {
      return (files ??= filesOf(evaluator, value, name));
    },
  };
}

/** Where something is written in this file, or what brings it in. */
function firstIn(source: Source, ...entries: readonly (Entry | undefined)[]): TextRange | undefined {
  const spot = entries.find(entry => entry?.name.path === source.path)?.name;
  return spot && { from: spot.from, to: spot.to };
}

/** The files that a host is made of: those that carry its name first, else as they are listed. */
function filesOf(evaluator: Evaluator, host: Thunk, name: string): readonly string[] {
  const files: string[] = [];
  evaluator.renew();
  collect(evaluator, host.get(), files, 0);
  const particular = (file: string): boolean => file.split(/[/.]/).includes(name);
  return [...files.filter(particular), ...files.filter(file => !particular(file))];
}

/** Paths among the modules of a configuration, and among the imports of modules that are in the text. */
function collect(evaluator: Evaluator, value: Value, files: string[], depth: number): void {
  if (depth > 6 || files.length >= MOST_FILES) return;
  switch (value.kind) {
    case 'path':
      if (!/^(?:[~/]|\.\.)/.test(value.path) && !files.includes(value.path)) files.push(value.path);
      return;
    case 'unknown':
      for (const given of value.given) collect(evaluator, given.get(), files, depth + 1);
      return;
    case 'function':
      // a module, whatever it is called with
      collect(evaluator, evaluator.call(value, Thunk.of(NOTHING)), files, depth + 1);
      return;
    case 'list':
      for (const item of value.items) collect(evaluator, item.get(), files, depth + 1);
      return;
    case 'set':
      for (const name of ['modules', 'imports']) {
        const entry = value.entries.get(name);
        if (entry) collect(evaluator, entry.value.get(), files, depth + 1);
      }
      return;
    default:
      return;
  }
}
