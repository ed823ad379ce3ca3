import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { Disposable, toDisposable, type IDisposable } from './disposable.ts';
import { Emitter, nextValue } from './event.ts';

class Owner extends Disposable {
  add<T extends IDisposable>(part: T): T {
    return this.own(part);
  }
  drop(part: IDisposable): void {
    this.release(part);
  }
}

describe('an owner of disposables', () => {
  it('lets go of them once, the newest first', () => {
    const order: number[] = [];
    const owner = new Owner();
    for (const n of [1, 2, 3]) owner.add(toDisposable(() => order.push(n)));
    owner.dispose();
    owner.dispose();
    assert.deepEqual(order, [3, 2, 1]);
  });

  it('lets go of the others when one throws, and tells', () => {
    let count = 0;
    const owner = new Owner();
    owner.add(toDisposable(() => (count += 1)));
    owner.add(
      toDisposable(() => {
        throw new Error('stuck');
      }),
    );
    owner.add(toDisposable(() => (count += 1)));
    assert.throws(() => owner.dispose(), /stuck/);
    assert.equal(count, 2);
  });

  it('does not keep what comes too late', () => {
    let disposed = false;
    const owner = new Owner();
    owner.dispose();
    owner.add(toDisposable(() => (disposed = true)));
    assert.ok(disposed);
  });

  it('lets go of one part early, and not again', () => {
    let count = 0;
    const owner = new Owner();
    const part = owner.add(toDisposable(() => (count += 1)));
    owner.drop(part);
    owner.dispose();
    assert.equal(count, 1);
  });
});

describe('an event', () => {
  it('reaches everybody who listens, and nobody who has stopped', () => {
    const emitter = new Emitter<number>();
    const heard: string[] = [];
    const a = emitter.event(n => heard.push(`a${n}`));
    emitter.event(n => heard.push(`b${n}`));
    emitter.fire(1);
    a.dispose();
    emitter.fire(2);
    emitter.dispose();
    emitter.fire(3);
    assert.deepEqual(heard, ['a1', 'b1', 'b2']);
    assert.equal(emitter.listenerCount, 0);
  });

  it('does not reach a listener that another one has just stopped', () => {
    const emitter = new Emitter<void>();
    let heard = 0;
    emitter.event(() => second.dispose());
    const second = emitter.event(() => (heard += 1));
    emitter.fire();
    assert.equal(heard, 0);
  });

  it('can be waited for, until a signal says otherwise', async () => {
    const emitter = new Emitter<number>();
    const waiting = nextValue(emitter.event, n => n > 1);
    emitter.fire(1);
    emitter.fire(2);
    assert.equal(await waiting, 2);
    const stopped = new AbortController();
    const never = nextValue(emitter.event, () => true, stopped.signal);
    stopped.abort(new Error('late'));
    await assert.rejects(never, /late/);
    await assert.rejects(
      nextValue(emitter.event, () => true, stopped.signal),
      /late/,
    );
    assert.equal(emitter.listenerCount, 0);
  });
});
