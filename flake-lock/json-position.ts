/**
 * Where things are in a JSON text, for error messages only: a text that is fine never comes here, JSON.parse reads it.
 * Walks tokens rather than a tree, so that no depth of nesting can exhaust the stack.
 */

import { createScanner, parseTree, printParseErrorCode, type ParseError } from '#jsonc-parser';

export type JsonPath = readonly (string | number)[];

export interface Fault {
  readonly message: string;
  readonly offset: number;
}

/** jsonc-parser recurses; nothing that resembles a lock comes near this depth. */
const deepestParsed = 500;

const conflictMarker = /^(?:<<<<<<<|\|\|\|\|\|\|\||=======|>>>>>>>)(?=[ \r\n]|$)/m;

/** What is wrong with a text that JSON.parse refused, and where. */
export function syntaxFault(text: string): Fault {
  const conflict = conflictMarker.exec(text);
  if (conflict) {
    return {
      message:
        'the lock has merge conflict markers. Take one side (`git checkout --ours flake.lock` or `--theirs`), ' +
        'then let `nix flake lock` complete it.',
      offset: conflict.index,
    };
  }
  if (text.trim() === '') return { message: 'the lock is empty. `nix flake lock` writes a new one.', offset: 0 };
  const tooDeep = firstDeeperThan(text, deepestParsed);
  if (tooDeep !== undefined) {
    return { message: `the lock is not JSON: it nests more than ${deepestParsed} levels deep.`, offset: tooDeep };
  }
  const errors: ParseError[] = [];
  parseTree(text, errors, { disallowComments: true, allowTrailingComma: false });
  const first = errors[0];
  const reason = first && reasons[printParseErrorCode(first.error)];
  return { message: `the lock is not JSON: ${reason ?? 'it cannot be read'}.`, offset: first?.offset ?? 0 };
}

const reasons: Record<ReturnType<typeof printParseErrorCode>, string | undefined> = {
  InvalidSymbol: 'this is no value',
  InvalidNumberFormat: 'this is no number',
  PropertyNameExpected: 'a key in double quotes is missing here',
  ValueExpected: 'a value is missing here',
  ColonExpected: 'a colon is missing here',
  CommaExpected: 'a comma is missing here',
  CloseBraceExpected: 'a closing brace is missing here; the file may be cut off',
  CloseBracketExpected: 'a closing bracket is missing here; the file may be cut off',
  EndOfFileExpected: 'there is more text after its end',
  InvalidCommentToken: 'it has a comment',
  UnexpectedEndOfComment: 'it has a comment that does not end',
  UnexpectedEndOfString: 'a string does not end; the file may be cut off',
  UnexpectedEndOfNumber: 'a number is not complete',
  InvalidUnicode: 'a \\u escape is not complete',
  InvalidEscapeCharacter: 'a string has an escape that JSON does not know',
  InvalidCharacter: 'a string has a raw control character',
  '<unknown ParseErrorCode>': undefined,
};

/**
 * Offset of the value at `path` in a text that is JSON. Of a key that is there twice it is the last one, which is the
 * one that JSON.parse and Nix take. 0 if there is no such value.
 */
export function offsetOf(text: string, path: JsonPath): number {
  const frames: { step: string | number; isArray: boolean; keyNext: boolean }[] = [];
  let found = 0;
  const valueStarts = (offset: number): void => {
    if (frames.length === path.length && frames.every((frame, i) => frame.step === path[i])) found = offset;
  };
  for (const token of tokens(text)) {
    const top = frames.at(-1);
    switch (token.first) {
      case '{':
        valueStarts(token.offset);
        frames.push({ step: '', isArray: false, keyNext: true });
        break;
      case '[':
        valueStarts(token.offset);
        frames.push({ step: 0, isArray: true, keyNext: false });
        break;
      case '}':
      case ']':
        frames.pop();
        break;
      case ',':
        if (top?.isArray) top.step = Number(top.step) + 1;
        else if (top) top.keyNext = true;
        break;
      case ':':
        break;
      default:
        if (top?.keyNext) {
          top.step = token.value();
          top.keyNext = false;
        } else valueStarts(token.offset);
    }
  }
  return found;
}

/** Line and column of an offset, both from 1. A byte order mark takes no column. */
export function lineAndColumn(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).replace(/^\uFEFF/, '');
  const lines = before.split(/\r\n|\r|\n/);
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
}

function firstDeeperThan(text: string, limit: number): number | undefined {
  let depth = 0;
  for (const token of tokens(text)) {
    if (token.first === '{' || token.first === '[') depth += 1;
    else if (token.first === '}' || token.first === ']') depth -= 1;
    if (depth > limit) return token.offset;
  }
  return undefined;
}

export interface Token {
  readonly offset: number;
  readonly end: number;
  /** Its first character. */
  readonly first: string;
  readonly value: () => string;
}

/** The tokens of a JSON text, also of a broken one. */
export function* tokens(text: string): Generator<Token> {
  const scanner = createScanner(text, true);
  for (;;) {
    scanner.scan();
    const offset = scanner.getTokenOffset();
    const first = text[offset];
    if (first === undefined) return;
    yield { offset, end: offset + scanner.getTokenLength(), first, value: () => scanner.getTokenValue() };
  }
}
