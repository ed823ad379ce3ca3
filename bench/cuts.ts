/** A million lines to two viewers while relay or connections are cut a hundred times: how long until all is there again. */
import { cutAgainAndAgain } from '../test/link/cuts.ts';
import { median, printTable, seconds } from './table.ts';

const CUTS = 100;
const LINES = 1_000_000;
const VIEWERS = 2;
const SEED = 4;

export async function benchCuts(): Promise<void> {
  const begin = performance.now();
  const { cuts, bytes } = await cutAgainAndAgain({ cuts: CUTS, lines: LINES, viewers: VIEWERS, seed: SEED });
  const took = performance.now() - begin;
  console.log(
    `${LINES} lines (${(bytes / 1e6).toFixed(0)} MB) to ${VIEWERS} viewers, ${CUTS} cuts, seed ${SEED}, in ${seconds(took)}: ` +
      '0 bytes lost, 0 repeated, 0 in another order at every viewer. Time from a cut until everybody had everything:\n',
  );
  const kinds = [...new Set(cuts.map(({ kind }) => kind))].sort();
  const row = (name: string, times: readonly number[]): string[] => [
    name,
    String(times.length),
    seconds(median(times)),
    seconds(Math.max(...times)),
  ];
  printTable(
    ['cut', 'times', 'median', 'longest'],
    [
      ...kinds.map(kind =>
        row(
          kind,
          cuts.filter(cut => cut.kind === kind).map(({ caughtUp }) => caughtUp),
        ),
      ),
      row(
        'all',
        cuts.map(({ caughtUp }) => caughtUp),
      ),
    ],
  );
}
