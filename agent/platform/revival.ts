/** Decides what brings the agent's job back after a switch. Pure. */
import { isBusy, type Job } from './launchctl.ts';

export interface JobSighting {
  /** The job, where launchd has one of the agent's label. */
  readonly job: Job | undefined;
  /** Its process is the agent that must run, or has none to compare. */
  readonly isWanted: boolean;
  /** That process has been another for a while: it is not just about to become the agent that must run. */
  readonly isSettled: boolean;
  /** What lies where the activation installs the plist: that of the generation, another, none. */
  readonly plist: 'wanted' | 'other' | 'missing';
}

/** `reload`: unload what runs and load the plist. `cannot`: nothing here to load. */
export type RevivalPlan = 'nothing' | 'kickstart' | 'load' | 'reload' | 'cannot';

export function planRevival({ job, isWanted, isSettled, plist }: JobSighting): RevivalPlan {
  if (!job) return plist === 'wanted' ? 'load' : 'cannot';
  if (isWanted) return isBusy(job) ? 'nothing' : 'kickstart';
  // an old plist that was put back is what it is, and no success; under the right one launchd merely kept the old job
  if (plist !== 'wanted') return 'cannot';
  return isSettled ? 'reload' : 'nothing';
}
