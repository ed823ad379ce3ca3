import type { FeedLink } from '../sessions/stream-feed.ts';

/** A peer whose reading the test decides: congested until `drain`, whenever more than `room` messages wait. */
export class FakeLink implements FeedLink {
  readonly texts: string[] = [];
  readonly frames: Uint8Array[] = [];
  isOpen = true;
  #room: number;
  #waiting = 0;
  #waiters: (() => void)[] = [];

  constructor(room = Infinity) {
    this.#room = room;
  }

  get isCongested(): boolean {
    return this.#waiting >= this.#room;
  }

  get waiting(): number {
    return this.#waiting;
  }

  sendText(text: string): void {
    this.texts.push(text);
    this.#waiting++;
  }

  sendBytes(data: Uint8Array, sent?: () => void): void {
    this.frames.push(data.slice());
    sent?.();
    this.#waiting++;
  }

  async room(): Promise<void> {
    if (this.isCongested && this.isOpen) await new Promise<void>(resolve => this.#waiters.push(resolve));
  }

  /** The peer has read everything. */
  drain(): void {
    this.#waiting = 0;
    for (const resolve of this.#waiters.splice(0)) resolve();
  }

  close(): void {
    this.isOpen = false;
    this.drain();
  }
}

/** For errors that a test does not expect. */
export function unexpected(error: unknown): never {
  throw error;
}
