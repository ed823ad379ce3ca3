/** One thing to send. `more`: the source may have another at once. */
export interface Piece {
  readonly data: string | Uint8Array;
  readonly more: boolean;
  /** Called when the data is not needed any more. */
  readonly release?: () => void;
}

export interface Source {
  /** The next piece; undefined when there is nothing until the next wake. */
  next(): Promise<Piece | undefined>;
}

/** Where pieces go: the part of a connection that the pump needs. */
export interface Sink {
  sendRaw(data: string | Uint8Array, flushed: () => void): void;
  readonly bufferedAmount: number;
  progressed(): void;
}

/** Bytes in the socket's queue above which nothing more is read, and below which reading goes on. */
const HIGH_WATER = 256 * 1024;
const LOW_WATER = 128 * 1024;

/**
 * Moves pieces from many sources into one socket, a piece from each in turn, and reads the disk no faster than the
 * socket drains. A source that fails is dropped and reported; the others go on.
 */
export class Pump {
  readonly #sink: Sink;
  readonly #onFailure: (source: Source, error: unknown) => void;
  /** In the order of their turns. */
  readonly #ready = new Set<Source>();
  /** The source whose turn it is, and whether it was woken in the meantime. */
  #current: { readonly source: Source; woken: boolean; removed: boolean } | undefined;
  #running = false;
  #stopped = false;
  #drained: (() => void) | undefined;

  constructor(sink: Sink, onFailure: (source: Source, error: unknown) => void) {
    this.#sink = sink;
    this.#onFailure = onFailure;
  }

  /** Says that a source has something, or has it again. */
  wake(source: Source): void {
    if (this.#stopped) return;
    if (this.#current?.source === source) this.#current.woken = true;
    else this.#ready.add(source);
    if (!this.#running) void this.#run();
  }

  remove(source: Source): void {
    this.#ready.delete(source);
    if (this.#current?.source === source) this.#current.removed = true;
  }

  stop(): void {
    this.#stopped = true;
    this.#ready.clear();
    this.#drained?.();
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (let source = first(this.#ready); source !== undefined; source = first(this.#ready)) {
      if (this.#sink.bufferedAmount > HIGH_WATER) {
        await this.#untilDrained();
        continue;
      }
      this.#ready.delete(source);
      const turn = { source, woken: false, removed: false };
      this.#current = turn;
      let piece: Piece | undefined;
      try {
        piece = await source.next();
      } catch (error) {
        turn.removed = true;
        this.#onFailure(source, error);
      }
      this.#current = undefined;
      if (this.#stopped) break;
      if (turn.removed) continue;
      if (piece) this.#send(piece);
      if (turn.woken || piece?.more) this.#ready.add(source);
    }
    this.#running = false;
  }

  #send({ data, release }: Piece): void {
    this.#sink.sendRaw(data, () => {
      release?.();
      this.#flushed();
    });
  }

  #untilDrained(): Promise<void> {
    return new Promise(resolve => {
      const resume = () => {
        clearTimeout(again);
        this.#drained = undefined;
        resolve();
      };
      // others use the socket too, and nobody tells when what they sent has gone
      const again = setTimeout(resume, 1000);
      this.#drained = resume;
    });
  }

  #flushed(): void {
    if (!this.#drained) return;
    this.#sink.progressed();
    if (this.#sink.bufferedAmount <= LOW_WATER) this.#drained();
  }
}

function first<T>(set: ReadonlySet<T>): T | undefined {
  return set.values().next().value;
}
