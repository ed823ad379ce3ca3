import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { freePassedMemory } from './passed-memory.ts';

const MB = 1024 * 1024;

/** A heap that keeps everything until it is collected; `live` stays also then. */
function heap(live: number) {
  const state = { external: live, collections: 0 };
  const memory = {
    external: () => state.external,
    collect: () => {
      state.collections++;
      state.external = live;
    },
  };
  const received = freePassedMemory(memory);
  const pass = (megabytes: number): void => {
    for (let i = 0; i < megabytes * 16; i++) {
      state.external += MB / 16;
      received(MB / 16);
    }
  };
  return { state, pass };
}

describe('memory that has passed through', () => {
  it('is freed before 16 MB of it lie about, however much there is besides', () => {
    for (const live of [0, 100 * MB]) {
      const { state, pass } = heap(live);
      for (let i = 0; i < 200; i++) {
        pass(1);
        assert.ok(state.external - live <= 16 * MB, `${(state.external - live) / MB} MB`);
      }
    }
  });

  it('calls for no collection while V8 frees it by itself', () => {
    const { state, pass } = heap(10 * MB);
    for (let i = 0; i < 100; i++) {
      pass(4);
      state.external = 10 * MB;
    }
    assert.equal(state.collections, 0);
  });
});
