import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { userInfo } from 'node:os';
import { statePaths } from './layout.ts';

/**
 * Sees to it that the folders of the state are there: makes what is missing, and takes what a module made, whoever owns it.
 * Others may pass through to what is theirs in a run, and read nothing else.
 * @returns what the agent will miss, for people; an agent that goes on without can at least say so to whoever asks for a run
 */
export function makeStateFolders(stateDir: string): string[] {
  const { runs, inbox, agent, status } = statePaths(stateDir);
  const problems: string[] = [];
  for (const folder of [stateDir, runs, dirname(agent), dirname(status), inbox]) {
    try {
      mkdirSync(folder, { recursive: true, mode: folder === inbox ? 0o750 : 0o751 });
    } catch (error) {
      problems.push(`${folder} cannot be made: ${(error as Error).message}`);
    }
  }
  for (const folder of [inbox, dirname(agent)]) {
    const problem = unwritable(folder);
    if (problem !== undefined) problems.push(problem);
  }
  return problems;
}

/** Why nothing can be put into a folder that is there, for people. */
export function unwritable(folder: string): string | undefined {
  if (!statSync(folder, { throwIfNoEntry: false })) return undefined;
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return undefined;
  } catch {
    return `${folder} may not be written by ${userInfo().username}`;
  }
}
