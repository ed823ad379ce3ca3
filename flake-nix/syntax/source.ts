import { TreeFragment, type SyntaxNode, type Tree } from '@lezer/common';
import { parser } from './parser.generated.ts';

/** The text of a file and what it parses to. Whatever the text is, there is a tree, with error nodes where it is no Nix. */
export interface Source {
  /** From the folder of flake.nix, such as `hosts/default.nix`. */
  readonly path: string;
  readonly text: string;
  readonly tree: Tree;
  /** The expression that the file is; null for an empty file. */
  readonly expression: SyntaxNode | null;
}

/** A part of a file, in UTF-16 units from 0. */
export interface Spot {
  /** {@link Source.path} */
  readonly path: string;
  readonly from: number;
  readonly to: number;
}

/** @param before the same file as it was: what did not change in it is not parsed again */
export function parseSource(path: string, text: string, before?: Source): Source {
  if (before?.text === text) return before;
  const tree = parser.parse(text, before && unchangedParts(before, text));
  return { path, text, tree, expression: expressionsOf(tree.topNode)[0] ?? null };
}

/** The tree before and after the one place where the texts differ. */
function unchangedParts({ text: before, tree }: Source, text: string): readonly TreeFragment[] {
  const shorter = Math.min(before.length, text.length);
  let from = 0;
  while (from < shorter && before.charCodeAt(from) === text.charCodeAt(from)) from += 1;
  let [toA, toB] = [before.length, text.length];
  while (toA > from && toB > from && before.charCodeAt(toA - 1) === text.charCodeAt(toB - 1)) {
    toA -= 1;
    toB -= 1;
  }
  return TreeFragment.applyChanges(TreeFragment.addTree(tree), [{ fromA: from, toA, fromB: from, toB }]);
}

export function spotOf(source: Source, { from, to }: { readonly from: number; readonly to: number }): Spot {
  return { path: source.path, from, to };
}

/** Names of the nodes that are expressions. */
const EXPRESSIONS: ReadonlySet<string> = new Set([
  'Lambda',
  'Assert',
  'With',
  'Let',
  'If',
  'Unary',
  'HasAttr',
  'Binary',
  'Apply',
  'Select',
  'Variable',
  'Number',
  'String',
  'IndentedString',
  'Path',
  'SearchPath',
  'Uri',
  'Parenthesized',
  'AttrSet',
  'RecAttrSet',
  'LegacyLet',
  'List',
]);

/** The expressions directly below a node, in order. */
export function expressionsOf(node: SyntaxNode): SyntaxNode[] {
  return childrenOf(node).filter(child => EXPRESSIONS.has(child.name));
}

export function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling) children.push(child);
  return children;
}

/** One `a.b = value;` or `inherit (from) a b;`. */
export type BindingSyntax =
  | {
      readonly kind: 'binding';
      readonly path: readonly SyntaxNode[];
      readonly value: SyntaxNode | null;
      readonly node: SyntaxNode;
    }
  | {
      readonly kind: 'inherit';
      readonly from: SyntaxNode | null;
      readonly names: readonly SyntaxNode[];
      readonly node: SyntaxNode;
    };

/** The bindings of an attribute set or a `let`. Those that are not complete have no value. */
export function bindingsOf(node: SyntaxNode): BindingSyntax[] {
  return childrenOf(node).flatMap((child): BindingSyntax[] => {
    switch (child.name) {
      case 'Binding': {
        const path = child.getChild('AttrPath');
        if (!path) return [];
        return [{ kind: 'binding', path: attrNamesOf(path), value: expressionsOf(child)[0] ?? null, node: child }];
      }
      case 'Inherit': {
        const from = child.getChild('InheritFrom');
        return [
          { kind: 'inherit', from: from && (expressionsOf(from)[0] ?? null), names: attrNamesOf(child), node: child },
        ];
      }
      default:
        return [];
    }
  });
}

/** Nodes of the names in an attribute path, or behind `inherit`: `AttrName`, `String` or `Interpolation`. */
export function attrNamesOf(node: SyntaxNode): SyntaxNode[] {
  return childrenOf(node).filter(({ name }) => name === 'AttrName' || name === 'String' || name === 'Interpolation');
}

/** What is between the delimiters of a `String`, `IndentedString` or `Path`: texts, and the nodes of interpolations. */
export function partsOf(source: Source, node: SyntaxNode): (string | SyntaxNode)[] {
  const [open, close] = delimiters(node.name);
  const parts: (string | SyntaxNode)[] = [];
  let at = node.from + open;
  const end = Math.max(at, node.to - (isClosed(source, node) ? close : 0));
  for (const child of childrenOf(node)) {
    if (child.name !== 'Interpolation') continue;
    if (child.from > at) parts.push(source.text.slice(at, child.from));
    parts.push(child);
    at = child.to;
  }
  if (end > at) parts.push(source.text.slice(at, end));
  return parts;
}

function delimiters(name: string): readonly [number, number] {
  if (name === 'String') return [1, 1];
  return name === 'IndentedString' ? [2, 2] : [0, 0];
}

function isClosed({ text }: Source, node: SyntaxNode): boolean {
  const end = node.name === 'String' ? '"' : "''";
  return node.to - node.from >= 2 * end.length && text.slice(node.from, node.to).endsWith(end);
}
