/** Something that holds a timer, socket, listener or file until it is told to let go. vscode.Disposable is one. */
export interface IDisposable {
  dispose(): unknown;
}

/** Owns other disposables and lets go of them in reverse order, each of them even when another one throws. */
export abstract class Disposable implements IDisposable {
  readonly #owned = new Set<IDisposable>();
  #disposed = false;

  get isDisposed(): boolean {
    return this.#disposed;
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    const errors: unknown[] = [];
    for (const part of [...this.#owned].reverse()) {
      try {
        part.dispose();
      } catch (error) {
        errors.push(error);
      }
    }
    this.#owned.clear();
    if (errors.length > 0) throw errors.length === 1 ? errors[0] : new AggregateError(errors, 'could not dispose');
  }

  /** Takes ownership. What comes after the end is disposed at once. */
  protected own<T extends IDisposable>(part: T): T {
    if (this.#disposed) part.dispose();
    else this.#owned.add(part);
    return part;
  }

  /** Lets go of one part before the end. */
  protected release(part: IDisposable): void {
    if (this.#owned.delete(part)) part.dispose();
  }
}

export function toDisposable(dispose: () => void): IDisposable {
  return { dispose };
}
