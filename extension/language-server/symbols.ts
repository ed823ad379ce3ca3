/** Symbols for the outline and *Go to Symbol*: inputs and hosts of flake.nix, inputs of flake.lock. */
import { SymbolKind, type DocumentSymbol } from 'vscode-languageserver';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { plainText } from '../../flake-lock/index.ts';
import { HOST_KINDS, type TextRange } from '../../flake-nix/index.ts';
import { shortRev } from '../base/words.ts';
import { rangeIn } from './ranges.ts';
import type { LockFile, Snapshot } from './snapshot.ts';

export function flakeSymbols({ flake }: Snapshot): DocumentSymbol[] {
  if (!flake) return [];
  const { document } = flake;
  const { inputs, hosts } = flake.flake;
  const declared = inputs.filter(({ implicit }) => !implicit);
  const groups = HOST_KINDS.map(kind =>
    group(
      document,
      kind,
      SymbolKind.Namespace,
      hosts
        .filter(host => host.kind === kind)
        .map(host => leaf(document, host.name, host.at, SymbolKind.Class, host.files[0])),
    ),
  );
  const inputGroup = group(
    document,
    'inputs',
    SymbolKind.Namespace,
    declared.map(({ name, at, url, follows }) =>
      leaf(document, name, at, SymbolKind.Package, url?.text ?? follows?.text),
    ),
  );
  return [inputGroup, ...groups].filter(symbol => symbol !== undefined);
}

export function lockSymbols({ document, lock, places }: LockFile): DocumentSymbol[] {
  return [...places].flatMap(([key, { key: at, whole }]) => {
    const rev = lock?.nodes.get(key)?.locked?.rev;
    if (key === lock?.root || key === '') return [];
    const symbol = leaf(document, key, at, SymbolKind.Package, rev && shortRev(rev));
    return [{ ...symbol, range: rangeIn(document, whole) }];
  });
}

function leaf(document: TextDocument, name: string, at: TextRange, kind: SymbolKind, detail = ''): DocumentSymbol {
  const range = rangeIn(document, at);
  return { name: plainText(name, 100), detail: plainText(detail, 100), kind, range, selectionRange: range };
}

/** A symbol around others, from the first to the last of them. Undefined around none. */
function group(
  document: TextDocument,
  name: string,
  kind: SymbolKind,
  children: DocumentSymbol[],
): DocumentSymbol | undefined {
  const [first] = children;
  if (!first) return undefined;
  const offsets = children.flatMap(({ range }) => [document.offsetAt(range.start), document.offsetAt(range.end)]);
  const range = rangeIn(document, { from: Math.min(...offsets), to: Math.max(...offsets) });
  return { name, kind, range, selectionRange: first.selectionRange, children };
}
