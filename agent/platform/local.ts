import { readAgentState } from '../run-directory/agent-state.ts';
import { isRunning } from '../process.ts';
import { readProcess } from './proc.ts';
import type { AgentService, ServiceManager } from './service-manager.ts';

/** A try-out without a service manager: the agent is the process that its state file names. */
export class LocalProcesses implements ServiceManager {
  readonly #stateFile: string;

  constructor(stateFile: string) {
    this.#stateFile = stateFile;
  }

  agent(): Promise<AgentService> {
    const state = readAgentState(this.#stateFile);
    const process = state && isRunning(state) ? readProcess(state.pid) : undefined;
    return Promise.resolve(
      process ? { active: true, state: 'running', process } : { active: false, state: 'not running' },
    );
  }

  failedUnits(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }

  agentLog(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }
}
