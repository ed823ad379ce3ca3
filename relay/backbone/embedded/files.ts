import { closeSync, fsyncSync, openSync } from 'node:fs';

/** Puts a file on disk. */
export function syncFile(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Puts the names in a folder on disk. */
export const syncFolder = syncFile;
