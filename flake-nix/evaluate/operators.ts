import type { SyntaxNode } from '@lezer/common';
import { childrenOf, expressionsOf } from '../syntax/source.ts';
import type { Evaluator } from './evaluate.ts';
import { joinPath } from './paths.ts';
import type { Scope } from './scope.ts';
import { bool, joined, listOf, LONGEST_TEXT, NOTHING, update, type Value } from './value.ts';

/** `left operator right`, for the operators that can lead to hosts. */
export function binary(evaluator: Evaluator, node: SyntaxNode, scope: Scope): Value {
  const [leftNode, rightNode] = expressionsOf(node);
  const left = (): Value => evaluator.evaluate(leftNode, scope);
  const right = (): Value => evaluator.evaluate(rightNode, scope);
  switch (childrenOf(node).find(child => OPERATORS.has(child.name))?.name) {
    case 'Update':
      return update(left(), right());
    case 'Concat':
      return concat(left(), right());
    case 'Plus':
      return plus(left(), right());
    case 'PipeTo':
      return evaluator.call(right(), evaluator.later(leftNode, scope));
    case 'PipeFrom':
      return evaluator.call(left(), evaluator.later(rightNode, scope));
    case 'Equal':
      return equal(left(), right());
    case 'Unequal': {
      const same = equal(left(), right());
      return same.kind === 'bool' ? bool(!same.is) : NOTHING;
    }
    case 'And':
      return decide(left(), right, false);
    case 'Or':
      return decide(left(), right, true);
    default:
      return NOTHING;
  }
}

const OPERATORS: ReadonlySet<string> = new Set('Update Concat Plus PipeTo PipeFrom Equal Unequal And Or'.split(' '));

function concat(left: Value, right: Value): Value {
  if (left.kind !== 'list' && right.kind !== 'list') return NOTHING;
  return joined([left, right].map(side => (side.kind === 'list' ? side : listOf([], true))));
}

function plus(left: Value, right: Value): Value {
  if (right.kind !== 'string') return NOTHING;
  if (left.kind === 'string')
    return left.text.length > LONGEST_TEXT ? NOTHING : { ...left, text: left.text + right.text };
  return left.kind === 'path' ? { ...left, path: joinPath(left.path + right.text, '') } : NOTHING;
}

function equal(left: Value, right: Value): Value {
  if (left.kind === 'string' && right.kind === 'string') return bool(left.text === right.text);
  return left.kind === 'bool' && right.kind === 'bool' ? bool(left.is === right.is) : NOTHING;
}

/** `&&` and `||`: the left side alone may decide. */
function decide(left: Value, right: () => Value, decisive: boolean): Value {
  if (left.kind === 'bool' && left.is === decisive) return left;
  const other = right();
  if (left.kind === 'bool') return other.kind === 'bool' ? other : NOTHING;
  return other.kind === 'bool' && other.is === decisive ? other : NOTHING;
}
