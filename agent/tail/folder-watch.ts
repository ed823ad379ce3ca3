import { watch, type FSWatcher } from 'node:fs';

/**
 * Calls back when something in a folder may have changed: soon after the system says so, and now and then in any case,
 * since it does not always (network file systems, exhausted watches, a folder that is not there yet).
 */
export class FolderWatch implements Disposable {
  readonly #path: string;
  readonly #gather: number;
  readonly #onChange: () => void;
  #watcher: FSWatcher | undefined;
  #gathering: NodeJS.Timeout | undefined;
  readonly #poll: NodeJS.Timeout;

  /**
   * @param gather milliseconds from the first change that is noticed to the call
   * @param poll milliseconds between calls without a notice
   */
  constructor(path: string, options: { readonly gather: number; readonly poll: number }, onChange: () => void) {
    this.#path = path;
    this.#gather = options.gather;
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
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined;
      this.#onChange();
    }, this.#gather);
  }
}
