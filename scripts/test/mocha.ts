// Runs mocha in a process of its own and counts what its record says, whatever becomes of the process.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Children } from './children.ts';
import { root } from './files.ts';
import { outcomeOf, RECORD_VARIABLE, type Exit } from './record.ts';
import { nothing, oneFailed, type Tally } from './tally.ts';

export interface MochaRun {
  readonly files: readonly string[];
  /** For one test, in milliseconds. */
  readonly timeout: number;
  readonly reporter: 'dot' | 'spec';
  /** How long the process may stay alive after its last test, in milliseconds; 10 000 unless told. */
  readonly grace?: number;
  readonly grep?: string | undefined;
  readonly env?: Readonly<Record<string, string>>;
}

export async function runMocha(children: Children, run: MochaRun): Promise<Tally> {
  if (run.files.length === 0) return noTests(children);
  const args = ['node_modules/mocha/bin/mocha.js', '--reporter', 'scripts/test/reporter.ts'];
  args.push('--require', 'scripts/test/polite-end.ts', '--timeout', String(run.timeout));
  if (run.grep !== undefined) args.push('--grep', run.grep);
  return counted(children, record =>
    children.run({
      file: process.execPath,
      args: [...args, ...run.files],
      cwd: root,
      env: {
        ...run.env,
        [RECORD_VARIABLE]: record,
        NIXFLEET_TEST_REPORTER: run.reporter,
        NIXFLEET_TEST_GRACE: String(run.grace ?? 10_000),
      },
    }),
  );
}

/** Gives `run` the file of a record, and counts what it says when `run` has ended. */
export async function counted(children: Children, run: (record: string) => Promise<Exit>): Promise<Tally> {
  const folder = mkdtempSync(join(tmpdir(), 'nixfleet-test-'));
  try {
    const record = join(folder, 'record.ndjson');
    writeFileSync(record, '');
    const exit = await run(record);
    if (children.stopping) return nothing;
    const { tally, trouble } = outcomeOf(readFileSync(record, 'utf8'), exit);
    if (trouble !== undefined) children.say(`Failed: ${trouble}`);
    if (trouble === undefined && tally.passed + tally.failed + tally.skipped.length === 0) return noTests(children);
    return tally;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function noTests(children: Children): Tally {
  children.say('Failed: there are no such tests');
  return oneFailed;
}
