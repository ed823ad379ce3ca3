/**
 * Finds what the sources say to people. A text goes through `t` (extension/base/locale.ts, `vscode.l10n`); what reaches a
 * place that people read without it is a stray. Both are found in the syntax tree, so that a comment is none and a
 * text over several lines is one.
 */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { root } from '../test/files.ts';

/** Where something stands: `extension/base/words.ts:12`. */
export type Place = string;

export interface Extracted {
  /** The English texts, sorted, and where each is used. */
  readonly texts: ReadonlyMap<string, readonly Place[]>;
  /** Calls of `t` whose text nobody can tell before they run. */
  readonly unknown: readonly Place[];
}

/** The sources whose texts people read, relative to the root. */
export function sourceFiles(): string[] {
  return globSync(['extension/**/*.ts', 'webview/**/*.ts'], { cwd: root })
    .filter(
      file =>
        !/\.(test|d)\.ts$/.test(file) && !/\/(?:preview|testing)\//.test(file) && file !== 'extension/base/locale.ts',
    )
    .sort();
}

/** All texts that go through `t`. A text that is not written in the call itself is known by its type. */
export function extract(files: readonly string[]): Extracted {
  const texts = new Map<string, Place[]>();
  const unknown: Place[] = [];
  const byType: [file: string, position: number][] = [];
  const add = (text: string, place: Place): void => void texts.set(text, [...(texts.get(text) ?? []), place]);
  for (const file of files) {
    const source = parse(file);
    for (const call of callsOfT(source)) {
      const [text] = call.arguments;
      const written = text && writtenTexts(text);
      if (written) for (const one of written) add(one, placeOf(source, call));
      else if (text && !isHandedOn(call)) byType.push([file, text.getStart(source)]);
    }
  }
  if (byType.length > 0) {
    const typesOf = typesAt(byType.map(([file]) => file));
    for (const [file, position] of byType) {
      const { place, values } = typesOf(file, position);
      if (values) for (const value of values) add(value, place);
      else unknown.push(place);
    }
  }
  return { texts: new Map([...texts].sort(([a], [b]) => (a < b ? -1 : 1))), unknown };
}

export function parse(file: string, text = readFileSync(join(root, file), 'utf8')): ts.SourceFile {
  return ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
}

export function placeOf(source: ts.SourceFile, node: ts.Node): Place {
  return `${source.fileName}:${source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1}`;
}

/** Every node below and including this one. */
export function* nodesOf(node: ts.Node): Generator<ts.Node> {
  yield node;
  for (const child of node.getChildren()) yield* nodesOf(child);
}

function* callsOfT(source: ts.SourceFile): Generator<ts.CallExpression> {
  for (const node of nodesOf(source)) if (ts.isCallExpression(node) && isT(node.expression)) yield node;
}

/** `t`, `locale.t`, `vscode.l10n.t`. */
export function isT(callee: ts.Expression): boolean {
  return ts.isIdentifier(callee)
    ? callee.text === 't'
    : ts.isPropertyAccessExpression(callee) && callee.name.text === 't';
}

/** `(message, ...args) => vscode.l10n.t(message, ...args)`: what it says is said where it is called. */
function isHandedOn(call: ts.CallExpression): boolean {
  return call.arguments.some(ts.isSpreadElement);
}

/** The texts that an expression can be, where that is written in it. */
function writtenTexts(text: ts.Expression): string[] | undefined {
  if (ts.isStringLiteralLike(text)) return [text.text];
  if (ts.isParenthesizedExpression(text)) return writtenTexts(text.expression);
  if (!ts.isConditionalExpression(text)) return undefined;
  const [whenTrue, whenFalse] = [writtenTexts(text.whenTrue), writtenTexts(text.whenFalse)];
  return whenTrue && whenFalse && [...whenTrue, ...whenFalse];
}

/** The strings that expressions can be by their types: of a table that is `as const`, its values. */
function typesAt(
  files: readonly string[],
): (file: string, position: number) => { place: Place; values: string[] | undefined } {
  const config = ts.parseJsonConfigFileContent(
    ts.readConfigFile(join(root, 'tsconfig.json'), path => ts.sys.readFile(path)).config,
    ts.sys,
    root,
  );
  const program = ts.createProgram(
    files.map(file => join(root, file)),
    config.options,
  );
  const checker = program.getTypeChecker();
  return (file, position) => {
    const source = program.getSourceFile(join(root, file));
    const node = source && [...nodesOf(source)].find(one => ts.isExpression(one) && one.getStart(source) === position);
    if (!node) throw new Error(`${file} changed while it was read`);
    const type = checker.getTypeAtLocation(node);
    const all = type.isUnion() ? type.types : [type];
    const values = all.flatMap(one => (one.isStringLiteral() ? [one.value] : []));
    const line = source.getLineAndCharacterOfPosition(position).line + 1;
    return { place: `${file}:${line}`, values: values.length === all.length ? values : undefined };
  };
}
