/**
 * How a row of output reads: what the panel draws of it, and what is searched in it. One file for both sides, so that a
 * column means the same in the page and in the extension.
 */

/**
 * What is shown of a row: its text and its SGR sequences. All other control sequences and control characters are dropped.
 * Of a line that overwrote itself the last version is left, as a terminal would show it.
 */
export function shownRow(row: string): string {
  return SPECIAL.test(row) ? printable(lastOverwrite(row)) : row;
}

/** What is shown of a row, without any control sequence. */
export function plainRow(row: string): string {
  const shown = shownRow(row);
  return shown.includes('\x1b') ? shown.replace(LEFT_SGR, '') : shown;
}

/** What stands behind the last carriage return that something follows, with the colours that were on before. */
function lastOverwrite(row: string): string {
  const line = row.replace(/\r+$/, '');
  const last = line.lastIndexOf('\r');
  if (last === -1) return line;
  const colours = line.slice(0, last).match(SGR) ?? [];
  return colours.join('') + line.slice(last + 1);
}

/** Most rows have nothing of all this. */
const SPECIAL = /[\x00-\x08\x0a-\x1f\x7f-\x9f]/;
const SGR = /\x1b\[[\d;]*m/g;
/** The SGR sequences that are left, and the begin of one that a character that was dropped had broken. */
const LEFT_SGR = /\x1b\[(?:[\d;]*m)?/g;
/** Strings for the terminal, such as its title: OSC, DCS, SOS, PM and APC, with what they say (ECMA-48, 8.3). */
const STRINGS = /\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|$)/g;
/** CSI sequences that are not SGR, and those that the row ends in. */
const OTHER_CSI = /\x1b\[(?![\d;]*m)[0-?]*[ -/]*(?:[@-~]|$)/g;
const OTHER_ESCAPES = /\x1b(?!\[)[ -/]*[0-~]?/g;
const CONTROLS = /[\x00-\x08\x0a-\x1a\x1c-\x1f\x7f-\x9f]/g;

function printable(text: string): string {
  return text.replace(STRINGS, '').replace(OTHER_CSI, '').replace(OTHER_ESCAPES, '').replace(CONTROLS, '');
}
