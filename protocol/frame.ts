import { runIdFromBytes, runIdToBytes, type RunId } from './ids.ts';
import { STREAM_KINDS, type Position, type StreamName } from './stream.ts';

/**
 * A binary frame, big endian:
 * `version u8 | kind u8 | flags u16 | run id 16 bytes | epoch u32 | offset u64 | time u64 (ms) | bytes`.
 */
export interface OutputFrame {
  readonly runId: RunId;
  readonly stream: StreamName;
  /** Position of the first byte. */
  readonly at: Position;
  /** When the bytes were written on the host, ms since the epoch. */
  readonly time: number;
  /** The stream has ended behind these bytes; there will be no more in any epoch. */
  readonly end: boolean;
  /** The payload. In a decoded frame a view into the received message, not a copy. */
  readonly bytes: Uint8Array;
}

export const FRAME_VERSION = 1;
export const FRAME_HEADER_BYTES = 40;
/** Payload bytes of one frame at the most. */
export const MAX_FRAME_PAYLOAD = 64 * 1024;
/** Milliseconds that a writer gathers output before it sends a frame that is not full. */
export const FRAME_GATHER_MS = 20;

const FLAG_END = 1;
const STREAM_BY_KIND = new Map<number, StreamName>(
  Object.entries(STREAM_KINDS).map(([name, kind]) => [kind, name as StreamName]),
);

export type FrameResult =
  { readonly ok: true; readonly frame: OutputFrame } | { readonly ok: false; readonly message: string };

/** The bytes of a frame. Throws RangeError when the payload is larger than a frame may be, or a number is out of range. */
export function encodeFrame(frame: OutputFrame): Uint8Array {
  const out = new Uint8Array(FRAME_HEADER_BYTES + frame.bytes.length);
  writeFrameHeader(out, frame);
  out.set(frame.bytes, FRAME_HEADER_BYTES);
  return out;
}

/**
 * Makes a frame of bytes that lie behind room for a header already, as a reader of files can arrange it, so that nothing
 * is copied. `target` is the header's room and the payload, nothing else. Throws RangeError as `encodeFrame` does.
 */
export function writeFrameHeader(target: Uint8Array, header: Omit<OutputFrame, 'bytes'>): void {
  const payload = target.length - FRAME_HEADER_BYTES;
  if (payload < 0 || payload > MAX_FRAME_PAYLOAD)
    throw new RangeError(`a frame holds 0 to ${MAX_FRAME_PAYLOAD} bytes, not ${payload}`);
  const { epoch, offset } = header.at;
  if (!isCount(epoch) || epoch > 0xffffffff || !isCount(offset) || !isCount(header.time))
    throw new RangeError(`no frame can say epoch ${epoch}, offset ${offset}, time ${header.time}`);
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  view.setUint8(0, FRAME_VERSION);
  view.setUint8(1, STREAM_KINDS[header.stream]);
  view.setUint16(2, header.end ? FLAG_END : 0);
  target.set(runIdToBytes(header.runId), 4);
  view.setUint32(20, epoch);
  view.setBigUint64(24, BigInt(offset));
  view.setBigUint64(32, BigInt(header.time));
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** Reads a frame. Unknown flags are ignored; an unknown version or kind, or a number beyond 2^53, is an error. */
export function decodeFrame(data: Uint8Array): FrameResult {
  if (data.length < FRAME_HEADER_BYTES)
    return { ok: false, message: `a frame has a header of ${FRAME_HEADER_BYTES} bytes; ${data.length} came` };
  if (data.length > FRAME_HEADER_BYTES + MAX_FRAME_PAYLOAD)
    return { ok: false, message: `a frame holds ${MAX_FRAME_PAYLOAD} bytes at the most` };
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const version = view.getUint8(0);
  if (version !== FRAME_VERSION) return { ok: false, message: `frame version ${version} is not known` };
  const stream = STREAM_BY_KIND.get(view.getUint8(1));
  if (stream === undefined) return { ok: false, message: `frame kind ${view.getUint8(1)} is not known` };
  const offset = Number(view.getBigUint64(24));
  const time = Number(view.getBigUint64(32));
  if (!Number.isSafeInteger(offset + MAX_FRAME_PAYLOAD) || !Number.isSafeInteger(time))
    return { ok: false, message: 'a number in the frame is too large' };
  return {
    ok: true,
    frame: {
      runId: runIdFromBytes(data.subarray(4, 20)),
      stream,
      at: { epoch: view.getUint32(20), offset },
      time,
      end: (view.getUint16(2) & FLAG_END) !== 0,
      bytes: data.subarray(FRAME_HEADER_BYTES),
    },
  };
}
