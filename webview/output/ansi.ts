import Anser, { type AnserJsonEntry } from 'anser';
import { shownRow } from '../../protocol/row-text.ts';

/** Text of one style. The classes are those of output.css. */
export interface Span {
  readonly text: string;
  readonly classes: readonly string[];
}

/** What is shown of a row of output as styled text. SGR sequences become classes that stand for the theme's terminal colours. */
export function ansiSpans(row: string): Span[] {
  const text = shownRow(row);
  if (text === '') return [];
  if (!text.includes('\x1b')) return [{ text, classes: [] }];
  return Anser.ansiToJson(text, { json: true, use_classes: true, remove_empty: true }).map(entry => ({
    text: entry.content,
    classes: classesOf(entry),
  }));
}

function classesOf({ fg, bg, fg_truecolor, bg_truecolor, decorations }: AnserJsonEntry): string[] {
  const colour = (name: string | null, truecolor: string | null, side: 'fg' | 'bg'): string[] =>
    name === null ? [] : [`${themeColour(name, truecolor)}-${side}`];
  return [
    ...colour(fg, fg_truecolor, 'fg'),
    ...colour(bg, bg_truecolor, 'bg'),
    ...decorations.map(decoration => `ansi-${decoration}`),
  ];
}

/** The theme's colour for one of Anser's: itself, or the nearest to one of the palette or of 24 bits. */
function themeColour(name: string, truecolor: string | null): string {
  if (name === 'ansi-truecolor') return nearest((truecolor ?? '').split(',').map(Number));
  const [, index] = /^ansi-palette-(\d+)$/.exec(name) ?? [];
  return index === undefined ? name : nearest(paletteColour(Number(index)));
}

/** Red, green and blue of colours 16 to 255: a cube of six levels and a ramp of greys (xterm's 256 colours). */
function paletteColour(index: number): number[] {
  if (index >= 232) return Array<number>(3).fill(8 + (index - 232) * 10);
  const cube = index - 16;
  return [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map(level => (level === 0 ? 0 : 55 + level * 40));
}

/** VS Code's terminal colours in its dark theme, which stand for those of any theme. */
const THEME_COLOURS: readonly (readonly [name: string, red: number, green: number, blue: number])[] = [
  ['ansi-black', 0, 0, 0],
  ['ansi-red', 205, 49, 49],
  ['ansi-green', 13, 188, 121],
  ['ansi-yellow', 229, 229, 16],
  ['ansi-blue', 36, 114, 200],
  ['ansi-magenta', 188, 63, 188],
  ['ansi-cyan', 17, 168, 205],
  ['ansi-white', 229, 229, 229],
  ['ansi-bright-black', 102, 102, 102],
  ['ansi-bright-red', 241, 76, 76],
  ['ansi-bright-green', 35, 209, 139],
  ['ansi-bright-yellow', 245, 245, 67],
  ['ansi-bright-blue', 59, 142, 234],
  ['ansi-bright-magenta', 214, 112, 214],
  ['ansi-bright-cyan', 41, 184, 219],
];

function nearest([red = 0, green = 0, blue = 0]: readonly number[]): string {
  let best = 'ansi-white';
  let least = Infinity;
  for (const [name, r, g, b] of THEME_COLOURS) {
    const distance = (red - r) ** 2 + (green - g) ** 2 + (blue - b) ** 2;
    if (distance < least) [best, least] = [name, distance];
  }
  return best;
}
