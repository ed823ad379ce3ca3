import { LineFinder, type FindQuery, type MatchStart } from '../../protocol/line-finder.ts';
import { plainRow } from '../../protocol/row-text.ts';
import type { PanelRow } from '../../protocol/panel.ts';

/** A part of a row, in columns of the row as it reads, that belongs to a match. */
export interface Highlight {
  readonly from: number;
  readonly to: number;
  /** Whether it is the match that was gone to. */
  readonly isCurrent: boolean;
}

/**
 * What to highlight in rows that follow on each other, of which some may not be here yet. Matches are looked for in these
 * rows alone; the current one is where the extension says, also where a line begins above.
 *
 * @param first the number of the first row
 */
export function highlightsIn(
  rows: readonly (PanelRow | undefined)[],
  first: number,
  query: FindQuery,
  current: MatchStart | null,
): ReadonlyMap<number, readonly Highlight[]> {
  const { length } = query.text;
  const highlights = new Map<number, Highlight[]>();
  const others = matchesIn(rows, first, query).filter(({ row, column }) => {
    return row !== current?.row || Math.abs(column - current.column) >= length;
  });
  const all = current && rows[current.row - first] ? [...others, current].sort(inOrder) : others;
  for (const match of all) spread(match, match === current);
  return highlights;

  /** A match may go on in the rows that continue its line. */
  function spread({ row, column }: MatchStart, isCurrent: boolean): void {
    let left = length;
    for (let at = row, from = column; left > 0; at += 1, from = 0) {
      const content = rows[at - first];
      if (!content) return;
      const to = Math.min(plainRow(content.text).length, from + left);
      const inRow = highlights.get(at) ?? [];
      highlights.set(at, inRow);
      // of two that overlap, as they can where a line begins above, the second is what is left of it
      const begin = Math.max(from, inRow.at(-1)?.to ?? 0);
      if (to > begin) inRow.push({ from: begin, to, isCurrent });
      left -= to - from;
      if (left > 0 && !rows[at + 1 - first]?.continued) return;
    }
  }
}

function inOrder(a: MatchStart, b: MatchStart): number {
  return a.row - b.row || a.column - b.column;
}

function matchesIn(rows: readonly (PanelRow | undefined)[], first: number, query: FindQuery): MatchStart[] {
  const matches: MatchStart[] = [];
  let finder = new LineFinder(query);
  for (const [i, row] of rows.entries()) {
    if (row) matches.push(...finder.push(first + i, row));
    else finder = new LineFinder(query);
  }
  return matches;
}
