import { Disposable } from '../base/disposable.ts';
import { Emitter } from '../base/event.ts';
import { parseFilter, type HostFilter } from './host-filter.ts';

/** What of a vscode.Memento is needed here. */
export interface FilterMemory {
  get(key: string): unknown;
  update(key: string, value: unknown): PromiseLike<void>;
}

const KEY = 'nixfleet.hostFilter';

/** The filter of the Hosts view, kept for the workspace. */
export class KeptFilter extends Disposable {
  readonly #memory: FilterMemory;
  readonly #changed = this.own(new Emitter<void>());
  #filter: HostFilter;

  readonly onDidChange = this.#changed.event;

  constructor(memory: FilterMemory) {
    super();
    this.#memory = memory;
    this.#filter = parseFilter(memory.get(KEY));
  }

  get filter(): HostFilter {
    return this.#filter;
  }

  async set(filter: HostFilter): Promise<void> {
    this.#filter = filter;
    this.#changed.fire();
    await this.#memory.update(KEY, filter.size > 0 ? [...filter] : undefined);
  }
}
