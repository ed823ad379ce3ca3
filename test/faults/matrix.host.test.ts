import { appendFileSync } from 'node:fs';
import { after, before, describe, it } from 'mocha';
import { cannotRun } from '../../scripts/test/cannot-run.ts';
import { Lab } from '../hosts/lab/lab.ts';
import { FaultRig } from './rig.ts';
import { PHASES } from '../../protocol/index.ts';
import { allCells, FAULTS, isRun, type RunCell } from './table.ts';

/** Where each cell's result goes as a line of JSON, for docs/reliability.md. */
const RECORD = process.env['NIXFLEET_FAULTS_RECORD'];

/** What `npm test` runs: one cell of every fault and of every phase, each another way to lose a host. */
const IN_NPM_TEST: readonly string[] = [
  'accepted/kill-both',
  'pulling/power-loss',
  'locking/relay-empty',
  'building/kill-both',
  'activating/power-loss',
  'confirming/network-lost',
  'confirming/agent-crashes-kill-runner',
  'committing/power-loss',
];
const everything = process.env['NIXFLEET_FAULTS'] === 'all';

describe('An update while something goes wrong', function () {
  this.timeout(300_000);
  let rig: FaultRig | undefined;

  before(async function () {
    const reason = await Lab.unsupported();
    if (reason !== undefined) cannotRun(this, reason);
  });
  after(() => rig?.[Symbol.asyncDispose]());

  const cells = allCells().filter(isRun);
  for (const phase of PHASES) {
    const here = cells.filter(cell => cell.phase === phase && (everything || IN_NPM_TEST.includes(nameOf(cell))));
    if (here.length === 0) continue;
    describe(`while ${phase}`, () => {
      for (const cell of here)
        it(`${FAULTS[cell.fault]}: ends in a true statement, and nothing is lost`, async () => {
          rig ??= await FaultRig.create(line => console.error(`      ${line}`));
          const begin = performance.now();
          try {
            const result = await rig.run(cell);
            record({ ...cell, ...result, seconds: Math.round((performance.now() - begin) / 1000) });
          } catch (error) {
            record({ ...cell, error: String(error) });
            // a host of unknown state is no place for the next cell
            const broken = rig;
            rig = undefined;
            await broken[Symbol.asyncDispose]();
            throw error;
          }
        });
    });
  }
});

function nameOf({ phase, fault }: RunCell): string {
  return `${phase}/${fault}`;
}

function record(line: object): void {
  if (RECORD !== undefined) appendFileSync(RECORD, `${JSON.stringify(line)}\n`);
}
