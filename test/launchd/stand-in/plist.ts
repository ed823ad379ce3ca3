/**
 * Part of the stand-in for launchd: reads XML property lists, strictly. A value keeps its type (an integer is no real, the text
 * "true" no boolean), and what a lenient reader would let pass is an error: a key without a value or given twice, text where
 * none belongs, a number that is none.
 */

export type Plist =
  | { readonly type: 'string' | 'date' | 'data'; readonly value: string }
  | { readonly type: 'integer' | 'real'; readonly value: number }
  | { readonly type: 'boolean'; readonly value: boolean }
  | { readonly type: 'array'; readonly value: readonly Plist[] }
  | { readonly type: 'dict'; readonly value: ReadonlyMap<string, Plist> };

export class PlistError extends Error {
  override readonly name = 'PlistError';
}

type Token =
  | { readonly kind: 'open' | 'close' | 'empty'; readonly name: string }
  | { readonly kind: 'text'; readonly text: string };

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** @throws PlistError */
export function parsePlist(text: string): Plist {
  const tokens = tokenize(text);
  const reader = new Reader(tokens);
  reader.open('plist');
  const value = reader.value();
  reader.close('plist');
  reader.end();
  return value;
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  const markup = /<\?[^]*?\?>|<!--[^]*?-->|<!DOCTYPE[^>[]*(?:\[[^]*?\])?\s*>|<(\/?)([A-Za-z]+)(?:\s[^<>]*?)?(\/?)>/y;
  for (let at = 0; at < text.length;) {
    const next = text.indexOf('<', at);
    const end = next === -1 ? text.length : next;
    if (end > at) tokens.push({ kind: 'text', text: unescape(text.slice(at, end)) });
    if (next === -1) break;
    markup.lastIndex = next;
    const match = markup.exec(text);
    if (!match) throw new PlistError(`what begins with ${text.slice(next, next + 30)} is no element`);
    const [whole, slash, name, selfClosing] = match;
    if (name !== undefined) tokens.push({ kind: slash ? 'close' : selfClosing ? 'empty' : 'open', name });
    at = next + whole.length;
  }
  return tokens;
}

function unescape(text: string): string {
  return text.replace(/&(#x[0-9a-fA-F]+|#\d+|\w*);?/g, (whole, name: string) => {
    const code = name.startsWith('#x')
      ? parseInt(name.slice(2), 16)
      : name.startsWith('#')
        ? Number(name.slice(1))
        : NaN;
    const char = Number.isNaN(code) ? ENTITIES[name] : String.fromCodePoint(code);
    if (char === undefined || !whole.endsWith(';')) throw new PlistError(`${whole} is no entity`);
    return char;
  });
}

class Reader {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  open(name: string): void {
    const token = this.#next();
    if (token?.kind !== 'open' || token.name !== name) throw new PlistError(`<${name}> is missing`);
  }

  close(name: string): void {
    const token = this.#next();
    if (token?.kind !== 'close' || token.name !== name) throw new PlistError(`</${name}> is missing`);
  }

  end(): void {
    if (this.#next()) throw new PlistError('something follows the end');
  }

  value(): Plist {
    const token = this.#next();
    if (token?.kind !== 'open' && token?.kind !== 'empty') throw new PlistError('a value is missing');
    const { name } = token;
    const isEmpty = token.kind === 'empty';
    switch (name) {
      case 'true':
      case 'false':
        if (!isEmpty) this.close(name);
        return { type: 'boolean', value: name === 'true' };
      case 'array':
        return { type: 'array', value: isEmpty ? [] : this.#array() };
      case 'dict':
        return { type: 'dict', value: isEmpty ? new Map() : this.#dict() };
      case 'string':
      case 'date':
      case 'data':
        return { type: name, value: isEmpty ? '' : this.#text(name) };
      case 'integer':
      case 'real': {
        const text = isEmpty ? '' : this.#text(name).trim();
        const shape = name === 'integer' ? /^[+-]?\d+$/ : /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
        if (!shape.test(text)) throw new PlistError(`"${text}" is no ${name}`);
        return { type: name, value: Number(text) };
      }
      default:
        throw new PlistError(`<${name}> is no type of a property list`);
    }
  }

  #array(): Plist[] {
    const items: Plist[] = [];
    while (!this.#closes('array')) items.push(this.value());
    return items;
  }

  #dict(): Map<string, Plist> {
    const entries = new Map<string, Plist>();
    while (!this.#closes('dict')) {
      this.open('key');
      const key = this.#text('key');
      if (entries.has(key)) throw new PlistError(`the key ${key} is there twice`);
      entries.set(key, this.value());
    }
    return entries;
  }

  /** The text up to the end of an element that has nothing else in it. */
  #text(name: string): string {
    let text = '';
    for (let token = this.#tokens[this.#at]; token?.kind === 'text'; token = this.#tokens[this.#at]) {
      text += token.text;
      this.#at++;
    }
    this.close(name);
    return text;
  }

  #closes(name: string): boolean {
    const at = this.#at;
    const token = this.#next();
    if (token?.kind === 'close' && token.name === name) return true;
    if (!token) throw new PlistError(`</${name}> is missing`);
    this.#at = at;
    return false;
  }

  /** The next token that is no white space; text elsewhere than in a value is an error. */
  #next(): Token | undefined {
    for (;;) {
      const token = this.#tokens[this.#at++];
      if (token?.kind !== 'text') return token;
      if (token.text.trim() !== '')
        throw new PlistError(`"${token.text.trim().slice(0, 40)}" stands where no text belongs`);
    }
  }
}
