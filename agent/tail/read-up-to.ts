import type { FileHandle } from 'node:fs/promises';

/** Reads what is there of a range of a file; shorter than `length` at the file's end. */
export async function readUpTo(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  return buffer.subarray(0, await fill(file, offset, buffer));
}

/** Fills a buffer from a file as far as the file goes, and says how far that was. */
export async function fill(file: FileHandle, offset: number, buffer: Buffer): Promise<number> {
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}
