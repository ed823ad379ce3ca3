import type { Logger } from 'pino';
import { processIdentity } from '../process.ts';
import type { AgentIdentity } from '../identity.ts';
import type { AgentState } from '../run-directory/agent-state.ts';
import { writeFileAtomically } from '../run-directory/files.ts';
import { statePaths } from '../run-directory/layout.ts';

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
