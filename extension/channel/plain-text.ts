/**
 * Output as text without control sequences, for places that show none. Takes bytes as they come, cut anywhere, and gives
 * whole lines; only of a very long line it gives a part. What a lone carriage return overwrites is left out, as a
 * terminal would.
 */
export class PlainText {
  readonly #decoder = new TextDecoder('utf-8');
  #mode: Mode = 'text';
  /** Characters of the control sequence that is being skipped. */
  #skipped = 0;
  #line = '';
  #afterReturn = false;

  /** The text that can be given now. */
  push(bytes: Uint8Array): string {
    return this.#take(this.#decoder.decode(bytes, { stream: true }));
  }

  /** The rest, when nothing more will come. */
  end(): string {
    const text = this.#take(this.#decoder.decode()) + this.#line;
    this.#line = '';
    this.#mode = 'text';
    return text;
  }

  #take(text: string): string {
    let out = '';
    for (let i = 0; i < text.length;) {
      if (this.#mode !== 'text') {
        this.#skip(text.charCodeAt(i));
        i += 1;
        continue;
      }
      const end = nextControl(text, i);
      if (end > i) {
        this.#overwrite();
        this.#line += text.slice(i, end);
        if (this.#line.length > LONGEST_HELD) {
          out += this.#line;
          this.#line = '';
        }
        i = end;
        continue;
      }
      const code = text.charCodeAt(i);
      i += 1;
      if (code === LF) {
        out += `${this.#line}\n`;
        this.#line = '';
        this.#afterReturn = false;
      } else if (code === CR) {
        this.#afterReturn = true;
      } else {
        this.#begin(code);
      }
    }
    return out;
  }

  /** Text comes behind a lone carriage return. */
  #overwrite(): void {
    if (this.#afterReturn) this.#line = '';
    this.#afterReturn = false;
  }

  #begin(code: number): void {
    this.#skipped = 0;
    if (code === ESC) this.#mode = 'escape';
    else if (code === 0x9b) this.#mode = 'csi';
    else if (code === 0x9d || code === 0x90 || code === 0x98 || code === 0x9e || code === 0x9f) this.#mode = 'string';
  }

  #skip(code: number): void {
    this.#skipped += 1;
    if (this.#skipped > LONGEST_SEQUENCE) {
      this.#mode = 'text';
      return;
    }
    switch (this.#mode) {
      case 'escape':
        if (code === 0x5b) this.#mode = 'csi';
        else if (STRING_INTRODUCERS.has(code)) this.#mode = 'string';
        else if (code < 0x20 || code > 0x2f) this.#mode = 'text';
        return;
      case 'csi':
        if (code >= 0x40 && code <= 0x7e) this.#mode = 'text';
        return;
      case 'string':
        if (code === 0x07 || code === 0x9c) this.#mode = 'text';
        else if (code === ESC) this.#mode = 'string-escape';
        return;
      case 'string-escape':
        this.#mode = code === 0x5c ? 'text' : 'string';
        return;
      case 'text':
        return;
    }
  }
}

/** Which part of a control sequence comes next (ECMA-48): `string` is that of OSC, DCS and the like, up to its terminator. */
type Mode = 'text' | 'escape' | 'csi' | 'string' | 'string-escape';

const LF = 0x0a;
const CR = 0x0d;
const ESC = 0x1b;
/** `ESC ]`, `ESC P`, `ESC X`, `ESC ^`, `ESC _`. */
const STRING_INTRODUCERS = new Set([0x5d, 0x50, 0x58, 0x5e, 0x5f]);
/** A sequence longer than this is not one: something unterminated must not swallow all the rest. */
const LONGEST_SEQUENCE = 4096;
const LONGEST_HELD = 8192;

/** Where the next control character other than a tab is. */
function nextControl(text: string, from: number): number {
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if ((code < 0x20 && code !== 0x09) || (code >= 0x7f && code <= 0x9f)) return i;
  }
  return text.length;
}
