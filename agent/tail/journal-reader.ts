import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { AnyRunEvent } from '../../protocol/index.ts';
import { parseJournal } from '../run-directory/journal.ts';
import { readUpTo } from './read-up-to.ts';

/** Bytes read at once; a line may be longer. */
const CHUNK = 256 * 1024;

/** A longer line is damage: no message could carry it. */
const MAX_LINE = 768 * 1024;

/**
 * Reads a journal from its beginning, and goes on as it grows. An event is given out only once it is on the disk: one
 * that a power loss can take back must not have left the host, since the next runner would write another by its number.
 */
export class JournalReader {
  readonly #path: string;
  #offset = 0;
  #seq = 0;
  #damage: { readonly message: string; readonly stamp: string } | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** Number of the last event that was given out. */
  get seq(): number {
    return this.#seq;
  }

  /** What is wrong behind the last event, if anything; a runner that mends the file makes it go away. */
  get damage(): string | undefined {
    return this.#damage?.message;
  }

  /** The next events, as many as a chunk holds; none when there are none now, or the journal is damaged from here on. */
  async next(): Promise<readonly AnyRunEvent[]> {
    let file: FileHandle;
    try {
      file = await open(this.#path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
    try {
      return await this.#read(file);
    } finally {
      await file.close();
    }
  }

  async #read(file: FileHandle): Promise<readonly AnyRunEvent[]> {
    const stat = await file.stat();
    if (!stat.isFile()) throw new Error(`${this.#path} is not a regular file`);
    const stamp = `${stat.ino}:${stat.size}:${stat.mtimeMs}`;
    if (this.#damage?.stamp === stamp || stat.size <= this.#offset) return [];
    this.#damage = undefined;
    for (let want = CHUNK; ; want *= 2) {
      const chunk = await readUpTo(file, this.#offset, Math.min(want, stat.size - this.#offset));
      const parsed = parseJournal(chunk, this.#seq);
      if (parsed.events.length > 0) {
        await sync(file);
        this.#offset += parsed.goodBytes;
        this.#seq += parsed.events.length;
        return parsed.events;
      }
      if (chunk.includes(10)) {
        this.#damage = { message: parsed.damage ?? 'it cannot be read', stamp };
        return [];
      }
      // a line that is not complete: longer than the chunk, or still being written
      if (chunk.length < want) return [];
      if (want > MAX_LINE) {
        this.#damage = { message: `event ${this.#seq + 1} is too long`, stamp };
        return [];
      }
    }
  }
}

async function sync(file: FileHandle): Promise<void> {
  try {
    await file.datasync();
  } catch (error) {
    // file systems that cannot do it, and those that are read-only, have nothing to lose
    if (!['EINVAL', 'EROFS', 'ENOTSUP', 'EBADF'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}
