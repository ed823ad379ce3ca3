import { foldRun, INITIAL_RUN, type RunState } from '../../protocol/index.ts';
import type { AgentConfig } from '../config.ts';
import type { AgentIdentity } from '../identity.ts';
import { readAgentState } from '../run-directory/agent-state.ts';
import { statePaths } from '../run-directory/layout.ts';
import { listRuns, readEvents } from '../run-directory/run-list.ts';
import { makeStateFolders } from '../serve/state-file.ts';
import { collectStatus, readStatus, writeStatus } from './collect.ts';
import { describeHost } from './report.ts';

/** Runs that are listed. */
const LISTED = 5;

/** Prints what this host is; with `write` finds it out first and keeps it. */
export async function printStatus(config: AgentConfig, identity: AgentIdentity, write: boolean): Promise<void> {
  const { stateDir } = config;
  if (write) {
    makeStateFolders(stateDir);
    writeStatus(stateDir, await collectStatus(config, { upstream: true, previous: readStatus(stateDir) }));
  }
  const runs = listRuns(stateDir)
    .slice(0, LISTED)
    .map(runId => ({ runId, summary: summary(foldRun(readEvents(stateDir, runId), INITIAL_RUN)) }));
  console.log(
    describeHost({
      config,
      identity,
      state: readAgentState(statePaths(stateDir).agent),
      status: readStatus(stateDir),
      runs,
      now: Date.now(),
    }),
  );
}

function summary({ end, phase }: RunState): string {
  if (!end) return `${phase} …`;
  const said = end.reason ? `: ${end.reason.message}` : end.changed ? '' : ', nothing to update';
  return `${end.outcome}${said}`;
}
