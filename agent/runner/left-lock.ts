/**
 * Locks of git that nobody holds any more: a git that died with the power, or by SIGKILL, leaves its `*.lock` behind, and
 * every later one gives up before it. In a checkout that fails the step; in nix's copy of a repository nix goes on with
 * what it had, for ever.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Checkout, RunContext } from './context.ts';
import { outputText } from './expect-success.ts';
import type { StepResult } from './step-runner.ts';

/** A repository may have more than one. */
const AT_MOST = 5;

/** For a git that tidies up after a fetch, milliseconds; and between two looks. */
const PATIENCE_MS = 10_000;
const LOOK_MS = 200;

/** The lock that git could not make because it is there; undefined when the output names none. */
export function lockInTheWay(output: string): string | undefined {
  return /^(?:fatal|error): .*?\bUnable to create '(\/[^'\n]+\.lock)': File exists/m.exec(output)?.[1];
}

/** Does a step again for each lock in its way, which is removed, unless some git is at work on this host. */
export async function pastLeftLocks(
  run: RunContext,
  checkout: Checkout,
  step: () => Promise<StepResult>,
): Promise<StepResult> {
  let result = await step();
  for (let i = 0; i < AT_MOST; i++) {
    const lock = lockInTheWay(outputText(result));
    if (lock === undefined || !(await hasGitGone(run.control.signal))) return result;
    const { exitCode } = await checkout.query(['rm', '--', lock]);
    if (exitCode !== 0) return result;
    run.steps.say(`a git that died had left ${lock}; it is removed`);
    result = await step();
  }
  return result;
}

/** Whether no git is at work on this host, or none soon. */
async function hasGitGone(signal: AbortSignal): Promise<boolean> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  while (commands().some(command => /^git(?:$|-)/.test(command))) {
    if (performance.now() >= giveUpAt) return false;
    await delay(LOOK_MS, undefined, { signal });
  }
  return true;
}

/** The names of all programs that run. */
function commands(): readonly string[] {
  if (process.platform !== 'linux')
    return execFileSync('ps', ['-A', '-o', 'comm='], { encoding: 'utf8' })
      .split('\n')
      .map(path => path.replace(/^.*\//, '').trim());
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(pid => {
      try {
        return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
      } catch {
        return '';
      }
    });
}
