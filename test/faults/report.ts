/** What docs/reliability.md shows of runs of the matrix: the table, its counts, and what cannot be tried. Pure. */
import { PHASES } from '../../protocol/index.ts';
import { allCells, FAULTS, isRun, type Cell, type Fault } from './table.ts';

/** One line of the record: a cell with what came of it. */
export interface Recorded {
  readonly phase: string;
  readonly fault: string;
  readonly outcome?: string;
  readonly kind?: string;
  readonly error?: string;
  readonly confirmedIn?: number;
}

export interface Counts {
  readonly run: number;
  readonly failed: number;
  readonly missing: number;
  readonly notApplicable: number;
}

export function countsOf(record: readonly Recorded[]): Counts {
  const cells = allCells();
  const run = cells.filter(isRun);
  const found = run.map(cell => resultOf(cell, record));
  return {
    run: found.filter(result => result !== undefined).length,
    failed: found.filter(result => result?.error !== undefined).length,
    missing: found.filter(result => result === undefined).length,
    notApplicable: cells.length - run.length,
  };
}

/** The longest that a host took from the beginning of confirming until it was back, its new agent broken; milliseconds. */
export function longestRollback(record: readonly Recorded[]): number | undefined {
  const times = record
    .filter(({ fault, outcome }) => outcome === 'rolled-back' && fault.startsWith('agent-'))
    .flatMap(({ confirmedIn }) => confirmedIn ?? []);
  return times.length === 0 ? undefined : Math.max(...times);
}

export function matrixText(record: readonly Recorded[]): string {
  const header = ['', ...PHASES];
  const rows = (Object.keys(FAULTS) as Fault[]).map(fault => [
    FAULTS[fault],
    ...PHASES.map(phase => cellText(phase, fault, record)),
  ]);
  const table = [header, header.map(() => '---'), ...rows].map(row => `| ${row.join(' | ')} |`);
  return [...table, '', 'Not tried (–):', '', ...reasons()].join('\n');
}

function cellText(phase: string, fault: string, record: readonly Recorded[]): string {
  const cell = allCells().find(each => each.phase === phase && each.fault === fault);
  if (!cell || !isRun(cell)) return '–';
  const result = resultOf(cell, record);
  if (!result) return '?';
  if (result.error !== undefined) return '**not as it must be**';
  return result.kind ? `${result.outcome ?? ''} (${result.kind})` : (result.outcome ?? '');
}

/** The worst that was seen of a cell, else the last. */
function resultOf({ phase, fault }: Cell, record: readonly Recorded[]): Recorded | undefined {
  const all = record.filter(line => line.phase === phase && line.fault === fault);
  return all.find(line => line.error !== undefined) ?? all.at(-1);
}

function reasons(): string[] {
  const groups = Map.groupBy(
    allCells().flatMap(cell => (isRun(cell) ? [] : [cell])),
    cell => `${FAULTS[cell.fault]}: ${cell.why}`,
  );
  return [...groups].map(([why, cells]) => `- ${why} (${cells.map(({ phase }) => phase).join(', ')})`);
}
