import {
  resumeFrom,
  STREAM_KINDS,
  type AnyRunEvent,
  type EpochStart,
  type OutputFrame,
  type Position,
  type RunEvent,
  type RunId,
  type RunOnHost,
  type Snapshot,
  type StreamName,
} from '../../protocol/index.ts';

/** An event without what every event has. */
export type EventBody = RunEvent extends infer E ? (E extends RunEvent ? Omit<E, 'v' | 'seq' | 'at'> : never) : never;

const NAMES = Object.keys(STREAM_KINDS) as StreamName[];
const FRAME_BYTES = 60 * 1024;

interface FakeStream {
  bytes: Buffer;
  epochs: EpochStart[];
  ended: boolean;
}

/** What a whole run looks like; each part can be said otherwise. */
export interface Story {
  readonly before?: Snapshot;
  readonly after?: Snapshot;
  readonly output?: readonly string[];
  readonly lockBefore?: string;
  readonly lockAfter?: string;
}

/** A run as it would lie on a host's disk: a test writes events and bytes, and whoever listens is sent them. */
export class FakeRun {
  readonly runId: RunId;
  readonly events: AnyRunEvent[] = [];
  readonly #streams = new Map<StreamName, FakeStream>();
  /** Called when there is more of it. */
  onMore: () => void = () => undefined;

  constructor(runId: RunId) {
    this.runId = runId;
    for (const name of NAMES) {
      this.#streams.set(name, { bytes: Buffer.alloc(0), epochs: [{ epoch: 0, offset: 0 }], ended: false });
    }
  }

  /** Writes the next event of the journal. */
  event(body: EventBody, at = Date.now()): this {
    this.events.push({ ...body, v: 1, seq: this.events.length + 1, at });
    this.onMore();
    return this;
  }

  phase(phase: Extract<EventBody, { type: 'phase' }>['phase']): this {
    return this.event({ type: 'phase', phase });
  }

  output(text: string | Uint8Array): this {
    return this.#append('output', text);
  }

  /** A stream in full, and its end. */
  whole(name: StreamName, text: string): this {
    this.#append(name, text);
    return this.endStream(name);
  }

  endStream(name: StreamName): this {
    this.#stream(name).ended = true;
    this.onMore();
    return this;
  }

  /** The host lost power: the output's end is gone, and a new epoch begins where it is cut. */
  losePower(size: number): this {
    const stream = this.#stream('output');
    stream.bytes = stream.bytes.subarray(0, size);
    stream.epochs.push({ epoch: stream.epochs.length, offset: size });
    this.onMore();
    return this;
  }

  end(body: Partial<Omit<Extract<EventBody, { type: 'ended' }>, 'type'>> = {}): this {
    this.event({ type: 'ended', outcome: 'succeeded', changed: true, after: {}, ...body });
    for (const name of NAMES) if (!this.#stream(name).ended) this.endStream(name);
    return this;
  }

  /** Goes through all phases to a success. */
  succeed({ before = {}, after = {}, output = [], lockBefore = '{}\n', lockAfter = '{}\n' }: Story = {}): this {
    this.phase('accepted').phase('pulling').event({ type: 'recorded', before }).whole('lock-before', lockBefore);
    this.phase('locking').whole('lock-after', lockAfter);
    const changed = before.input?.rev !== after.input?.rev;
    this.event({
      type: 'locked',
      input: 'nixfleet',
      ...(before.input && { before: before.input }),
      after: after.input ?? {},
      changed,
    });
    this.phase('building');
    for (const text of output) this.output(text);
    return this.phase('activating').phase('confirming').phase('committing').end({ changed, after });
  }

  describe(): RunOnHost {
    const streams = Object.fromEntries(NAMES.map(name => [name, this.position(name)]));
    return {
      runId: this.runId,
      seq: this.events.length,
      ended: this.events.at(-1)?.type === 'ended',
      streams: streams,
    };
  }

  position(name: StreamName): Position {
    const { bytes, epochs } = this.#stream(name);
    return { epoch: epochs.at(-1)?.epoch ?? 0, offset: bytes.length };
  }

  /** Everything of the output that was ever kept. */
  get outputBytes(): Buffer {
    return this.#stream('output').bytes;
  }

  /** The frames that bring a reader at `have` up to date, and where it is then; `end` once and last. */
  framesAfter(name: StreamName, have: Position, endSent: boolean): { frames: OutputFrame[]; at: Position } {
    const { bytes, epochs, ended } = this.#stream(name);
    let at = resumeFrom(have, epochs, bytes.length);
    const frames: OutputFrame[] = [];
    const add = (size: number, end: boolean): void => {
      const part = bytes.subarray(at.offset, at.offset + size);
      frames.push({ runId: this.runId, stream: name, at, time: Date.now(), end, bytes: part });
      at = { epoch: at.epoch, offset: at.offset + size };
    };
    while (at.offset < bytes.length) {
      const size = Math.min(FRAME_BYTES, bytes.length - at.offset);
      add(size, ended && at.offset + size === bytes.length);
    }
    if (ended && !endSent && frames.at(-1)?.end !== true) add(0, true);
    return { frames, at };
  }

  #append(name: StreamName, text: string | Uint8Array): this {
    const stream = this.#stream(name);
    stream.bytes = Buffer.concat([stream.bytes, Buffer.from(text)]);
    this.onMore();
    return this;
  }

  #stream(name: StreamName): FakeStream {
    const stream = this.#streams.get(name);
    if (!stream) throw new Error(`no stream ${name}`);
    return stream;
  }
}
