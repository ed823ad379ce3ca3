import { watch, type FSWatcher } from 'node:fs';

export interface FolderWatchOptions {
  /** Milliseconds from the first change that is noticed to the call. */
  readonly gather: number;
  /** The same for a change that comes so long after the last call that nothing needs to be gathered; `gather` without it. */
  readonly soon?: number;
  /** Milliseconds between calls without a notice. */
  readonly poll: number;
}

/**
 * Calls back when something in a folder may have changed: soon after the system says so, and now and then in any case,
 * since it does not always (network file systems, exhausted watches, a folder that is not there yet).
 */
export class FolderWatch implements Disposable {
  readonly #path: string;
  readonly #gather: number;
  readonly #soon: number;
  readonly #onChange: () => void;
  #watcher: FSWatcher | undefined;
  #gathering: NodeJS.Timeout | undefined;
  readonly #poll: NodeJS.Timeout;
  #calledAt = -Infinity;

  constructor(path: string, options: FolderWatchOptions, onChange: () => void) {
    this.#path = path;
    this.#gather = options.gather;
    this.#soon = options.soon ?? options.gather;
    this.#onChange = onChange;
    this.#attach();
    this.#poll = setInterval(() => {
      if (!this.#watcher) this.#attach();
      onChange();
    }, options.poll);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#poll);
    clearTimeout(this.#gathering);
    this.#watcher?.close();
  }

  #attach(): void {
    try {
      this.#watcher = watch(this.#path, { persistent: false }, () => this.#noticed());
      this.#watcher.on('error', () => this.#detach());
    } catch {
      this.#watcher = undefined;
    }
  }

  #detach(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #noticed(): void {
    if (this.#gathering) return;
    const sinceCall = performance.now() - this.#calledAt;
    const wait = Math.min(this.#gather, Math.max(this.#soon, this.#gather - sinceCall));
    this.#gathering = setTimeout(() => {
      this.#gathering = undefined;
      this.#calledAt = performance.now();
      this.#onChange();
    }, wait);
  }
}
