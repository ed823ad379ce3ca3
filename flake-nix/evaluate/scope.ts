import type { Source } from '../syntax/source.ts';
import { NOTHING, select, unknown, type Thunk, type Value } from './value.ts';

/** Which names an expression can see. */
export interface Scope {
  readonly source: Source;
  readonly parent: Scope | undefined;
  readonly names: ReadonlyMap<string, Thunk>;
  /** The set of a `with`, whose names give way to all others. */
  readonly opened?: Thunk;
}

export function topScope(source: Source): Scope {
  return { source, parent: undefined, names: new Map() };
}

export function within(parent: Scope, names: ReadonlyMap<string, Thunk>): Scope {
  return { source: parent.source, parent, names };
}

export function withOpened(parent: Scope, opened: Thunk): Scope {
  return { source: parent.source, parent, names: new Map(), opened };
}

/** What a name stands for. One that nothing binds is a builtin, or comes from a `with` that cannot be looked into. */
export function lookUp(scope: Scope, name: string): Value {
  const opened: Thunk[] = [];
  for (let at: Scope | undefined = scope; at; at = at.parent) {
    const thunk = at.names.get(name);
    if (thunk) return thunk.get();
    if (at.opened) opened.push(at.opened);
  }
  let perhaps: Value | undefined;
  for (const thunk of opened) {
    const set = thunk.get();
    if (set.kind === 'set' && set.entries.has(name)) return select(set, name);
    if (perhaps === undefined && (set.kind === 'unknown' || (set.kind === 'set' && set.rest)))
      perhaps = select(set, name);
  }
  return perhaps ?? (name === '' ? NOTHING : unknown(name));
}
