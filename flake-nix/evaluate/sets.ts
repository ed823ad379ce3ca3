import type { SyntaxNode } from '@lezer/common';
import { bindingsOf, spotOf, type BindingSyntax, type Spot } from '../syntax/source.ts';
import type { Evaluator } from './evaluate.ts';
import { lookUp, within, type Scope } from './scope.ts';
import { merge, NOTHING, select, setOf, Thunk, type Entry, type SetValue, type UnknownValue } from './value.ts';

/** What the bindings of a set say of one name: its value, names below it, or both. */
interface Draft {
  readonly name: Spot;
  values: Thunk[];
  below: Drafts | undefined;
}

interface Drafts {
  readonly names: Map<string, Draft>;
  /** A name that the text does not tell. */
  open: boolean;
}

/** The set that bindings make, and what they see where they see each other. */
export function buildSet(
  evaluator: Evaluator,
  node: SyntaxNode,
  scope: Scope,
  recursive: boolean,
): { readonly set: SetValue; readonly inner: Scope } {
  const names = new Map<string, Thunk>();
  const inner = recursive ? within(scope, names) : scope;
  const drafts: Drafts = { names: new Map(), open: false };
  const bindings = bindingsOf(node);
  evaluator.spend(bindings.length);
  // names that are computed may need those that are written
  const later: (() => void)[] = [];
  for (const binding of bindings) {
    if (binding.kind === 'inherit') inherit(evaluator, binding, { outer: scope, inner }, drafts);
    else if (binding.path.every(({ name }) => name === 'AttrName')) bind(evaluator, binding, inner, drafts);
    else later.push(() => bind(evaluator, binding, inner, drafts));
  }
  for (const [name, draft] of drafts.names) names.set(name, thunkOf(draft));
  for (const step of later) step();
  const set = finish(drafts);
  for (const [name, { value }] of set.entries) names.set(name, value);
  return { set, inner };
}

type Binding = Extract<BindingSyntax, { kind: 'binding' }>;
type Inherit = Extract<BindingSyntax, { kind: 'inherit' }>;

function bind(evaluator: Evaluator, { path, value }: Binding, scope: Scope, drafts: Drafts): void {
  let at = drafts;
  for (const [index, part] of path.entries()) {
    const name = evaluator.attrName(part, scope);
    if (!name) {
      at.open = true;
      return;
    }
    const draft = draftOf(at, name.text, name.spot);
    if (index === path.length - 1) {
      draft.values.push(value ? evaluator.later(value, scope) : Thunk.of(NOTHING));
      return;
    }
    draft.below ??= { names: new Map(), open: false };
    at = draft.below;
  }
}

function inherit(
  evaluator: Evaluator,
  { from, names }: Inherit,
  { outer, inner }: { readonly outer: Scope; readonly inner: Scope },
  drafts: Drafts,
): void {
  const set = from && evaluator.later(from, inner);
  for (const part of names) {
    const name = evaluator.attrName(part, outer);
    if (!name) continue;
    const value = new Thunk(() => (set ? select(set.get(), name.text) : lookUp(outer, name.text)));
    draftOf(drafts, name.text, spotOf(outer.source, part)).values.push(value);
  }
}

function draftOf(drafts: Drafts, name: string, spot: Spot): Draft {
  const known = drafts.names.get(name);
  if (known) return known;
  const draft: Draft = { name: spot, values: [], below: undefined };
  drafts.names.set(name, draft);
  return draft;
}

function finish({ names, open }: Drafts): SetValue {
  const entries = new Map<string, Entry>();
  for (const [name, draft] of names) entries.set(name, { name: draft.name, value: thunkOf(draft) });
  const rest: UnknownValue | undefined = open ? NOTHING : undefined;
  return setOf(entries, rest);
}

/** `a = { b = 1; }; a.c = 2;` is one set, as it is for Nix. */
function thunkOf(draft: Draft): Thunk {
  const [first, ...more] = draft.values;
  if (first && more.length === 0 && !draft.below) return first;
  return new Thunk(() => {
    const parts = [...draft.values.map(value => value.get()), ...(draft.below ? [finish(draft.below)] : [])];
    return parts.reduce((left, right) => merge(left, right));
  });
}
