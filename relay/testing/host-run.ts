import {
  MAX_FRAME_PAYLOAD,
  resumeFrom,
  START,
  type AnyRunEvent,
  type EpochStart,
  type OutputFrame,
  type Position,
  type RunId,
  type RunOnHost,
  type StreamName,
} from '../../protocol/index.ts';

interface HostStream {
  bytes: Buffer;
  epochs: EpochStart[];
  ended: boolean;
}

/** A run as it lies on a host, for tests: the truth that relay and viewers must end up with. */
export class HostRun {
  readonly runId: RunId;
  readonly events: AnyRunEvent[] = [];
  readonly #streams = new Map<StreamName, HostStream>();
  ended = false;

  constructor(runId: RunId) {
    this.runId = runId;
  }

  event(event: { type: string } & Record<string, unknown>): AnyRunEvent {
    const whole = { v: 1, seq: this.events.length + 1, at: 1_000 + this.events.length, ...event };
    this.events.push(whole);
    return whole;
  }

  write(bytes: Uint8Array | string, stream: StreamName = 'output'): void {
    const known = this.#stream(stream);
    known.bytes = Buffer.concat([known.bytes, typeof bytes === 'string' ? Buffer.from(bytes) : bytes]);
  }

  /** The host lost power, and with it what lay behind `size`. */
  losePower(size: number, stream: StreamName = 'output'): void {
    const known = this.#stream(stream);
    const offset = Math.min(size, known.bytes.length);
    known.bytes = Buffer.from(known.bytes.subarray(0, offset));
    known.epochs.push({ epoch: (known.epochs.at(-1)?.epoch ?? 0) + 1, offset });
  }

  end(): void {
    this.event({ type: 'ended', outcome: 'succeeded', changed: true, after: {} });
    for (const name of ['output', 'lock-before', 'lock-after'] as const) this.#stream(name).ended = true;
    this.ended = true;
  }

  bytes(stream: StreamName = 'output'): Buffer {
    return this.#stream(stream).bytes;
  }

  position(stream: StreamName = 'output'): Position {
    const { epochs, bytes } = this.#stream(stream);
    return { epoch: epochs.at(-1)?.epoch ?? 0, offset: bytes.length };
  }

  listed(): RunOnHost {
    const streams = Object.fromEntries([...this.#streams.keys()].map(name => [name, this.position(name)]));
    return { runId: this.runId, seq: this.events.length, ended: this.ended, streams };
  }

  /** Where to go on for a reader. */
  from(reader: Position, stream: StreamName): Position {
    const { epochs, bytes } = this.#stream(stream);
    return resumeFrom(reader, epochs, bytes.length);
  }

  /** The frame at a position; undefined when there is nothing to say there. */
  frameAt(at: Position, stream: StreamName, size = MAX_FRAME_PAYLOAD): OutputFrame {
    const { bytes, ended } = this.#stream(stream);
    const payload = bytes.subarray(at.offset, at.offset + size);
    const end = ended && at.offset + payload.length === bytes.length;
    return { runId: this.runId, stream, at, time: 1_000_000 + at.offset, end, bytes: payload };
  }

  #stream(name: StreamName): HostStream {
    let stream = this.#streams.get(name);
    if (!stream) {
      stream = { bytes: Buffer.alloc(0), epochs: [{ ...START }], ended: false };
      this.#streams.set(name, stream);
    }
    return stream;
  }
}
