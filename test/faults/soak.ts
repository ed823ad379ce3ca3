// `npm run test:soak -- --seed S --minutes M`: faults in a random order that the seed decides, on one real host after
// another, until the time is up or something does not hold. `--replay WORD,WORD…` does just these.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { FaultRig } from './rig.ts';
import { randomFrom } from './random.ts';
import { deedOf, nextDeed, wordOf, type Deed } from './soak-plan.ts';

const { values } = parseArgs({
  options: { seed: { type: 'string' }, minutes: { type: 'string', default: '30' }, replay: { type: 'string' } },
});
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const minutes = Number(values.minutes);
if (!Number.isSafeInteger(seed) || !(minutes > 0)) {
  console.error('usage: npm run test:soak -- [--seed NUMBER] [--minutes NUMBER] [--replay PHASE/FAULT,…]');
  process.exit(2);
}

const root = join(import.meta.dirname, '../..');
await execa(process.execPath, ['esbuild.mjs'], { cwd: root, stdin: 'ignore', stdout: 'inherit', stderr: 'inherit' });

/** So many runs one host goes through: a long history is part of the test, and of the time a replay takes. */
const RUNS_OF_A_HOST = 40;

const begin = performance.now();
const timeIsUp = (): boolean => performance.now() - begin > minutes * 60_000;
const outcomes = new Map<string, number>();
let done = 0;

console.log(values.replay === undefined ? `seed ${seed}, ${minutes} minutes` : `again: ${values.replay}`);
const failure = await (values.replay === undefined ? soak() : play(values.replay.split(',').map(deedOf)));
const counts = [...outcomes].map(([outcome, count]) => `${count} ${outcome}`).join(', ');
console.log(`${done} runs in ${((performance.now() - begin) / 60_000).toFixed(1)} minutes: ${counts}`);
if (failure) {
  console.error(failure.error);
  console.error(`seed ${seed}; again: npm run test:soak -- --replay ${failure.deeds.map(wordOf).join(',')}`);
  process.exitCode = 1;
}

interface Failure {
  readonly error: unknown;
  /** What this host went through, the last of it not to its end. */
  readonly deeds: readonly Deed[];
}

async function soak(): Promise<Failure | undefined> {
  const random = randomFrom(seed);
  while (!timeIsUp()) {
    const failure = await play(Array.from({ length: RUNS_OF_A_HOST }, () => nextDeed(random)));
    if (failure) return failure;
  }
  return undefined;
}

async function play(deeds: readonly Deed[]): Promise<Failure | undefined> {
  await using rig = await FaultRig.create(line => console.error(line));
  for (const [index, deed] of deeds.entries()) {
    if (timeIsUp()) return undefined;
    const since = performance.now();
    try {
      const { outcome, kind } =
        deed.kind === 'cell' ? await rig.run(deed.cell) : await rig.runAnywhere(deed.fault, deed.milliseconds);
      done++;
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      const seconds = ((performance.now() - since) / 1000).toFixed(1);
      console.log(
        `${String(done).padStart(4)}  ${wordOf(deed).padEnd(40)} ${outcome}${kind && ` (${kind})`} in ${seconds} s`,
      );
    } catch (error) {
      return { error, deeds: deeds.slice(0, index + 1) };
    }
  }
  return undefined;
}
