/** What the soak does next: a cell of the matrix, or a fault at a random moment of a run. Pure, and decided by the seed. */
import { PHASES, type Phase } from '../../protocol/index.ts';
import { allCells, cellOf, FAULTS, isRun, type Fault, type RunCell } from './table.ts';

export type Deed =
  | { readonly kind: 'cell'; readonly cell: RunCell }
  | { readonly kind: 'anywhere'; readonly fault: Fault; readonly milliseconds: number };

const CELLS = allCells().filter(isRun);

/** Faults that need no phase to hold a run in: those of a generation show by themselves. */
const ANYWHERE: readonly Fault[] = [
  'kill-agent',
  'kill-both',
  'kill-relay',
  'power-loss',
  'network-cut',
  'network-lost',
  'relay-empty',
  'window-reloaded',
  'disk-full',
];

/** Milliseconds that a run takes on an idle machine, about. */
const RUN_MS = 6000;

export function nextDeed(random: () => number): Deed {
  const pick = <T>(list: readonly T[]): T => {
    const one = list[Math.floor(random() * list.length)];
    if (one === undefined) throw new Error('nothing to pick from');
    return one;
  };
  if (random() < 0.5) return { kind: 'cell', cell: pick(CELLS) };
  return { kind: 'anywhere', fault: pick(ANYWHERE), milliseconds: Math.floor(random() * RUN_MS) };
}

/** A deed as one word, for a line that plays it again: `building/kill-both`, `1200ms/power-loss`. */
export function wordOf(deed: Deed): string {
  return deed.kind === 'cell' ? `${deed.cell.phase}/${deed.cell.fault}` : `${deed.milliseconds}ms/${deed.fault}`;
}

/** Reads such a word. Throws where there is no such deed. */
export function deedOf(word: string): Deed {
  const [where = '', what = ''] = word.split('/');
  if (!(what in FAULTS)) throw new Error(`there is no fault ${what}; there are ${Object.keys(FAULTS).join(', ')}`);
  const fault = what as Fault;
  const moment = /^(\d+)ms$/.exec(where)?.[1];
  if (moment !== undefined) return { kind: 'anywhere', fault, milliseconds: Number(moment) };
  if (!(PHASES as readonly string[]).includes(where)) throw new Error(`there is no phase ${where}`);
  const cell = cellOf(where as Phase, fault);
  if (!isRun(cell)) throw new Error(`${word} means nothing: ${cell.why}`);
  return { kind: 'cell', cell };
}
