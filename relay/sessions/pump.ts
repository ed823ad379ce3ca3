/** Something that has messages to send, one at a time. */
export interface Source {
  /** Sends one message, or nothing. False when there is nothing more until somebody pokes. */
  step(): Promise<boolean>;
}

export interface PumpLink {
  readonly isOpen: boolean;
  readonly isCongested: boolean;
  room(): Promise<void>;
}

/**
 * Sends what sources have, in turns, as fast as the peer reads and no faster: what the peer has no room for stays where
 * it is, on disk.
 */
export class Pump {
  readonly #link: PumpLink;
  readonly #onError: (error: unknown) => void;
  readonly #ready = new Set<Source>();
  #running = false;

  constructor(link: PumpLink, onError: (error: unknown) => void) {
    this.#link = link;
    this.#onError = onError;
  }

  /** There may be something to send. */
  poke(source: Source): void {
    this.#ready.add(source);
    if (!this.#running) void this.#run();
  }

  drop(source: Source): void {
    this.#ready.delete(source);
  }

  async #run(): Promise<void> {
    this.#running = true;
    try {
      for (let source = this.#next(); source && this.#link.isOpen; source = this.#next()) {
        if (this.#link.isCongested) {
          this.#ready.add(source);
          await this.#link.room();
        } else if (await source.step()) this.#ready.add(source);
      }
    } catch (error) {
      this.#onError(error);
    }
    this.#running = false;
  }

  #next(): Source | undefined {
    const [source] = this.#ready;
    if (source) this.#ready.delete(source);
    return source;
  }
}
