// Prints like mocha's own reporter (NIXFLEET_TEST_REPORTER: dot or spec) and writes the record of the run beside it.
import { appendFileSync } from 'node:fs';
import Mocha from 'mocha';
import { REASON } from './cannot-run.ts';
import { RECORD_VARIABLE, type RecordLine } from './record.ts';

const live = process.env['NIXFLEET_TEST_REPORTER'] === 'dot' ? Mocha.reporters.Dot : Mocha.reporters.Spec;
const { EVENT_TEST_PASS, EVENT_TEST_FAIL, EVENT_TEST_PENDING, EVENT_RUN_END } = Mocha.Runner.constants;

export default class RecordingReporter extends live {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    const file = process.env[RECORD_VARIABLE];
    if (file === undefined) return;
    const write = (line: RecordLine) => {
      appendFileSync(file, `${JSON.stringify(line)}\n`);
    };
    runner.on(EVENT_TEST_PASS, test => {
      write({ kind: 'pass', title: test.fullTitle() });
    });
    runner.on(EVENT_TEST_FAIL, test => {
      write({ kind: 'fail', title: test.fullTitle() });
    });
    runner.on(EVENT_TEST_PENDING, test => {
      write({ kind: 'skip', title: test.fullTitle(), ...whySkipped(test) });
    });
    runner.once(EVENT_RUN_END, () => {
      write({ kind: 'end' });
      const grace = process.env['NIXFLEET_TEST_GRACE'];
      if (grace !== undefined) failIfStillAlive(write, Number(grace));
    });
  }
}

function whySkipped(test: Mocha.Test): { suite: string; reason: string } {
  const own = (test as { [REASON]?: string })[REASON];
  if (own !== undefined) return { suite: test.fullTitle(), reason: own };
  for (let suite = test.parent; suite !== undefined; suite = suite.parent) {
    const reason = (suite as { [REASON]?: string })[REASON];
    if (reason !== undefined) return { suite: suite.fullTitle(), reason };
  }
  return { suite: test.fullTitle(), reason: 'no reason given' };
}

/** What outlives the tests by this many milliseconds is a failure, not something to be hidden by ending the process. */
function failIfStillAlive(write: (line: RecordLine) => void, grace: number): void {
  const timer = setTimeout(() => {
    const alive = [...new Set(process.getActiveResourcesInfo())].join(', ');
    const title = `the tests are done, but something keeps their process alive: ${alive}`;
    console.error(title);
    write({ kind: 'fail', title });
    process.exit();
  }, grace);
  timer.unref();
}
