/** From the text of a flake.nix to what it says. */

import { Evaluator, type ReadFile } from './evaluate/evaluate.ts';
import { topScope } from './evaluate/scope.ts';
import { asSet, NOTHING, setOf, Thunk, unknown, type Entry, type SetValue } from './evaluate/value.ts';
import { readHosts } from './hosts.ts';
import { readInputs } from './inputs.ts';
import { parseSource, spotOf, childrenOf, expressionsOf, type Source } from './syntax/source.ts';
import type { Flake, FlakeInput } from './types.ts';

/**
 * Reads a flake.nix, however broken. Never throws.
 * @param readFile the text of other files of the flake, by their path from its folder; without it `import`s are not followed
 */
export function readFlake(text: string, readFile?: ReadFile): Flake {
  return new FlakeReader(readFile).read(text);
}

/** Reads a flake.nix again and again while it is typed: what did not change is not parsed again. */
export class FlakeReader {
  readonly #readFile: ReadFile | undefined;
  readonly #sources = new Map<string, Source>();

  constructor(readFile?: ReadFile) {
    this.#readFile = readFile;
  }

  read(text: string): Flake {
    const parse = (path: string, fileText: string): Source => {
      const source = parseSource(path, fileText, this.#sources.get(path));
      this.#sources.set(path, source);
      return source;
    };
    return readSource(parse('flake.nix', text), new Evaluator(this.#readFile, parse));
  }
}

function readSource(source: Source, evaluator: Evaluator): Flake {
  const flake = asSet(evaluator.evaluate(source.expression, topScope(source)));
  const inputs = readInputs(flake, formalsOf(source));
  const outputs = flake.entries.get('outputs');
  const inputsEntry = flake.entries.get('inputs');
  const { hosts, open } = readHosts(evaluator, outputsOf(evaluator, flake, inputs, source), source, outputs);
  return {
    inputs,
    hosts,
    open,
    ...(inputsEntry && { inputsAt: rangeOf(inputsEntry) }),
    ...(outputs && { outputsAt: rangeOf(outputs) }),
  };
}

/** The set that the function `outputs` gives. */
function outputsOf(evaluator: Evaluator, flake: SetValue, inputs: readonly FlakeInput[], source: Source): SetValue {
  const callee = flake.entries.get('outputs');
  if (!callee) return setOf(new Map());
  const somewhere = spotOf(source, { from: 0, to: 0 });
  const entry = (value: Thunk): Entry => ({ name: somewhere, value });
  const outputs: Thunk = new Thunk(() => evaluator.call(callee.value.get(), argument));
  const known = inputs.map(({ name }) => [name, entry(Thunk.of(unknown(name)))] as const);
  // what `self` has besides the outputs, such as `inputs` and `lastModified`
  const self: Thunk = new Thunk(() => {
    const { entries } = asSet(outputs.get());
    const own = new Map<string, Entry>([...entries, ['outputs', entry(outputs)], ['inputs', entry(all)]]);
    return setOf(own, unknown('self'));
  });
  const all = new Thunk(() => setOf(new Map([...known, ['self', entry(self)]]), NOTHING));
  const argument = Thunk.of(setOf(new Map([...known, ['self', entry(self)]]), NOTHING));
  evaluator.flakeArguments = new Map([
    ['self', entry(self)],
    ['inputs', entry(all)],
  ]);
  const value = asSet(outputs.get());
  return evaluator.gaveUp ? setOf(value.entries, NOTHING) : value;
}

/** Names that the function `outputs` asks for. */
function formalsOf({ text, expression }: Source): readonly (readonly [string, { from: number; to: number }])[] {
  if (!expression) return [];
  for (const binding of childrenOf(expression)) {
    const path = binding.getChild('AttrPath');
    if (!path || text.slice(path.from, path.to) !== 'outputs') continue;
    let value = expressionsOf(binding)[0];
    while (value?.name === 'Parenthesized') value = expressionsOf(value)[0];
    const formals = value?.name === 'Lambda' ? value.getChild('Formals') : null;
    return childrenOf(formals ?? path)
      .filter(child => child.name === 'Formal')
      .flatMap(formal => {
        const name = formal.getChild('Identifier');
        return name ? [[text.slice(name.from, name.to), { from: name.from, to: name.to }] as const] : [];
      });
  }
  return [];
}

function rangeOf({ name: { from, to } }: Entry): { from: number; to: number } {
  return { from, to };
}
