import { closeSync, constants, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { RunPaths } from './layout.ts';

/** Bytes kept back on the disk: enough for the end of a journal and the last of an output. */
const RESERVE_BYTES = 1024 * 1024;

const pathOf = (paths: RunPaths): string => join(paths.dir, 'reserve');

/** Keeps room back, so that a run which fills the disk can still be undone and say how it ended. Throws when there is none. */
export function keepReserve(paths: RunPaths): void {
  const fd = openSync(pathOf(paths), constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  try {
    const zeros = Buffer.alloc(64 * 1024);
    for (let written = 0; written < RESERVE_BYTES;) written += writeSync(fd, zeros, 0, zeros.length, written);
    fsyncSync(fd);
  } catch (error) {
    rmSync(pathOf(paths), { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** Gives the room back: there is none elsewhere, or it is no longer needed. */
export function releaseReserve(paths: RunPaths): void {
  rmSync(pathOf(paths), { force: true });
}
