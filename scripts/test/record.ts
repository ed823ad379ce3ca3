// The record that a mocha run leaves beside what it prints: one line of JSON for each test, written at once, so that a
// process that dies in the middle has still said what it had done.
import { nothing, type Skip, type Tally } from './tally.ts';

/** Names the file of the record in the environment of the process that runs mocha. */
export const RECORD_VARIABLE = 'NIXFLEET_TEST_RECORD';

export type RecordLine =
  | { readonly kind: 'pass' | 'fail'; readonly title: string }
  | { readonly kind: 'skip'; readonly title: string; readonly suite: string; readonly reason: string }
  | { readonly kind: 'end' };

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Outcome {
  readonly tally: Tally;
  /** Why the run counts as failed although no test of it did. */
  readonly trouble?: string;
}

/** Counts a record. A process that crashed, or that exits with an error nobody counted, is one failure more. */
export function outcomeOf(record: string, exit: Exit): Outcome {
  const lines = parse(record);
  let tally = nothing;
  for (const line of lines) {
    if (line.kind === 'pass') tally = { ...tally, passed: tally.passed + 1 };
    else if (line.kind === 'fail') tally = { ...tally, failed: tally.failed + 1 };
    else if (line.kind === 'skip') tally = { ...tally, skipped: withSkip(tally.skipped, line.suite, line.reason) };
  }
  const trouble = troubleOf(lines, exit, tally);
  return trouble === undefined ? { tally } : { tally: { ...tally, failed: tally.failed + 1 }, trouble };
}

function troubleOf(lines: readonly RecordLine[], exit: Exit, tally: Tally): string | undefined {
  const how = exit.signal === null ? `exit code ${exit.code ?? 'unknown'}` : `ended by ${exit.signal}`;
  if (!lines.some(line => line.kind === 'end')) return `the tests broke off (${how})`;
  if (exit.code !== 0 && tally.failed === 0) return `no test failed, but the process did (${how})`;
  return undefined;
}

function withSkip(skips: readonly Skip[], what: string, reason: string): readonly Skip[] {
  const same = skips.find(skip => skip.what === what && skip.reason === reason);
  return [...skips.filter(skip => skip !== same), { what, reason, tests: (same?.tests ?? 0) + 1 }];
}

function parse(record: string): RecordLine[] {
  const complete = record.slice(0, record.lastIndexOf('\n') + 1);
  return complete
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as RecordLine);
}
