import { foldRun, INITIAL_RUN, type RunId, type RunState } from '../../protocol/index.ts';
import type { AgentConfig } from '../config.ts';
import type { AgentIdentity } from '../identity.ts';
import { readAgentState } from '../run-directory/agent-state.ts';
import { statePaths } from '../run-directory/layout.ts';
import { listRuns, readEvents } from '../run-directory/run-list.ts';
import { readStatus, refreshStatus } from './collect.ts';
import { describeHost, type ReportInput } from './report.ts';

/** Runs that are listed. */
const LISTED = 5;

/** Prints what this host is; with `write` finds it out first and keeps it. */
export async function printStatus(config: AgentConfig, identity: AgentIdentity, write: boolean): Promise<void> {
  const { stateDir } = config;
  if (write) await refreshStatus(config);
  console.log(
    describeHost({
      config,
      identity,
      state: readAgentState(statePaths(stateDir).agent),
      status: readStatus(stateDir),
      runs: runsOf(stateDir),
      now: Date.now(),
    }),
  );
}

/** The newest runs; undefined for whom may not look at them. */
function runsOf(stateDir: string): ReportInput['runs'] {
  let runIds: RunId[];
  try {
    runIds = listRuns(stateDir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
    return undefined;
  }
  return runIds
    .slice(0, LISTED)
    .map(runId => ({ runId, summary: summary(foldRun(readEvents(stateDir, runId), INITIAL_RUN)) }));
}

function summary({ end, phase }: RunState): string {
  if (!end) return `${phase} …`;
  const said = end.reason ? `: ${end.reason.message}` : end.changed ? '' : ', nothing to update';
  return `${end.outcome}${said}`;
}
