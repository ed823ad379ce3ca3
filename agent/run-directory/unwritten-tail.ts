import { fstatSync, fsyncSync, ftruncateSync, readSync } from 'node:fs';

const CHUNK = 64 * 1024;

/**
 * Cuts off what a power loss leaves of bytes that were appended and never reached the disk: a file system may have noted
 * the new size before it wrote them (ext4 does within a block that was in use already), and then reads them as NUL.
 * @returns the file's size afterwards
 */
export function cutUnwrittenTail(fd: number): number {
  const { size } = fstatSync(fd);
  const chunk = Buffer.alloc(CHUNK);
  let end = size;
  while (end > 0) {
    const from = Math.max(0, end - CHUNK);
    const read = readSync(fd, chunk, 0, end - from, from);
    let at = read;
    while (at > 0 && chunk[at - 1] === 0) at--;
    if (at > 0) {
      end = from + at;
      break;
    }
    end = from;
  }
  if (end < size) {
    ftruncateSync(fd, end);
    fsyncSync(fd);
  }
  return end;
}
