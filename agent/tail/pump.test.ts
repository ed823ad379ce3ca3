import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { until } from '../testing/temporary.ts';
import { Pump, type Piece, type Sink, type Source } from './pump.ts';

/** A socket that sends only as it is told to. */
class SlowSink implements Sink {
  readonly sent: string[] = [];
  bufferedAmount = 0;
  lifeSigns = 0;
  readonly #waiting: { bytes: number; flushed: () => void }[] = [];

  sendRaw(data: string | Uint8Array, flushed: () => void): void {
    this.sent.push(String(data).slice(0, 1));
    this.bufferedAmount += data.length;
    this.#waiting.push({ bytes: data.length, flushed });
  }

  progressed(): void {
    this.lifeSigns++;
  }

  /** The kernel takes the oldest piece. */
  flush(pieces = 1): void {
    for (const { bytes, flushed } of this.#waiting.splice(0, pieces)) {
      this.bufferedAmount -= bytes;
      flushed();
    }
  }

  drain(): void {
    while (this.#waiting.length > 0) this.flush();
  }
}

/** Has so many pieces of so many bytes; counts how often it was asked. */
class Supply implements Source {
  asked = 0;
  left: number;
  readonly #name: string;
  readonly #bytes: number;

  constructor(name: string, pieces: number, bytes = 64 * 1024) {
    this.#name = name;
    this.left = pieces;
    this.#bytes = bytes;
  }

  async next(): Promise<Piece | undefined> {
    this.asked++;
    await Promise.resolve();
    if (this.left === 0) return undefined;
    this.left--;
    return { data: this.#name.repeat(this.#bytes), more: this.left > 0 };
  }
}

const noFailure = (_: Source, error: unknown) => {
  throw error as Error;
};

const settled = () => new Promise(resolve => setImmediate(resolve));

describe('moving pieces into a socket', () => {
  it('reads no further than the socket drains', async () => {
    const sink = new SlowSink();
    const pump = new Pump(sink, noFailure);
    const supply = new Supply('a', 1000);
    pump.wake(supply);
    await until('the socket to be full', () => sink.bufferedAmount > 256 * 1024);
    await settled();
    assert.equal(sink.sent.length, 5);
    sink.flush();
    await settled();
    assert.equal(sink.sent.length, 5, 'nothing more before the low mark');
    while (supply.left > 0) {
      sink.drain();
      await settled();
      assert.ok(sink.bufferedAmount <= 320 * 1024);
    }
    assert.ok(sink.lifeSigns > 0);
  });

  it('lets sources take turns', async () => {
    const sink = new SlowSink();
    const pump = new Pump(sink, noFailure);
    for (const source of [new Supply('a', 50), new Supply('b', 2), new Supply('c', 3)]) pump.wake(source);
    for (let i = 0; i < 40; i++) {
      sink.drain();
      await settled();
    }
    assert.equal(sink.sent.join('').slice(0, 12), 'abcabcacaaaa');
  });

  it('asks a source again that was woken while it was read', async () => {
    const sink = new SlowSink();
    const pump = new Pump(sink, noFailure);
    const reads: ((piece: Piece | undefined) => void)[] = [];
    const source: Source = { next: () => new Promise(resolve => reads.push(resolve)) };
    pump.wake(source);
    pump.wake(source);
    reads.shift()?.(undefined);
    await settled();
    assert.equal(reads.length, 1, 'a second read after the wake');
    reads.shift()?.(undefined);
    await settled();
    assert.equal(reads.length, 0);
    pump.wake(source);
    assert.equal(reads.length, 1);
  });

  it('goes on with the others when one fails', async () => {
    const sink = new SlowSink();
    const failures: unknown[] = [];
    const pump = new Pump(sink, (_, error) => failures.push(error));
    pump.wake({ next: () => Promise.reject(new Error('disk')) });
    const other = new Supply('b', 3, 10);
    pump.wake(other);
    await until('the other to be sent', () => sink.sent.length === 3);
    assert.equal(failures.length, 1);
  });

  it('sends nothing after it was stopped, also of a read under way and from a full socket', async () => {
    const sink = new SlowSink();
    const pump = new Pump(sink, noFailure);
    let answer: (piece: Piece | undefined) => void = () => undefined;
    pump.wake({ next: () => new Promise(resolve => (answer = resolve)) });
    pump.stop();
    answer({ data: 'x', more: true });
    await settled();
    assert.equal(sink.sent.length, 0);

    const full = new SlowSink();
    const other = new Pump(full, noFailure);
    const supply = new Supply('a', 100);
    other.wake(supply);
    await until('the socket to be full', () => full.bufferedAmount > 256 * 1024);
    await settled();
    other.stop();
    full.drain();
    await settled();
    assert.equal(full.sent.length, 5);
    other.wake(supply);
    await settled();
    assert.equal(full.sent.length, 5);
  });

  it('gives the room of a piece back when the kernel has taken it, and not before', async () => {
    const sink = new SlowSink();
    const pump = new Pump(sink, noFailure);
    let released = 0;
    let left = 2;
    pump.wake({
      next: () => Promise.resolve(left-- > 0 ? { data: 'x', more: true, release: () => released++ } : undefined),
    });
    await until('both pieces', () => sink.sent.length === 2);
    assert.equal(released, 0);
    sink.flush();
    assert.equal(released, 1);
    sink.flush();
    assert.equal(released, 2);
  });

  it('drops a source that was removed while it was read', async () => {
    const sink = new SlowSink();
    const pump = new Pump(sink, noFailure);
    let answer: (piece: Piece | undefined) => void = () => undefined;
    const source: Source = { next: () => new Promise(resolve => (answer = resolve)) };
    pump.wake(source);
    pump.remove(source);
    answer({ data: 'x', more: true });
    await settled();
    assert.equal(sink.sent.length, 0);
  });
});
