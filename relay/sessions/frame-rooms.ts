import { FRAME_HEADER_BYTES, MAX_FRAME_PAYLOAD } from '../../protocol/index.ts';

/** Bytes of a frame at the most. */
export const MAX_FRAME_BYTES = FRAME_HEADER_BYTES + MAX_FRAME_PAYLOAD;

/** Rooms that are kept for the next who needs one. */
const KEPT = 64;

/**
 * Memory that frames are read into from disk. It is used again when a frame was sent: left to the garbage collector, a
 * replay of hundreds of megabytes has tens of them lie about.
 */
export class FrameRooms {
  readonly #free: Uint8Array[] = [];

  take(): Uint8Array {
    return this.#free.pop() ?? new Uint8Array(MAX_FRAME_BYTES);
  }

  /** Nobody may look at the room any more. */
  giveBack(room: Uint8Array): void {
    if (this.#free.length < KEPT) this.#free.push(room);
  }
}
