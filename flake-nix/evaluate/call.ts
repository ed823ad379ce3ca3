import type { Evaluator } from './evaluate.ts';
import { LIBRARY } from './library.ts';
import { FLAKE_LIBRARIES } from './flake-libraries.ts';
import type { Thunk, UnknownValue, Value } from './value.ts';

/** What a function of a library gives for its arguments. Undefined: nothing that is known here. */
export interface LibraryFunction {
  readonly arity: number;
  readonly run: (evaluator: Evaluator, ...given: Thunk[]) => Value | undefined;
}

/** Applies something that is known by its name only. What no library has remembers what it was given. */
export function callUnknown(evaluator: Evaluator, callee: UnknownValue, argument: Thunk): Value {
  const given = [...callee.given, argument];
  const applied: UnknownValue = { ...callee, given };
  const known = libraryFunction(callee.name);
  if (known?.arity !== given.length) return applied;
  return known.run(evaluator, ...given) ?? applied;
}

/** How parts of nixpkgs' library are called: `lib.attrsets.genAttrs`, `builtins.mapAttrs`. */
const LIBRARIES = new Set(['lib', 'builtins', 'attrsets', 'lists', 'trivial', 'strings', 'modules', 'fixedPoints']);

/**
 * Functions are known by their last name below something that is called `lib` or `builtins`, or by that name alone, as
 * after `with lib;`.
 */
function libraryFunction(name: readonly string[]): LibraryFunction | undefined {
  const [last, parent] = [name.at(-1) ?? '', name.at(-2)];
  if (parent !== undefined && !LIBRARIES.has(parent)) return own(FLAKE_LIBRARIES, name.join('.'));
  return own(LIBRARY, last) ?? own(FLAKE_LIBRARIES, last);
}

/** A name of the text may be `constructor`. */
function own(functions: Readonly<Record<string, LibraryFunction>>, name: string): LibraryFunction | undefined {
  return Object.hasOwn(functions, name) ? functions[name] : undefined;
}
