import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { FakeLink, unexpected } from '../testing/fake-link.ts';
import { until } from '../testing/wait.ts';
import { Pump, type Source } from './pump.ts';

function source(link: FakeLink, name: string, messages: number): Source {
  let left = messages;
  return {
    step: () => {
      if (left > 0) link.sendText(name);
      left--;
      return Promise.resolve(left > 0);
    },
  };
}

describe('a pump', () => {
  it('lets sources take turns', async () => {
    const link = new FakeLink();
    const pump = new Pump(link, unexpected);
    pump.poke(source(link, 'a', 3));
    pump.poke(source(link, 'b', 2));
    await until('all', () => link.texts.length === 5);
    assert.deepEqual(link.texts, ['a', 'b', 'a', 'b', 'a']);
  });

  it('sends no more than there is room for', async () => {
    const link = new FakeLink(2);
    const pump = new Pump(link, unexpected);
    pump.poke(source(link, 'a', 6));
    for (let sent = 2; sent <= 6; sent += 2) {
      await until('what has room', () => link.texts.length === sent);
      await new Promise(resolve => setImmediate(resolve));
      assert.equal(link.texts.length, sent);
      link.drain();
    }
  });

  it('does not forget who is poked while it steps', async () => {
    const link = new FakeLink();
    const pump = new Pump(link, unexpected);
    let steps = 0;
    const restless: Source = {
      step: async () => {
        steps++;
        if (steps < 4) pump.poke(restless);
        return Promise.resolve(false);
      },
    };
    pump.poke(restless);
    await until('all steps', () => steps === 4);
  });

  it('stops when the peer is gone, and works again for nobody', async () => {
    const link = new FakeLink(1);
    const pump = new Pump(link, unexpected);
    const dropped = source(link, 'dropped', 1);
    pump.poke(source(link, 'a', 100));
    pump.poke(dropped);
    pump.drop(dropped);
    await until('the first', () => link.texts.length === 1);
    link.close();
    await new Promise(resolve => setImmediate(resolve));
    assert.deepEqual(link.texts, ['a']);
  });

  it('reports what fails, and can be used after it', async () => {
    const link = new FakeLink();
    const errors: unknown[] = [];
    const pump = new Pump(link, error => void errors.push(error));
    pump.poke({ step: () => Promise.reject(new Error('disk')) });
    await until('the error', () => errors.length === 1);
    pump.poke(source(link, 'a', 1));
    await until('the next', () => link.texts.length === 1);
  });
});
