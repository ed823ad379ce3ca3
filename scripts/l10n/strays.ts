import ts from 'typescript';
import { isT, nodesOf, parse, placeOf, type Place } from './extract.ts';

/** A text in a place that people read, which never went through `t`. */
export interface Stray {
  readonly place: Place;
  readonly text: string;
}

/** Fields whose text VS Code shows, or a screen reader says. */
const FIELDS_OF_EDITOR = new Set(
  'title tooltip description detail placeHolder placeholder prompt label message validationMessage accessibleLabel'.split(
    ' ',
  ),
);
/** Attributes whose text the page shows or has read out. Its own fields are keys of labels. */
const FIELDS_OF_PAGE = new Set(['title', 'placeholder', 'aria-label', 'aria-description', 'aria-valuetext']);
/** Functions whose first argument, and what stands for buttons behind it, people read. */
const SPEAKERS = new Set(
  'showInformationMessage showWarningMessage showErrorMessage setStatusBarMessage createWebviewPanel createTerminal sayFailure'.split(
    ' ',
  ),
);
/** What is the same in every language: names (of examples, too), addresses, and icons between words. */
const NAMES = /NixFleet|nixcfg|\b(?:web1|ana)\b|flake\.(?:lock|nix)|\b[a-z]+:\/\/\S+|\$\([a-z~-]+\)/g;

/**
 * Files whose `detail` and `message` are for logs, and stand behind a sentence as a library or a peer would say them:
 * `The connection to relay.example.org failed: socket hang up`.
 */
const TECHNICAL = new Set([
  'extension/connection/relay-socket.ts',
  'extension/connection/trouble.ts',
  'extension/connection/try-relay.ts',
]);

/** What people would read in English whatever their language is. */
export function strays(file: string, text?: string): Stray[] {
  if (TECHNICAL.has(file)) return [];
  const source = parse(file, text);
  const fields = file.startsWith('webview/') ? FIELDS_OF_PAGE : FIELDS_OF_EDITOR;
  const found: Stray[] = [];
  const look = (value: ts.Node | undefined): void => {
    for (const [node, words] of textsIn(value)) {
      if (/\p{L}{2}/u.test(words.replace(NAMES, ''))) found.push({ place: placeOf(source, node), text: words });
    }
  };
  for (const node of nodesOf(source)) {
    if (ts.isPropertyAssignment(node) && fields.has(nameOf(node.name))) look(node.initializer);
    else if (isAssignmentTo(node, fields)) look(node.right);
    else if (ts.isCallExpression(node)) lookIntoCall(node, look);
  }
  return found;
}

function lookIntoCall(call: ts.CallExpression, look: (value: ts.Node | undefined) => void): void {
  const name = calleeName(call.expression);
  const [first, ...more] = call.arguments;
  if (SPEAKERS.has(name)) {
    // a view type comes first, then what is on the tab
    const spoken = name === 'createWebviewPanel' ? more.slice(0, 1) : call.arguments;
    for (const argument of spoken) look(argument);
  } else if (name === 'el' || name === 'fill') {
    // an element's children, behind its tag and attributes
    for (const child of call.arguments.slice(name === 'el' ? 2 : 1)) look(child);
  } else if (name === 'setText') look(more[0]);
  else if (name === 'setAttribute' && first && ts.isStringLiteral(first) && FIELDS_OF_PAGE.has(first.text))
    look(more[0]);
}

/** The texts that an expression can show. Nothing inside of calls: what they get is not what they give. */
function* textsIn(node: ts.Node | undefined): Generator<[node: ts.Node, text: string]> {
  if (!node) return;
  if (ts.isStringLiteralLike(node)) yield [node, node.text];
  else if (ts.isTemplateExpression(node)) {
    yield [node, [node.head.text, ...node.templateSpans.map(span => span.literal.text)].join(' ')];
    for (const { expression } of node.templateSpans) yield* textsIn(expression);
  } else if (ts.isConditionalExpression(node)) {
    yield* textsIn(node.whenTrue);
    yield* textsIn(node.whenFalse);
  } else if (ts.isBinaryExpression(node)) {
    // what is compared is not shown
    if (node.operatorToken.kind !== ts.SyntaxKind.PlusToken && !isFallback(node.operatorToken)) return;
    yield* textsIn(node.left);
    yield* textsIn(node.right);
  } else if (ts.isParenthesizedExpression(node)) yield* textsIn(node.expression);
  else if (ts.isArrayLiteralExpression(node)) for (const element of node.elements) yield* textsIn(element);
  else if (ts.isCallExpression(node) && !isT(node.expression) && calleeName(node.expression) === 'join')
    yield* textsIn((node.expression as ts.PropertyAccessExpression).expression);
}

function isFallback({ kind }: ts.BinaryOperatorToken): boolean {
  return kind === ts.SyntaxKind.QuestionQuestionToken || kind === ts.SyntaxKind.BarBarToken;
}

function isAssignmentTo(node: ts.Node, fields: ReadonlySet<string>): node is ts.BinaryExpression {
  return (
    ts.isBinaryExpression(node) &&
    node.operatorToken.kind === ts.SyntaxKind.EqualsToken &&
    ts.isPropertyAccessExpression(node.left) &&
    fields.has(node.left.name.text)
  );
}

function nameOf(name: ts.PropertyName): string {
  return ts.isIdentifier(name) || ts.isStringLiteral(name) ? name.text : '';
}

function calleeName(callee: ts.Expression): string {
  if (ts.isIdentifier(callee)) return callee.text;
  return ts.isPropertyAccessExpression(callee) ? callee.name.text : '';
}
