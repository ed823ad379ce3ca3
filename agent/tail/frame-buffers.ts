import { FRAME_HEADER_BYTES, MAX_FRAME_PAYLOAD } from '../../protocol/index.ts';

/** Buffers that wait to be used again, at the most: as many as fit into the queue of a socket. */
const KEPT = 8;

const BYTES = FRAME_HEADER_BYTES + MAX_FRAME_PAYLOAD;

/**
 * Room for frames on their way from the disk to the socket, used again and again: buffers are not part of the heap that
 * the garbage collector watches closely, and hundreds of megabytes of output would leave dozens of them behind.
 */
export class FrameBuffers {
  readonly #free: Buffer[] = [];

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(BYTES);
  }

  /** Takes a buffer back that nobody reads any more. */
  giveBack(buffer: Buffer): void {
    if (this.#free.length < KEPT) this.#free.push(buffer);
  }
}
