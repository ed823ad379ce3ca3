import { advanceSgr, NO_SGR, type SgrState } from './sgr.ts';

/** Bytes of a row at the most: a longer line goes on in the next row. */
export const MAX_ROW_BYTES = 4096;

const NEWLINE = 0x0a;
const ESCAPE = 0x1b;
/** An escape sequence that a cut would split is kept whole if it began within this many bytes. Longer ones are nonsense. */
const LONGEST_SEQUENCE = 64;

/** Where a row begins and what is in force there. */
export interface RowStart {
  readonly offset: number;
  readonly sgr: SgrState;
  /** Whether the row goes on with the line of the row before. */
  readonly continued: boolean;
}

export const FIRST_ROW: RowStart = { offset: 0, sgr: NO_SGR, continued: false };

export interface ScannedRow {
  readonly start: RowStart;
  readonly next: RowStart;
  /** Holds the row from `from` to `to`, which is before its newline. What is pushed may be in it as a view. */
  readonly data: Buffer;
  readonly from: number;
  readonly to: number;
}

/**
 * Cuts a stream of bytes into rows. A row ends at a newline or, when its line is longer than {@link MAX_ROW_BYTES}, at
 * the last place before that where neither a character nor an escape sequence is split. Where rows end depends on the
 * bytes alone, not on how they arrive. Holds less than a row in memory.
 */
export class RowScanner {
  #start: RowStart;
  #open: Buffer = Buffer.alloc(0);

  constructor(from: RowStart = FIRST_ROW) {
    this.#start = from;
  }

  /** The row that is not complete, when something of it is there. */
  get open(): { readonly start: RowStart; readonly bytes: Buffer } | undefined {
    return this.#open.length > 0 ? { start: this.#start, bytes: this.#open } : undefined;
  }

  /** Takes the next bytes and hands out the rows that they complete, in order. */
  *push(bytes: Uint8Array): Generator<ScannedRow, void, void> {
    const data = this.#open.length > 0 ? Buffer.concat([this.#open, bytes]) : asBuffer(bytes);
    const newlines = new Finder(data, NEWLINE);
    const escapes = new Finder(data, ESCAPE);
    let from = 0;
    for (;;) {
      const newline = newlines.next(from);
      const isLong = Math.min(newline, data.length) - from > MAX_ROW_BYTES;
      if (newline === Infinity && !isLong) break;
      const to = isLong ? cutBefore(data, from) : newline;
      const taken = (isLong ? to : to + 1) - from;
      const start = this.#start;
      const sgr = escapes.next(from) < to ? advanceSgr(start.sgr, data.toString('latin1', from, to)) : start.sgr;
      this.#start = { offset: start.offset + taken, sgr, continued: isLong };
      yield { start, next: this.#start, data, from, to };
      from += taken;
    }
    this.#open = Buffer.from(data.subarray(from));
  }
}

/** Finds a byte again and again, looking at each place once. */
class Finder {
  readonly #data: Buffer;
  readonly #byte: number;
  #found = -1;

  constructor(data: Buffer, byte: number) {
    this.#data = data;
    this.#byte = byte;
  }

  /** Where the byte is at `from` or first behind it; Infinity if it is not. `from` never goes back. */
  next(from: number): number {
    if (this.#found < from) {
      const found = this.#data.indexOf(this.#byte, from);
      this.#found = found === -1 ? Infinity : found;
    }
    return this.#found;
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Where the first row of a line that is too long ends: {@link MAX_ROW_BYTES} from its begin, or a little earlier. */
function cutBefore(data: Buffer, from: number): number {
  const limit = from + MAX_ROW_BYTES;
  let cut = limit;
  while (cut > limit - 4 && isContinuation(data[cut])) cut -= 1;
  if (isContinuation(data[cut])) cut = limit; // not UTF-8: characters are at most four bytes
  const escape = data.subarray(from + 1, cut).lastIndexOf(ESCAPE) + from + 1;
  const isSplit = escape > from && cut - escape < LONGEST_SEQUENCE && !isComplete(data.subarray(escape, cut));
  return isSplit ? escape : cut;
}

function isContinuation(byte = 0): boolean {
  return (byte & 0xc0) === 0x80;
}

/** Whether a control sequence (`ESC [ … final`, ECMA-48, 5.4) ends in these bytes. Others are two bytes here. */
function isComplete(sequence: Buffer): boolean {
  if (sequence[1] !== 0x5b) return sequence.length > 1;
  return sequence.subarray(2).some(byte => byte >= 0x40 && byte <= 0x7e);
}
