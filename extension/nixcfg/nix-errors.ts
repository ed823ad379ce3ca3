/**
 * Errors of nix's evaluation in the output of a run: what is wrong, and in which file and line. After what Nix 2.8 to 2.34
 * print. Files are those of the host; where they are in the workspace is found out by {@link relativeCandidate} and
 * {@link locate}.
 */

/** A place as nix prints it. */
export interface NixPlace {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** The text of the line, where nix shows it. */
  readonly text?: string;
  /** Number of the line of output that names it, from 0, and where in that line. */
  readonly at: { readonly row: number; readonly from: number; readonly to: number };
}

export interface NixError {
  readonly message: string;
  /** Where it is, the place that matters most first: of the error itself, then of what led to it, nearest first. */
  readonly places: readonly NixPlace[];
}

/** Errors that are read in one output, at the most. */
const MOST_ERRORS = 20;
const MOST_PLACES = 50;

const ESCAPES = /\u001b(?:\[[\d;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?)/g;
const PLACE = /\bat («[^»]*»[^:\s]*|\/[^:\s]*|[^:\s/][^:\s]*\.nix):(\d+):(\d+)/;
const EXCERPT = /^\s*(\d+)\|(.*)$/;
/** Where an option is defined, in errors of the module system. */
const DEFINITION = /(?:^\s*- In|definition of the option .* in|\bin) [`'"](\/[^`'"]+\.nix)['"]/;

/** The errors in an output, in order. */
export function parseNixErrors(lines: readonly string[]): readonly NixError[] {
  const errors: NixError[] = [];
  let reading: Reading | undefined;
  const finish = (): void => {
    if (reading && reading.message !== '')
      errors.push({
        message: reading.message,
        places: [...reading.own, ...reading.trace.reverse()].slice(0, MOST_PLACES),
      });
    reading = undefined;
  };
  for (const [row, raw] of lines.entries()) {
    if (errors.length >= MOST_ERRORS) break;
    const line = raw.replace(ESCAPES, '');
    const begins = /^(\s*)(?:\S+> |nixfleet: )?error:\s*(.*)$/.exec(line);
    if (begins) {
      const [, indentation = '', message = ''] = begins;
      // the error itself comes indented, after what led to it
      if (!reading || indentation === '' || reading.message !== '') {
        finish();
        reading = { message, own: [], trace: [] };
      } else reading.message = message;
      continue;
    }
    if (reading) readLine(reading, line, row);
  }
  finish();
  return errors;
}

interface Reading {
  message: string;
  /** Places of the error itself. */
  readonly own: NixPlace[];
  /** Places of what led to it, the outermost first. */
  readonly trace: NixPlace[];
}

function readLine(reading: Reading, line: string, row: number): void {
  const { own, trace } = reading;
  const list = reading.message === '' ? trace : own;
  const place = PLACE.exec(line);
  if (place) {
    const [, file = '', number = '', column = ''] = place;
    const from = place.index + 'at '.length;
    list.push({
      file,
      line: Number(number),
      column: Number(column),
      at: { row, from, to: place.index + place[0].length },
    });
    return;
  }
  const excerpt = EXCERPT.exec(line);
  const last = list.at(-1);
  if (excerpt && last && Number(excerpt[1]) === last.line && last.text === undefined) {
    list[list.length - 1] = { ...last, text: (excerpt[2] ?? '').replace(/^ /, '') };
    return;
  }
  const definition = DEFINITION.exec(line);
  if (definition && reading.message !== '') {
    const file = definition[1] ?? '';
    const from = line.indexOf(file);
    own.push({ file, line: 1, column: 1, at: { row, from, to: from + file.length } });
  }
}

/**
 * The path that a file may have in nixcfg; undefined for one that cannot be of it.
 * @param checkout the folder of nixcfg on the host that printed it
 */
export function relativeCandidate(file: string, checkout: string | undefined): string | undefined {
  const beside =
    checkout === undefined ? undefined : file.startsWith(`${checkout}/`) ? file.slice(checkout.length + 1) : undefined;
  const path =
    beside ?? /^\/nix\/store\/[0-9a-z]{32}-[^/]+\/(.+)$/.exec(file)?.[1] ?? /^«[^»]*»\/(.+)$/.exec(file)?.[1];
  return path !== undefined && !path.split('/').includes('..') ? path : undefined;
}

/**
 * Where a place is in the workspace's file of that path, which may be another file (nixpkgs has a flake.nix too) or have
 * changed since. Undefined when nothing in it is the line that nix shows. From 1.
 */
export function locate(
  { line, column, text }: NixPlace,
  fileText: string,
): { readonly line: number; readonly column: number } | undefined {
  const lines = fileText.split(/\r\n|\r|\n/);
  if (text === undefined) return line <= lines.length ? { line, column } : undefined;
  const wanted = text.trim();
  if (lines[line - 1]?.trim() === wanted) return { line, column };
  if (wanted.length < 3) return undefined;
  const others = lines.flatMap((other, index) => (other.trim() === wanted ? [index + 1] : []));
  const nearest = others.sort((a, b) => Math.abs(a - line) - Math.abs(b - line))[0];
  return nearest === undefined ? undefined : { line: nearest, column };
}
