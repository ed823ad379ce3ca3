import { planChunk, START, type OutputFrame, type Position } from '../../protocol/index.ts';

/** A copy in memory of a small stream, such as a lock file. */
export class ByteCopy {
  #chunks: Uint8Array[] = [];
  #position: Position = START;
  #ended = false;

  get position(): Position {
    return this.#position;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Takes a frame; false when it leaves a gap and the stream has to be asked for again from {@link position}. */
  take(frame: OutputFrame): boolean {
    const plan = planChunk(this.#position, frame.at, frame.bytes.length);
    if (plan.kind === 'gap') return false;
    if (plan.kind === 'append') {
      if (plan.cutTo !== undefined) this.#chunks = [Buffer.concat(this.#chunks).subarray(0, plan.cutTo)];
      this.#chunks.push(frame.bytes.slice(plan.skip));
      this.#position = plan.next;
    }
    if (frame.end) this.#ended = true;
    return true;
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}
