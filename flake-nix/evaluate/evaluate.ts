/**
 * Reads an expression for what it comes to, without running anything: names, `let`, `with`, `inherit`, `//`, functions
 * that are written here, and the functions of nixpkgs' library that make sets out of sets. Comes in: an expression and
 * what its names stand for. Leaves: a {@link Value}. Never throws, and does a limited amount of work.
 */
import type { SyntaxNode } from '@lezer/common';
import {
  attrNamesOf,
  childrenOf,
  expressionsOf,
  parseSource,
  partsOf,
  spotOf,
  type Source,
  type Spot,
} from '../syntax/source.ts';
import { callUnknown } from './call.ts';
import { binary } from './operators.ts';
import { joinPath } from './paths.ts';
import { lookUp, topScope, withOpened, within, type Scope } from './scope.ts';
import { buildSet } from './sets.ts';
import {
  bool,
  listOf,
  LONGEST_TEXT,
  NOTHING,
  select,
  Thunk,
  unknown,
  type Entry,
  type StringValue,
  type Value,
} from './value.ts';

/** The text of a file of the flake; undefined where there is none. */
export type ReadFile = (path: string) => string | undefined;

export type Parse = (path: string, text: string) => Source;

/** How much is read at the most: a flake.nix of 3,000 lines takes some thousand steps. */
const MOST_STEPS = 60_000;
/** Expressions inside of each other. Far below what the stack holds, far above what people write. */
const DEEPEST = 400;
const MOST_FILES = 50;

export class Evaluator {
  readonly #readFile: ReadFile;
  readonly #parse: Parse;
  readonly #files = new Map<string, Value>();
  #steps = 0;
  #depth = 0;
  /** What the flake gives to its outputs and to modules: `self`, `inputs`. */
  flakeArguments: ReadonlyMap<string, Entry> = new Map();

  constructor(readFile: ReadFile = () => undefined, parse: Parse = parseSource) {
    this.#readFile = readFile;
    this.#parse = parse;
  }

  /** Whether the limits were reached: what was read then is not all. */
  get gaveUp(): boolean {
    return this.#steps > MOST_STEPS;
  }

  evaluate(node: SyntaxNode | null | undefined, scope: Scope): Value {
    if (!node || this.#depth >= DEEPEST || ++this.#steps > MOST_STEPS) return NOTHING;
    this.#depth += 1;
    try {
      return this.#evaluate(node, scope);
    } finally {
      this.#depth -= 1;
    }
  }

  /** Has as much work ahead of it again as in the beginning. */
  renew(): void {
    this.#steps = 0;
  }

  /** Counts work that is not an expression, such as the items of a list. */
  spend(steps: number): void {
    this.#steps += steps;
  }

  later(node: SyntaxNode | null | undefined, scope: Scope): Thunk {
    return new Thunk(() => this.evaluate(node, scope));
  }

  call(callee: Value, argument: Thunk): Value {
    if (this.#depth >= DEEPEST || ++this.#steps > MOST_STEPS) return NOTHING;
    this.#depth += 1;
    try {
      if (callee.kind === 'function') return callee.call(argument);
      if (callee.kind === 'set') {
        if (callee.call) return callee.call(argument);
        const functor = callee.entries.get('__functor');
        return functor ? this.call(this.call(functor.value.get(), Thunk.of(callee)), argument) : NOTHING;
      }
      return callee.kind === 'unknown' ? callUnknown(this, callee, argument) : NOTHING;
    } finally {
      this.#depth -= 1;
    }
  }

  /** What a file of the flake is; a folder is its default.nix. */
  file(path: string): Value {
    const known = this.#files.get(path);
    if (known) return known;
    if (this.#files.size >= MOST_FILES) return NOTHING;
    this.#files.set(path, NOTHING);
    const file = path.endsWith('.nix') ? path : joinPath(path, 'default.nix');
    const text = this.#readFile(file);
    if (text === undefined) return NOTHING;
    const source = this.#parse(file, text);
    const value = this.evaluate(source.expression, topScope(source));
    this.#files.set(path, value);
    return value;
  }

  /** The name that an attribute has; undefined when the text does not tell. */
  attrName(node: SyntaxNode, scope: Scope): StringValue | undefined {
    const { source } = scope;
    if (node.name === 'AttrName')
      return { kind: 'string', text: source.text.slice(node.from, node.to), spot: spotOf(source, node) };
    const value = node.name === 'String' ? this.#string(node, scope) : this.evaluate(expressionsOf(node)[0], scope);
    return value.kind === 'string' ? { ...value, spot: spotOf(source, node) } : undefined;
  }

  #evaluate(node: SyntaxNode, scope: Scope): Value {
    const { source } = scope;
    switch (node.name) {
      case 'Parenthesized':
      case 'Assert':
        return this.evaluate(expressionsOf(node).at(-1), scope);
      case 'With': {
        const [set, body] = expressionsOf(node);
        return this.evaluate(body, withOpened(scope, this.later(set, scope)));
      }
      case 'Let': {
        const { inner } = buildSet(this, node, scope, true);
        return this.evaluate(expressionsOf(node).at(-1), inner);
      }
      case 'If': {
        const [condition, yes, no] = expressionsOf(node);
        const value = this.evaluate(condition, scope);
        return value.kind === 'bool' ? this.evaluate(value.is ? yes : no, scope) : NOTHING;
      }
      case 'Variable': {
        const name = source.text.slice(node.from, node.to);
        if (name === 'true' || name === 'false') return bool(name === 'true');
        return lookUp(scope, name);
      }
      case 'String':
      case 'IndentedString':
        return this.#string(node, scope);
      case 'Uri':
        return { kind: 'string', text: source.text.slice(node.from, node.to), spot: spotOf(source, node) };
      case 'Path':
        return this.#path(node, scope);
      case 'AttrSet':
        return buildSet(this, node, scope, false).set;
      case 'RecAttrSet':
        return buildSet(this, node, scope, true).set;
      case 'LegacyLet':
        return select(buildSet(this, node, scope, true).set, 'body');
      case 'List':
        return this.#list(node, scope);
      case 'Lambda':
        return this.#lambda(node, scope);
      case 'Apply': {
        const [callee, argument] = expressionsOf(node);
        return this.call(this.evaluate(callee, scope), this.later(argument, scope));
      }
      case 'Select':
        return this.#select(node, scope);
      case 'HasAttr':
        return this.#hasAttr(node, scope);
      case 'Unary': {
        const value = this.evaluate(expressionsOf(node)[0], scope);
        return node.getChild('Not') && value.kind === 'bool' ? bool(!value.is) : NOTHING;
      }
      case 'Binary':
        return binary(this, node, scope);
      default:
        return NOTHING;
    }
  }

  #list(node: SyntaxNode, scope: Scope): Value {
    const items = expressionsOf(node).map(item => this.later(item, scope));
    this.spend(items.length);
    return listOf(items);
  }

  #select(node: SyntaxNode, scope: Scope): Value {
    const [subject, otherwise] = expressionsOf(node);
    let value = this.evaluate(subject, scope);
    for (const part of attrNamesOf(node.getChild('AttrPath') ?? node)) {
      const name = this.attrName(part, scope);
      if (!name) return NOTHING;
      const missing = value.kind === 'set' && !value.rest && !value.entries.has(name.text);
      if (missing) return this.evaluate(otherwise, scope);
      value = select(value, name.text);
    }
    return value;
  }

