import { existsSync, rmSync } from 'node:fs';
import type { AgentMessage, Phase, RunId } from '../../protocol/index.ts';
import { writeFileAtomically } from '../run-directory/files.ts';
import { inboxPaths } from '../run-directory/layout.ts';
import type { HostRuns } from './host-runs.ts';
import type { Intake } from './intake.ts';

type CancelAnswer = Extract<AgentMessage, { type: 'cancel-result' }>;

export interface CancelContext {
  readonly stateDir: string;
  readonly runs: Pick<HostRuns, 'find'>;
  readonly intake: Pick<Intake, 'isStarting'>;
}

/** Leaves the mark that the runner of a run looks for, and says what will come of it. Never rejects. */
export async function askToCancel(
  { stateDir, runs, intake }: CancelContext,
  runId: RunId,
  by: string,
): Promise<CancelAnswer> {
  const answer = (accepted: boolean, message: string): CancelAnswer => ({
    type: 'cancel-result',
    runId,
    accepted,
    message,
  });
  const run = await runs.find(runId);
  const paths = inboxPaths(stateDir, runId);
  if (!run && !intake.isStarting(runId) && !existsSync(paths.request))
    return answer(false, 'This host does not have such a run.');
  if (run?.ended) return answer(false, 'The run has ended already.');
  try {
    writeFileAtomically(paths.cancel, `${JSON.stringify({ format: 1, by, at: Date.now() })}\n`);
  } catch (error) {
    return answer(false, `The wish to cancel could not be written down: ${(error as Error).message}`);
  }
  // one that has ended meanwhile looks for no mark any more
  if ((await runs.find(runId))?.ended) {
    rmSync(paths.cancel, { force: true });
    return answer(false, 'The run has ended already.');
  }
  if (run?.publishing) return answer(true, 'The run has succeeded already; its lock stays unpublished.');
  return answer(true, prospect(run?.phase ?? 'accepted'));
}

function prospect(phase: Phase): string {
  switch (phase) {
    case 'queued':
    case 'accepted':
    case 'pulling':
    case 'locking':
    case 'building':
      return 'The run stops its work now and puts the checkout back as it was.';
    case 'activating':
    case 'confirming':
      return 'The new generation is being activated: the run ends at the next safe point, with the old generation back.';
    case 'committing':
      return 'The new generation is proven and about to be made the default: the run ends by itself in a moment.';
  }
}
