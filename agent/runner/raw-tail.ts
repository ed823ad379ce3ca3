import { watch, type FSWatcher } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';

const CHUNK_BYTES = 256 * 1024;
const POLL_MS = 50;

/** Follows a file that a child appends to, from an offset on. */
export class RawTail {
  readonly #file: FileHandle;
  readonly #buffer = Buffer.alloc(CHUNK_BYTES);
  #watcher: FSWatcher | undefined;
  #wake: (() => void) | undefined;
  #offset: number;

  private constructor(file: FileHandle, offset: number) {
    this.#file = file;
    this.#offset = offset;
  }

  static async open(path: string, offset: number): Promise<RawTail> {
    const tail = new RawTail(await open(path, 'r'), offset);
    try {
      tail.#watcher = watch(path, () => tail.#wake?.());
      // watching is for speed alone: without it polling finds everything a moment later
      tail.#watcher.on('error', () => tail.#watcher?.close());
    } catch {
      tail.#watcher = undefined;
    }
    return tail;
  }

  /** The next bytes; valid until the next call. Empty when there are none now. */
  async read(): Promise<Uint8Array> {
    const { bytesRead } = await this.#file.read(this.#buffer, 0, CHUNK_BYTES, this.#offset);
    if (bytesRead === 0) {
      // a child that opened /dev/stderr by name may have truncated the file
      const { size } = await this.#file.stat();
      if (size < this.#offset) this.#offset = size;
    }
    this.#offset += bytesRead;
    return this.#buffer.subarray(0, bytesRead);
  }

  /** Waits until there may be more, or `until` is settled. */
  async wait(until: Promise<unknown>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const soon = new Promise<void>(resolve => {
      this.#wake = resolve;
      timer = setTimeout(resolve, POLL_MS);
    });
    await Promise.race([soon, until]);
    clearTimeout(timer);
    this.#wake = undefined;
  }

  async close(): Promise<void> {
    this.#watcher?.close();
    await this.#file.close();
  }
}
