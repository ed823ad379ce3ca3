import { rmSync } from 'node:fs';
import { buildProgressSchema, type BuildProgress } from '../../protocol/index.ts';
import { readJsonFile, writeVolatileFile } from './files.ts';

/** Milliseconds between two writings. */
const INTERVAL_MS = 1000;
const MAX_BYTES = 16 * 1024;

/**
 * How far the build of a run is, for the agent to tell: beside the journal, because it is worth nothing a second later. It
 * is there while a build is watched and gone afterwards. That it cannot be written harms nothing.
 */
export class ProgressFile implements Disposable {
  readonly #path: string;
  readonly #interval: number;
  readonly #progress: () => BuildProgress;
  #timer: NodeJS.Timeout | undefined;
  #written = '';
  #writtenAt = -Infinity;

  /** @param progress asked when it is time to write */
  constructor(path: string, progress: () => BuildProgress, interval = INTERVAL_MS) {
    this.#path = path;
    this.#progress = progress;
    this.#interval = interval;
    this.#write();
  }

  /** Something may be otherwise: it is written soon, and at most once in an interval. */
  changed(): void {
    const wait = Math.max(0, this.#writtenAt + this.#interval - performance.now());
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#write();
    }, wait);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    rmSync(this.#path, { force: true });
  }

  #write(): void {
    const text = JSON.stringify(this.#progress());
    this.#writtenAt = performance.now();
    if (text === this.#written) return;
    try {
      writeVolatileFile(this.#path, text);
      this.#written = text;
    } catch {
      // the disk is full, most likely; what matters meets that too
    }
  }
}

/** What the file says; undefined when no build goes on. */
export function readProgress(path: string): BuildProgress | undefined {
  const read = readJsonFile(path, buildProgressSchema, MAX_BYTES);
  return read.ok ? read.value : undefined;
}
