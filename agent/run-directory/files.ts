/** Reading and writing the small files of the state folder so that neither a link nor a crash can play a trick. */
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
  type Stats,
} from 'node:fs';
import { dirname } from 'node:path';
import type * as z from 'zod';
import { describeIssues } from '../../protocol/index.ts';

export type ReadResult<T> =
  | { readonly ok: true; readonly value: T }
  /** `missing`: no such file. `unfit`: a link, no regular file, too large. `content`: not what it should hold. */
  | { readonly ok: false; readonly kind: 'missing' | 'unfit' | 'content'; readonly message: string };

export interface ReadOptions {
  /** What messages call the file; its path by default. */
  readonly name?: string;
  /** Why a file must not be read, by what it is. */
  readonly unfit?: (stat: Stats) => string | undefined;
}

/** Reads a regular file of at most `maxBytes` without following a link at its end or waiting on a pipe. */
export function readSmallFile(
  path: string,
  maxBytes: number,
  { name = path, unfit }: ReadOptions = {},
): ReadResult<Buffer> {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return { ok: false, kind: 'missing', message: `${name} does not exist` };
    if (code === 'ELOOP' || code === 'EMLINK') return { ok: false, kind: 'unfit', message: `${name} is a link` };
    if (code === 'ENXIO') return { ok: false, kind: 'unfit', message: `${name} is not a regular file` };
    return { ok: false, kind: 'unfit', message: `${name} cannot be opened: ${(error as Error).message}` };
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return { ok: false, kind: 'unfit', message: `${name} is not a regular file` };
    const why = unfit?.(stat);
    if (why !== undefined) return { ok: false, kind: 'unfit', message: `${name} ${why}` };
    if (stat.size > maxBytes)
      return { ok: false, kind: 'unfit', message: `${name} has ${stat.size} bytes; ${maxBytes} are allowed` };
    const buffer = Buffer.alloc(stat.size);
    let length = 0;
    while (length < buffer.length) {
      const count = readSync(fd, buffer, length, buffer.length - length, length);
      if (count === 0) break;
      length += count;
    }
    return { ok: true, value: buffer.subarray(0, length) };
  } catch (error) {
    return { ok: false, kind: 'unfit', message: `${name} cannot be read: ${(error as Error).message}` };
  } finally {
    closeSync(fd);
  }
}

/** Reads a JSON file of a known shape. Never throws. */
export function readJsonFile<S extends z.ZodType>(
  path: string,
  schema: S,
  maxBytes: number,
  options: ReadOptions = {},
): ReadResult<z.infer<S>> {
  const { name = path } = options;
  const read = readSmallFile(path, maxBytes, options);
  if (!read.ok) return read;
  let value: unknown;
  try {
    value = JSON.parse(read.value.toString('utf8'));
  } catch {
    return { ok: false, kind: 'content', message: `${name} is not JSON` };
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) return { ok: false, kind: 'content', message: `${name}: ${describeIssues(parsed.error)}` };
  return { ok: true, value: parsed.data };
}

/**
 * Replaces a file as a whole: who reads it, or starts after a crash, finds the old bytes or the new ones.
 * @param mode permissions of the new file, whatever the umask
 */
export function writeFileAtomically(path: string, content: string | Uint8Array, mode = 0o640): void {
  replaceFile(path, content, mode, true);
  syncFolder(dirname(path));
}

/** The same for what is worthless after a power loss: readers see it whole, but it is not forced onto the disk. */
export function writeVolatileFile(path: string, content: string | Uint8Array, mode = 0o640): void {
  replaceFile(path, content, mode, false);
}

function replaceFile(path: string, content: string | Uint8Array, mode: number, isLasting: boolean): void {
  const next = `${path}.${process.pid}.new`;
  const bytes = Buffer.from(content);
  // made anew, never opened: in a folder of somebody else's it might be a pipe that nobody reads
  rmSync(next, { force: true });
  const fd = openSync(next, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, mode);
  try {
    fchmodSync(fd, mode);
    for (let written = 0; written < bytes.length;) written += writeSync(fd, bytes, written);
    if (isLasting) fsyncSync(fd);
    renameSync(next, path);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** Makes the names in a folder last over a power loss. */
export function syncFolder(path: string): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
