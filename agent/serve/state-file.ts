import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Logger } from 'pino';
import { processIdentity } from '../process.ts';
import { ConfigError } from '../config.ts';
import type { AgentIdentity } from '../identity.ts';
import type { AgentState } from '../run-directory/agent-state.ts';
import { writeFileAtomically } from '../run-directory/files.ts';
import { statePaths } from '../run-directory/layout.ts';

/**
 * Makes the folders of the state. Others may pass through to what is theirs in a run, and read nothing else.
 * @throws ConfigError
 */
export function makeStateFolders(stateDir: string): void {
  const { runs, inbox, agent, status } = statePaths(stateDir);
  try {
    for (const folder of [stateDir, runs, dirname(agent), dirname(status)])
      mkdirSync(folder, { recursive: true, mode: 0o751 });
    mkdirSync(inbox, { recursive: true, mode: 0o750 });
  } catch (error) {
    throw new ConfigError(`the state folder ${stateDir} cannot be made: ${(error as Error).message}`);
  }
}

/** What the agent at work says of itself on disk, for the runner that must prove which agent runs. */
export class StateFile {
  readonly #path: string;
  readonly #log: Logger;
  readonly #state: AgentState;

  /** Writes the file anew: nobody has greeted this process yet. */
  constructor(stateDir: string, identity: AgentIdentity, instance: string, log: Logger) {
    this.#log = log;
    const self = processIdentity();
    if (!self) throw new Error('this process has no start time');
    this.#path = statePaths(stateDir).agent;
    this.#state = { ...self, format: 1, instance, identity: identity.manifest ?? null, startedAt: Date.now() };
    this.#write(this.#state);
  }

  /** The relay has greeted this agent. */
  greeted(): void {
    this.#write({ ...this.#state, helloAt: Date.now() });
  }

  #write(state: AgentState): void {
    try {
      writeFileAtomically(this.#path, `${JSON.stringify(state)}\n`, 0o644);
    } catch (error) {
      // an agent on a full disk must still be there to be asked
      this.#log.error(`${this.#path} cannot be written: ${(error as Error).message}`);
    }
  }
}
