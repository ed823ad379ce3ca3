import { lastLines } from './last-lines.ts';
import { fail, RunFailure, type RunReason } from './reason.ts';
import type { StepResult } from './step-runner.ts';

/** Ends the phase unless the step ended with 0: with why it was stopped, what its output means, or its exit code. */
export function expectSuccess(
  result: StepResult,
  what: string,
  meaning: (output: string) => RunReason | undefined,
): void {
  if (result.exitCode === 0 && !result.stopped) return;
  const lines = lastLines(result.tail);
  if (result.stopped) throw new RunFailure(result.stopped.reason, lines, result.stopped);
  if (result.notStarted)
    fail(
      'missing-program',
      notStarted(what, result.notStarted),
      'Install it on the host, where the runner’s PATH finds it.',
    );
  const reason = meaning(outputText(result));
  if (reason) throw new RunFailure(reason, lines);
  const how = result.signal ? `was ended by ${result.signal}` : `ended with exit code ${result.exitCode ?? 'unknown'}`;
  fail(
    'internal',
    `${what} ${how}${lines.length > 0 ? `: ${lines.at(-1) ?? ''}` : ''}`,
    'See the output of the step.',
    lines,
  );
}

/** The end of a step's output as text. */
export function outputText(result: Pick<StepResult, 'tail'>): string {
  return lastLines(result.tail, 2000).join('\n');
}

function notStarted(what: string, error: Error): string {
  const code = /\b(E[A-Z]+)\b/.exec(error.message)?.[1];
  return code === 'ENOENT'
    ? `${what} cannot run: the program was not found on this host`
    : `${what} cannot run: ${error.message.split('\n')[0] ?? ''}`;
}
