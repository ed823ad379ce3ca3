/** What is known of the agent's process and of the services beside it. */
export interface ServiceManager {
  /** The agent as the service manager sees it, or as it says of itself where there is none. */
  agent(): Promise<AgentService>;
  /** Names of units that have failed. Empty where there are no units. */
  failedUnits(): Promise<readonly string[]>;
  /** The agent's own last log lines since a time (ms since the epoch), for people. */
  agentLog(since: number): Promise<readonly string[]>;
  /**
   * Brings the agent of the generation that runs back where the service manager has lost it. What was done or is in the
   * way, for people; undefined when there is nothing to do. Asked again and again while the agent is missing.
   */
  revive?(wanted: Revival): Promise<string | undefined>;
}

/** The generation whose agent must run, and the agent's store path where the generation names it. */
export interface Revival {
  readonly toplevel: string;
  readonly storePath?: string | undefined;
}

export interface AgentService {
  /** Whether the service manager counts it as running. */
  readonly active: boolean;
  /** Its state in the service manager's words, for people. */
  readonly state: string;
  readonly process?: AgentProcess;
}

export interface AgentProcess {
  readonly pid: number;
  /** As `processStartTime` gives it. */
  readonly startTime: string;
  /** The executable and the arguments: by them one sees from which store path it runs. */
  readonly paths: readonly string[];
}

/** Whether a process runs from a store path: its executable or one of its arguments lies below it. */
export function runsFrom(process: AgentProcess, storePath: string): boolean {
  return process.paths.some(path => path === storePath || path.startsWith(`${storePath}/`));
}
