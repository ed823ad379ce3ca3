// What a run of tests came to. Pure: everything that is counted and said at the end of `npm test`.

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly Skip[];
}

/** A suite, or a single test, that did not run. */
export interface Skip {
  readonly what: string;
  readonly reason: string;
  readonly tests: number;
}

export const nothing: Tally = { passed: 0, failed: 0, skipped: [] };
export const onePassed: Tally = { ...nothing, passed: 1 };
export const oneFailed: Tally = { ...nothing, failed: 1 };

export function oneSkipped(what: string, reason: string): Tally {
  return { ...nothing, skipped: [{ what, reason, tests: 1 }] };
}

export function sum(tallies: readonly Tally[]): Tally {
  return tallies.reduce(
    (a, b) => ({
      passed: a.passed + b.passed,
      failed: a.failed + b.failed,
      skipped: [...a.skipped, ...b.skipped],
    }),
    nothing,
  );
}

/** Where everything must run (`CI=true`), what was skipped has failed. */
export function withoutExcuses(tally: Tally): Tally {
  return { passed: tally.passed, failed: tally.failed + skippedTests(tally), skipped: [] };
}

/** `N passed, N failed`, and `, N skipped` only where there is something to say. */
export function summary(tally: Tally): string {
  const skipped = skippedTests(tally);
  return `${tally.passed} passed, ${tally.failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

function skippedTests(tally: Tally): number {
  return tally.skipped.reduce((tests, skip) => tests + skip.tests, 0);
}
