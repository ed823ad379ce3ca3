import type { IDisposable } from './disposable.ts';

/** Subscribes a listener. A vscode.Event in shape, so that either can be passed for the other. */
export type Event<T> = (listener: (value: T) => unknown) => IDisposable;

/** The firing end of an event, for code that is tested without VS Code. */
export class Emitter<T> implements IDisposable {
  readonly #listeners = new Set<{ readonly call: (value: T) => unknown }>();

  readonly event: Event<T> = listener => {
    const entry = { call: listener };
    this.#listeners.add(entry);
    return { dispose: () => this.#listeners.delete(entry) };
  };

  get listenerCount(): number {
    return this.#listeners.size;
  }

  /** Calls everybody who listens now. One that throws is reported as uncaught and does not stop the others. */
  fire(value: T): void {
    for (const entry of [...this.#listeners]) {
      if (!this.#listeners.has(entry)) continue;
      try {
        entry.call(value);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  dispose(): void {
    this.#listeners.clear();
  }
}

/** Fires when any of them does. */
export function anyOf(...events: readonly Event<unknown>[]): Event<void> {
  return listener => {
    const parts = events.map(event => event(() => listener()));
    return { dispose: () => parts.forEach(part => part.dispose()) };
  };
}

/** Resolves with the first value for which `accept` holds; rejects with the signal's reason. */
export function nextValue<T>(event: Event<T>, accept: (value: T) => boolean, signal?: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      subscription.dispose();
      signal?.removeEventListener('abort', onAbort);
    };
    const onAbort = (): void => {
      stop();
      reject(signal?.reason instanceof Error ? signal.reason : new Error('aborted'));
    };
    const subscription = event(value => {
      if (!accept(value)) return;
      stop();
      resolve(value);
    });
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}
