import type { Logger } from 'pino';
import type { HostStatus } from '../../protocol/index.ts';

export interface StatusKeeperOptions {
  /** How the status is found out. */
  readonly collect: (options: { upstream: boolean; previous: HostStatus | undefined }) => Promise<HostStatus>;
  /** Called with each status that was found out. */
  readonly onStatus: (status: HostStatus) => void;
  readonly initial: HostStatus | undefined;
  readonly log: Logger;
}

/**
 * Keeps a host's status: finds it out one at a time, however often it is asked for. What is asked for meanwhile is
 * answered by one more look afterwards.
 */
export class StatusKeeper {
  readonly #options: StatusKeeperOptions;
  #current: HostStatus | undefined;
  #wanted: 'nothing' | 'local' | 'upstream' = 'nothing';
  #busy = false;

  constructor(options: StatusKeeperOptions) {
    this.#options = options;
    this.#current = options.initial;
  }

  get current(): HostStatus | undefined {
    return this.#current;
  }

  /** Asks for a look, with the newest revision upstream or without it. */
  refresh(what: 'local' | 'upstream'): void {
    if (this.#wanted !== 'upstream') this.#wanted = what;
    if (!this.#busy) void this.#look();
  }

  async #look(): Promise<void> {
    this.#busy = true;
    while (this.#wanted !== 'nothing') {
      const upstream = this.#wanted === 'upstream';
      this.#wanted = 'nothing';
      try {
        const status = await this.#options.collect({ upstream, previous: this.#current });
        this.#current = status;
        this.#options.onStatus(status);
      } catch (error) {
        this.#options.log.error(`the host's status could not be found out: ${(error as Error).message}`);
      }
    }
    this.#busy = false;
  }
}
