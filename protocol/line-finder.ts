import { plainRow } from './row-text.ts';

/** What is looked for: plain text, as it stands. */
export interface FindQuery {
  readonly text: string;
  readonly matchCase: boolean;
}

/** Where a match begins. It is as long as the text that was looked for, and may go on in the rows that continue its line. */
export interface MatchStart {
  readonly row: number;
  /** UTF-16 code units of the row as it reads ({@link plainRow}). */
  readonly column: number;
}

/** A row, as far as finding goes. */
export interface FindableRow {
  readonly text: string;
  /** Whether it goes on with the line of the row before. */
  readonly continued: boolean;
}

/** Part of the line that was not settled: a match may begin in it that ends in the next row. */
interface Piece {
  readonly row: number;
  /** Where the piece begins in its row. */
  readonly column: number;
  readonly text: string;
}

/**
 * Finds a text in rows that come in order, also where a line takes several rows. Matches do not overlap: the next one is
 * looked for behind the one before, as in an editor. Holds less of a line than the text is long.
 */
export class LineFinder {
  readonly #needle: string;
  readonly #fold: (text: string) => string;
  #held: readonly Piece[] = [];

  constructor({ text, matchCase }: FindQuery) {
    this.#fold = matchCase ? unfolded : foldCase;
    this.#needle = this.#fold(text);
  }

  /** The matches that a row completes. */
  push(row: number, content: FindableRow): MatchStart[] {
    const { matches, held } = this.#find(row, content);
    this.#held = held;
    return matches;
  }

  /** What {@link push} would find, for a row that may yet grow: it will be pushed when it is complete. */
  peek(row: number, content: FindableRow): MatchStart[] {
    return this.#find(row, content).matches;
  }

  #find(row: number, { text, continued }: FindableRow): { matches: MatchStart[]; held: readonly Piece[] } {
    const needle = this.#needle;
    const matches: MatchStart[] = [];
    if (needle === '') return { matches, held: [] };
    const folded: Piece = { row, column: 0, text: this.#fold(plainRow(text)) };
    const pieces = continued ? [...this.#held, folded] : [folded];
    const line = pieces.length === 1 ? folded.text : pieces.map(piece => piece.text).join('');
    let from = 0;
    for (let at = line.indexOf(needle); at !== -1; at = line.indexOf(needle, from)) {
      matches.push(placeIn(pieces, at));
      from = at + needle.length;
    }
    return { matches, held: behind(pieces, Math.max(from, line.length - needle.length + 1)) };
  }
}

/**
 * A text of the same length in which upper and lower case are one: a column in it is one in the text. Characters whose
 * lower case is longer, such as `İ`, stay as they are.
 */
export function foldCase(text: string): string {
  const lower = text.toLowerCase();
  const folded = lower.length === text.length ? lower : Array.from(text, sameLengthLower).join('');
  // at the end of a word the sigma has a form of its own
  return folded.includes('ς') ? folded.replaceAll('ς', 'σ') : folded;
}

function unfolded(text: string): string {
  return text;
}

function sameLengthLower(character: string): string {
  const lower = character.toLowerCase();
  return lower.length === character.length ? lower : character;
}

/** Where a place of the pieces, taken together, is. */
function placeIn(pieces: readonly Piece[], at: number): MatchStart {
  let left = at;
  for (const { row, column, text } of pieces) {
    if (left < text.length) return { row, column: column + left };
    left -= text.length;
  }
  throw new RangeError('a match begins in one of the pieces');
}

/** What is left of the pieces behind a place. */
function behind(pieces: readonly Piece[], from: number): Piece[] {
  const left: Piece[] = [];
  let begin = 0;
  for (const { row, column, text } of pieces) {
    const cut = Math.max(0, from - begin);
    if (cut < text.length) left.push({ row, column: column + cut, text: text.slice(cut) });
    begin += text.length;
  }
  return left;
}