  #hasAttr(node: SyntaxNode, scope: Scope): Value {
    let value = this.evaluate(expressionsOf(node)[0], scope);
    for (const part of attrNamesOf(node.getChild('AttrPath') ?? node)) {
      const name = this.attrName(part, scope);
      if (!name || value.kind !== 'set') return NOTHING;
      if (!value.entries.has(name.text)) return value.rest ? NOTHING : bool(false);
      value = select(value, name.text);
    }
    return bool(true);
  }

  #string(node: SyntaxNode, scope: Scope): Value {
    const { source } = scope;
    let text = '';
    let spot: Spot | undefined;
    for (const part of partsOf(source, node)) {
      if (typeof part === 'string') {
        text += node.name === 'String' ? unescaped(part) : part;
        continue;
      }
      const value = this.evaluate(expressionsOf(part)[0], scope);
      if (value.kind !== 'string' || text.length > LONGEST_TEXT) return NOTHING;
      text += value.text;
      spot ??= value.spot;
    }
    return { kind: 'string', text, spot: spot ?? spotOf(source, node) };
  }

  #path(node: SyntaxNode, scope: Scope): Value {
    const { source } = scope;
    let text = '';
    for (const part of partsOf(source, node)) {
      if (typeof part === 'string') {
        text += part;
        continue;
      }
      const value = this.evaluate(expressionsOf(part)[0], scope);
      if (value.kind !== 'string' || text.length > LONGEST_TEXT) return NOTHING;
      text += value.text;
    }
    const path = /^[~/]/.test(text) ? text : joinPath(folderOf(source), text);
    return { kind: 'path', path, spot: spotOf(source, node) };
  }

  #lambda(node: SyntaxNode, scope: Scope): Value {
    const [body] = expressionsOf(node).slice(-1);
    const nameOf = (parent: SyntaxNode): string | undefined => {
      const name = parent.getChild('Identifier');
      return name ? scope.source.text.slice(name.from, name.to) : undefined;
    };
    const whole = nameOf(node);
    const formals = childrenOf(node.getChild('Formals') ?? node).filter(({ name }) => name === 'Formal');
    return {
      kind: 'function',
      call: argument => {
        const names = new Map<string, Thunk>();
        const inner = within(scope, names);
        if (whole !== undefined) names.set(whole, argument);
        for (const formal of formals) {
          const name = nameOf(formal);
          if (name !== undefined) names.set(name, this.#formal(name, expressionsOf(formal)[0], argument, inner));
        }
        return this.evaluate(body, inner);
      },
    };
  }

  #formal(name: string, otherwise: SyntaxNode | undefined, argument: Thunk, inner: Scope): Thunk {
    return new Thunk(() => {
      const given = argument.get();
      if (given.kind === 'set') {
        const entry: Entry | undefined = given.entries.get(name);
        if (entry) return entry.value.get();
        if (!given.rest && otherwise) return this.evaluate(otherwise, inner);
        return given.rest ? select(given, name) : unknown(name);
      }
      return otherwise ? NOTHING : unknown(name);
    });
  }
}

function folderOf({ path }: Source): string {
  return path.includes('/') ? path.replace(/\/[^/]*$/, '') : '';
}

function unescaped(text: string): string {
  const letters: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };
  return text.replace(/\\(.)/gs, (_, character: string) => letters[character] ?? character);
}
