/** The main job in a terminal: asks for an update, prints what happens while it happens, and sums it up. */
import { stripVTControlCharacters, styleText } from 'node:util';
import { compareLocks, parseFlakeLock } from '../../flake-lock/index.ts';
import { formatLockDiff } from '../../flake-lock/format.ts';
import type { RunState } from '../../protocol/index.ts';
import type { Operator, WatchedRun } from '../../test/support/operator.ts';

const bold = (text: string): string => styleText('bold', text);
const dim = (text: string): string => styleText('dim', text);

/** Updates a host and prints it. Returns the process's exit code: 0 for `succeeded`. */
export async function updateInTerminal(
  operator: Operator,
  host: string,
  write: (text: string) => void,
): Promise<number> {
  const askedAt = Date.now();
  const runId = await operator.update(host);
  const run = await operator.watch(runId);
  write(`${bold(`Update Agent on ${host}`)} ${dim(`run ${runId}`)}\n\n`);
  run.onOutput = liveOutput(write);
  await operator.finished(runId, 10 * 60_000);
  const seconds = (Date.now() - askedAt) / 1000;
  write(`\n${phaseTable(run.state)}\n`);
  write(`\n${lockText(run)}\n`);
  write(`\n${lastLine(host, run.state, operator.runs.get(runId)?.reason?.message, seconds)}\n`);
  return run.state.end?.outcome === 'succeeded' ? 0 : 1;
}

/** Output as it comes, indented; colours pass, other control sequences do not. */
function liveOutput(write: (text: string) => void): (bytes: Uint8Array) => void {
  const decoder = new TextDecoder();
  let rest = '';
  return bytes => {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines)
      write(`  ${styleText('stdout' in process ? 'dim' : 'reset', '│')} ${stripVTControlCharacters(line)}\n`);
  };
}

function phaseTable(state: RunState): string {
  const rows = state.phases.map(({ phase, startedAt, endedAt }) => {
    const failed = state.end && state.end.outcome !== 'succeeded' && state.end.phase === phase;
    const time = `${(((endedAt ?? startedAt) - startedAt) / 1000).toFixed(2)} s`;
    return `  ${failed ? '✗' : '✓'} ${phase.padEnd(12)} ${time.padStart(9)}`;
  });
  return [bold('Phases'), ...rows].join('\n');
}

function lockText(run: WatchedRun): string {
  const before = parseFlakeLock(run.bytes('lock-before').toString());
  const after = parseFlakeLock(run.bytes('lock-after').toString());
  if (!before.ok || !after.ok) return dim('no flake.lock to compare');
  return [bold('flake.lock'), formatLockDiff(compareLocks(before.lock, after.lock))].join('\n');
}

function lastLine(host: string, state: RunState, refusal: string | undefined, seconds: number): string {
  const took = `${seconds.toFixed(1)} s`;
  const end = state.end;
  if (!end) return `${host} was not updated: ${refusal ?? 'the run did not begin'}`;
  const [from, to] = [state.before?.agent?.version ?? 'unknown', end.after.agent?.version ?? 'unknown'];
  if (end.outcome === 'succeeded') {
    return end.changed
      ? `updated ${host}: agent ${from} → ${to} in ${took}`
      : `${host} is up to date: agent ${to}, in ${took}`;
  }
  return [`${host}: ${end.outcome} while ${end.phase}: ${end.reason?.message ?? 'no reason given'}`, end.reason?.advice]
    .filter(line => line !== undefined)
    .join('\n');
}
