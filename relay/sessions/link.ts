import type { RawData, WebSocket } from 'ws';
import { CloseCode } from '../../protocol/index.ts';
import { DiskFull } from '../backbone/backbone.ts';

/** Bytes that wait to be sent, above which a peer counts as congested; it stays so until `LOW_WATER`. */
const HIGH_WATER = 512 * 1024;
const LOW_WATER = 128 * 1024;
/** Bytes that wait to be sent at the most. Who lets more pile up is disconnected. */
const MAX_WAITING = 16 * 1024 * 1024;
/** Bytes taken from the peer and not worked off, above which its socket is not read. */
const MAX_INTAKE = 512 * 1024;

/** Close code of RFC 6455 for a server that cannot go on now. */
const TRY_AGAIN_LATER = 1013;

export interface LinkTimings {
  /** Milliseconds between pings; a peer that is silent for two of them is gone. */
  readonly heartbeat: number;
  /** Milliseconds from a close to the socket's end, when the peer does not answer it. */
  readonly closing: number;
}

export interface LinkEvents {
  /** One message. Until the promise settles its bytes count as intake. A rejection is a failure of the store. */
  readonly onMessage: (data: Uint8Array, isBinary: boolean) => Promise<void> | undefined;
  /** The socket is gone; said once. */
  readonly onClose: (code: number, reason: string) => void;
  readonly onError: (what: string, error: unknown) => void;
  readonly onStoreFailed: (error: unknown) => void;
  readonly onSent: (bytes: number) => void;
}

/** A WebSocket with manners: heartbeats, bounded queues both ways, closes that say why and end. */
export class Link {
  readonly #socket: WebSocket;
  readonly #timings: LinkTimings;
  readonly #events: LinkEvents;
  readonly #heartbeat: NodeJS.Timeout;
  #closing: NodeJS.Timeout | undefined;
  #silentBeats = 0;
  #intake = 0;
  #waiters: (() => void)[] = [];
  readonly #work = new Set<Promise<void>>();
  #congested = false;

  constructor(socket: WebSocket, timings: LinkTimings, events: LinkEvents) {
    this.#socket = socket;
    this.#timings = timings;
    this.#events = events;
    this.#heartbeat = setInterval(() => this.#beat(), timings.heartbeat);
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    socket.on('pong', () => (this.#silentBeats = 0));
    socket.on('ping', () => (this.#silentBeats = 0));
    // an oversized or broken frame; ws closes the socket itself
    socket.on('error', error => events.onError('the peer broke the WebSocket protocol', error));
    socket.on('close', (code, reason) => this.#closed(code, reason.toString()));
  }

  get isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  /** Whether so much waits to be sent that nothing should be added that can wait. */
  get isCongested(): boolean {
    return this.#congested;
  }

  sendText(text: string): void {
    this.#send(text, Buffer.byteLength(text));
  }

  /** @param sent is called when the data is with the kernel, or the peer is gone */
  sendBytes(data: Uint8Array, sent?: () => void): void {
    this.#send(data, data.length, sent);
  }

  /** Resolves when the peer is no longer congested, or gone. */
  async room(): Promise<void> {
    if (this.#congested && this.isOpen) await new Promise<void>(resolve => this.#waiters.push(resolve));
  }

  /** Says why, and closes. */
  fail(code: number, kind: string, message: string): void {
    if (!this.isOpen) return;
    this.#socket.send(JSON.stringify({ type: 'error', kind, message: message.slice(0, 2048) }), () => undefined);
    this.close(code, kind);
  }

  /** Work in the peer's name goes on. A rejection is a failure of the store. */
  track(work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) => this.failStore(error))
      .finally(() => {
        this.#work.delete(tracked);
      });
    this.#work.add(tracked);
  }

  /** Resolves when no work is under way in the peer's name. */
  async settled(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work);
  }

  /** The store failed: the peer may come again later. */
  failStore(error: unknown): void {
    if (this.#closing) return;
    this.#events.onStoreFailed(error);
    const message =
      error instanceof DiskFull
        ? 'The disk of the relay is full. It goes on by itself when there is room.'
        : 'The relay could not write to its disk. Look at its log; try again later.';
    this.fail(TRY_AGAIN_LATER, 'storage', message);
  }

  close(code: number, reason: string): void {
    if (this.#closing) return;
    this.#socket.close(code, reason);
    this.#socket.resume();
    this.#closing = setTimeout(() => this.#socket.terminate(), this.#timings.closing);
  }

  #send(data: string | Uint8Array, bytes: number, sent?: () => void): void {
    if (!this.isOpen) return;
    this.#socket.send(data, () => {
      sent?.();
      this.#drained();
    });
    this.#events.onSent(bytes);
    const waiting = this.#socket.bufferedAmount;
    if (waiting > HIGH_WATER) this.#congested = true;
    if (waiting > MAX_WAITING) {
      // an orderly close would only queue behind the rest
      this.#events.onError('the peer does not read', new Error(`${waiting} bytes wait`));
      this.#socket.close(CloseCode.tooSlow, 'too-slow');
      this.#socket.terminate();
    }
  }

  #drained(): void {
    if (!this.#congested) return;
    // its side took something in, so it is there, even when its pong has to wait behind all the rest
    this.#silentBeats = 0;
    if (this.isOpen && this.#socket.bufferedAmount > LOW_WATER) return;
    this.#congested = false;
    for (const resolve of this.#waiters.splice(0)) resolve();
  }

  #receive(data: RawData, isBinary: boolean): void {
    this.#silentBeats = 0;
    if (this.#closing) return;
    const bytes = asBytes(data);
    const work = this.#events.onMessage(bytes, isBinary);
    if (!work) return;
    this.#intake += bytes.length;
    this.#readOrNot();
    this.track(
      work.finally(() => {
        this.#intake -= bytes.length;
        this.#readOrNot();
      }),
    );
  }

  /** A peer that sends faster than the disk writes is not listened to for a while. */
  #readOrNot(): void {
    const full = this.#intake > MAX_INTAKE;
    if (this.#closing || full === this.#socket.isPaused) return;
    if (full) this.#socket.pause();
    else this.#socket.resume();
  }

  #beat(): void {
    // nobody is called silent who is not listened to
    if (this.#socket.isPaused) return;
    this.#silentBeats++;
    if (this.#silentBeats > 2) {
      this.#socket.terminate();
      return;
    }
    if (this.isOpen) this.#socket.ping();
  }

  #closed(code: number, reason: string): void {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#closing);
    for (const resolve of this.#waiters.splice(0)) resolve();
    this.#events.onClose(code, reason);
  }
}

function asBytes(data: RawData): Uint8Array {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return Array.isArray(data) ? Buffer.concat(data) : data;
}
