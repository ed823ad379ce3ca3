/** Whether the folders of the state are there, and everybody's who writes into them. */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { InboxFolder } from '../run-directory/inbox-folder.ts';
import { statePaths } from '../run-directory/layout.ts';
import type { User } from '../steps/user.ts';
import { well, wrong, type Finding } from './check.ts';

/** The state of an agent that makes it itself. */
export function checkOwnState(path: string): Finding {
  if (!existsSync(path))
    return wrong(`${path} does not exist`, 'Start the agent once; it makes its state folder itself.');
  try {
    accessSync(path, constants.W_OK);
    return well(path);
  } catch {
    return wrong(`${path} may not be written`, 'Run this as the user that the agent runs as.');
  }
}

const MAKE = 'systemd-tmpfiles --create makes it as the module wants it.';

/**
 * The state of an agent that may write its own part of it alone, looked at as root.
 * @param agent the user that the agent runs as
 * @param statusOwner who writes the status: the checkout's owner, where the configuration names one
 */
export function checkSharedState(stateDir: string, agent: User, statusOwner: User | undefined): Finding {
  const { inbox, runs, agent: agentFile, status } = statePaths(stateDir);
  if (!existsSync(stateDir)) return wrong(`${stateDir} does not exist`, MAKE);
  const opened = InboxFolder.open(stateDir);
  if (!opened.ok) return wrong(opened.message, MAKE);
  opened.inbox[Symbol.dispose]();
  const isRoot = agent.uid === 0;
  for (const [folder, owner] of [
    [inbox, agent],
    [dirname(agentFile), agent],
    [dirname(status), statusOwner],
  ] as const) {
    const stat = statSync(folder, { throwIfNoEntry: false });
    if (!stat) return wrong(`${folder} does not exist`, MAKE);
    if (owner && stat.uid !== owner.uid)
      return wrong(`${folder} belongs to user ${stat.uid} and not to ${owner.name}, who has to write there`, MAKE);
  }
  const { uid, gid, mode } = statSync(runs, { throwIfNoEntry: false }) ?? {};
  if (mode === undefined) return wrong(`${runs} does not exist`, MAKE);
  if (uid !== 0) return wrong(`${runs} belongs to user ${uid} and not to root, who alone may write there`, MAKE);
  if (!isRoot && (gid !== agent.gid || (mode & 0o2050) !== 0o2050))
    return wrong(`what lies in ${runs} cannot be read by the group of ${agent.name}`, MAKE);
  return well(stateDir);
}
