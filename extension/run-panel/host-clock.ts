/**
 * How far a host's clock is ahead of this one, from what can be known for certain: nothing can be received before it was
 * written, and nothing begin before it was asked for. Within these bounds the clocks are taken to agree. Otherwise a
 * host whose clock is an hour off would seem to build for an hour, or to be done before it began.
 */
export class HostClock {
  #atLeast = -Infinity;
  #atMost = Infinity;

  /** Something that was written at `hostTime` by the host's clock is here at `now` by ours. */
  received(hostTime: number, now: number): void {
    // in steps, so that the times that are shown do not tremble
    this.#atLeast = Math.max(this.#atLeast, Math.ceil((hostTime - now) / 100) * 100);
  }

  /** What was asked for at `now` by our clock happened at `hostTime` by the host's. */
  answered(hostTime: number, now: number): void {
    this.#atMost = Math.min(this.#atMost, hostTime - now);
  }

  /** Milliseconds that the host's clock is ahead; negative when it is behind. */
  get ahead(): number {
    return Math.max(this.#atLeast, Math.min(0, this.#atMost));
  }
}
