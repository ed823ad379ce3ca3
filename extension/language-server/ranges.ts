import type { Range } from 'vscode-languageserver';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import type { TextRange } from '../../flake-nix/index.ts';

export function rangeIn(document: TextDocument, { from, to }: TextRange): Range {
  return { start: document.positionAt(from), end: document.positionAt(to) };
}

export function contains({ from, to }: TextRange, offset: number): boolean {
  return from <= offset && offset <= to;
}
