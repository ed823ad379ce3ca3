import { open, readFile, rename, writeFile, type FileHandle } from 'node:fs/promises';
import * as z from 'zod';
import type { TimeIndex } from './time-index.ts';

/** What lies beside the bytes: of which epoch they are and, when there will be no more of them, how many they are. */
const stateSchema = z.object({
  format: z.literal(1),
  epoch: z.int().nonnegative(),
  endedAt: z.int().nonnegative().nullable(),
});

/**
 * The files of one run's output: `ID.log` the bytes, `ID.json` their epoch and end, `ID.times` when they were written.
 *
 * Where the reader goes on after a crash follows from the length of the log and the epoch beside it. So bytes that an
 * epoch takes back are cut off before the epoch is written down: a crash in between leaves a shorter copy of the old
 * epoch, which the relay completes, never bytes of the old one that pass for the new.
 */
export class OutputFile {
  readonly path: string;
  readonly #statePath: string;
  readonly #log: FileHandle;
  readonly #times: FileHandle;
  #size: number;
  #epoch: number;
  #endedAt: number | null;
  #timesWritten = 0;
  #timesRewrites = -1;

  private constructor(
    base: string,
    log: FileHandle,
    times: FileHandle,
    size: number,
    state: z.infer<typeof stateSchema>,
  ) {
    this.path = `${base}.log`;
    this.#statePath = `${base}.json`;
    this.#log = log;
    this.#times = times;
    this.#size = size;
    this.#epoch = state.epoch;
    this.#endedAt = state.endedAt;
  }

  /** Opens or makes the files with this path before their extension. */
  static async open(base: string): Promise<OutputFile> {
    const log = await openOrMake(`${base}.log`);
    try {
      const times = await openOrMake(`${base}.times`);
      const { size } = await log.stat();
      return new OutputFile(base, log, times, size, await readState(`${base}.json`));
    } catch (error) {
      await log.close();
      throw error;
    }
  }

  get size(): number {
    return this.#size;
  }

  get epoch(): number {
    return this.#epoch;
  }

  get ended(): boolean {
    return this.#endedAt !== null && this.#endedAt === this.#size;
  }

  /** Fewer bytes than asked for only at the end of the file. */
  async read(offset: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await this.#log.read(bytes, filled, length - filled, offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  }

  /** Writes at a place rather than at the end, so that a second window that keeps the same run writes the same bytes. */
  async write(offset: number, parts: readonly Uint8Array[]): Promise<void> {
    const bytes = parts.length === 1 ? parts[0] : Buffer.concat(parts);
    if (!bytes) return;
    let written = 0;
    while (written < bytes.length) {
      const result = await this.#log.write(bytes, written, bytes.length - written, offset + written);
      written += result.bytesWritten;
    }
    this.#size = Math.max(this.#size, offset + written);
  }

  async truncate(size: number): Promise<void> {
    await this.#log.truncate(size);
    this.#size = size;
  }

  /** From now on the bytes are of this epoch. */
  async beginEpoch(epoch: number): Promise<void> {
    if (epoch === this.#epoch && this.#endedAt === null) return;
    this.#epoch = epoch;
    this.#endedAt = null;
    await this.#writeState();
  }

  /** All bytes are here, and safe from a loss of power. */
  async end(size: number): Promise<void> {
    await this.#log.datasync();
    this.#endedAt = size;
    await this.#writeState();
  }

  /** Writes down the marks that are new. */
  async writeTimes(times: TimeIndex): Promise<void> {
    if (times.rewrites !== this.#timesRewrites) {
      await this.#times.truncate(0);
      this.#timesWritten = 0;
      this.#timesRewrites = times.rewrites;
    }
    const from = this.#timesWritten;
    if (times.size === from) return;
    const bytes = times.encode(from);
    this.#timesWritten = times.size;
    await this.#times.write(bytes, 0, bytes.length, from * 16);
  }

  /** The file of marks, as it is. */
  async readTimes(): Promise<Buffer> {
    const { size } = await this.#times.stat();
    const bytes = Buffer.alloc(size);
    const { bytesRead } = await this.#times.read(bytes, 0, size, 0);
    return bytes.subarray(0, bytesRead);
  }

  async close(): Promise<void> {
    await this.#times.close();
    await this.#log.close();
  }

  async #writeState(): Promise<void> {
    const state: z.infer<typeof stateSchema> = { format: 1, epoch: this.#epoch, endedAt: this.#endedAt };
    const temporary = `${this.#statePath}.${process.pid}.tmp`;
    await writeFile(temporary, JSON.stringify(state));
    await rename(temporary, this.#statePath);
  }
}

/** Epoch 0 when there is no state, or none that can be read: the relay then sends from where the epochs part. */
async function readState(path: string): Promise<z.infer<typeof stateSchema>> {
  try {
    return stateSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return { format: 1, epoch: 0, endedAt: null };
  }
}

async function openOrMake(path: string): Promise<FileHandle> {
  return open(path, 'a+').then(async made => {
    await made.close();
    return open(path, 'r+');
  });
}
