/**
 * The tokens of Nix that no regular grammar can tell: paths and the insides of strings, both with expressions in them.
 * After the lexer of Nix (src/libexpr/lexer.l: states STRING, IND_STRING, PATH_START, INPATH).
 */
import { ExternalTokenizer, type InputStream } from '@lezer/lr';
import {
  indentedEnd,
  indentedInterpolation,
  indentedText,
  pathBegin,
  pathEnd,
  pathInterpolation,
  pathPart,
  pathText,
  stringEnd,
  stringInterpolation,
  stringText,
  Uri,
} from './parser.terms.generated.ts';

const QUOTE = 34;
const DOLLAR = 36;
const APOSTROPHE = 39;
const SLASH = 47;
const COLON = 58;
const BACKSLASH = 92;
const BRACE = 123;
const TILDE = 126;
const END = -1;
const URI_PUNCTUATION = new Set(Array.from("%/?:@&=+$,-_.!~*'", character => character.charCodeAt(0)));

/** No file has a longer name. Without a limit `a.a.a.…` would be looked through once for each of its names. */
const LONGEST_NAME = 255;

/** `https://example.org`, without quotes. */
export const uriTokens = new ExternalTokenizer(input => {
  let end = 0;
  while (end < LONGEST_NAME && isSchemeCharacter(input.peek(end))) end += 1;
  if (end === 0 || !isLetter(input.next) || input.peek(end) !== COLON || !isUriCharacter(input.peek(end + 1))) return;
  for (end += 1; isUriCharacter(input.peek(end));) end += 1;
  input.acceptToken(Uri, end);
});

/** `./hosts`, `~/x`, `../${name}/x`. A path begins with anything before its first slash: `a/b` is one, `a / b` is not. */
export const pathTokens = new ExternalTokenizer((input, stack) => {
  if (stack.canShift(pathEnd)) {
    if (begins(input, DOLLAR, BRACE)) input.acceptToken(pathInterpolation, 2);
    else if (isPathCharacter(input.next) || input.next === SLASH) {
      while (isPathCharacter(input.next) || input.next === SLASH) input.advance();
      input.acceptToken(pathPart);
    } else input.acceptToken(pathEnd);
    return;
  }
  if (stack.canShift(pathInterpolation) && begins(input, DOLLAR, BRACE)) {
    input.acceptToken(pathInterpolation, 2);
    return;
  }
  if (input.next === TILDE) input.advance();
  else for (let length = 0; isPathCharacter(input.next) && length < LONGEST_NAME; length += 1) input.advance();
  if (next(input) !== SLASH || !isSegmentAt(input, 1)) return;
  while (isPathCharacter(next(input)) || (next(input) === SLASH && isPathCharacter(input.peek(1)))) input.advance();
  if (next(input) === SLASH && input.peek(1) !== SLASH) input.advance();
  input.acceptToken(begins(input, DOLLAR, BRACE) ? pathBegin : pathText);
});

/** Inside of `"…"`. */
export const stringTokens = new ExternalTokenizer(input => {
  if (input.next === QUOTE) {
    input.acceptToken(stringEnd, 1);
    return;
  }
  if (begins(input, DOLLAR, BRACE)) {
    input.acceptToken(stringInterpolation, 2);
    return;
  }
  const start = input.pos;
  while (input.next !== END && input.next !== QUOTE && !begins(input, DOLLAR, BRACE)) {
    const following = input.next === DOLLAR ? input.peek(1) : END;
    const takesNext = input.next === BACKSLASH || (following !== END && following !== QUOTE && following !== BACKSLASH);
    input.advance();
    if (takesNext && next(input) !== END) input.advance();
  }
  if (input.pos > start) input.acceptToken(stringText);
});

/** Inside of `''…''`: `''$`, `'''` and `''\x` are text, `$${` is too. */
export const indentedTokens = new ExternalTokenizer(input => {
  if (begins(input, DOLLAR, BRACE)) {
    input.acceptToken(indentedInterpolation, 2);
    return;
  }
  if (isIndentedEnd(input)) {
    input.acceptToken(indentedEnd, 2);
    return;
  }
  const start = input.pos;
  while (input.next !== END && !begins(input, DOLLAR, BRACE) && !isIndentedEnd(input)) {
    let length = 1;
    if (begins(input, APOSTROPHE, APOSTROPHE)) length = input.peek(2) === BACKSLASH ? 4 : 3;
    else if (input.next === DOLLAR && input.peek(1) !== APOSTROPHE) length = 2;
    for (; length > 0 && next(input) !== END; length -= 1) input.advance();
  }
  if (input.pos > start) input.acceptToken(indentedText);
});

function isIndentedEnd(input: InputStream): boolean {
  const third = input.peek(2);
  return begins(input, APOSTROPHE, APOSTROPHE) && third !== DOLLAR && third !== APOSTROPHE && third !== BACKSLASH;
}

/** Where the tokenizer is now: `next` changes with every `advance`, which types do not know. */
function next(input: InputStream): number {
  return input.next;
}

function begins(input: InputStream, first: number, second: number): boolean {
  return input.next === first && input.peek(1) === second;
}

/** A name, or an expression, follows a slash. */
function isSegmentAt(input: InputStream, offset: number): boolean {
  return isPathCharacter(input.peek(offset)) || (input.peek(offset) === DOLLAR && input.peek(offset + 1) === BRACE);
}

/** Letters, digits and `.`, `_`, `-`, `+`. */
function isPathCharacter(code: number): boolean {
  return isSchemeCharacter(code) || code === 95;
}

/** Letters, digits and `.`, `-`, `+`. */
function isSchemeCharacter(code: number): boolean {
  return isLetter(code) || (code >= 48 && code <= 57) || code === 43 || code === 45 || code === 46;
}

function isUriCharacter(code: number): boolean {
  return isLetter(code) || (code >= 48 && code <= 57) || (code !== END && URI_PUNCTUATION.has(code));
}

function isLetter(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90);
}
