/**
 * What passes through the relay lies in buffers outside of V8's heap. Those that waited for the disk have grown old by then,
 * and V8 frees old buffers only once 64 MB of them lie about. The relay frees them when it is 12 MB. See
 * docs/decisions/relay-memory.md.
 */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Bytes of buffers above what was left by the last collection that call for the next. */
const MAX_PASSED = 12 * 1024 * 1024;
/** Bytes received from one look to the next. */
const LOOK_EVERY = 2 * 1024 * 1024;

export interface Memory {
  /** Bytes outside of the heap that objects on it hold. */
  readonly external: () => number;
  /** Frees what nobody holds any more. */
  readonly collect: () => void;
}

/** Returns what wants to be told of all bytes that are received. */
export function freePassedMemory(memory: Memory = v8Memory()): (received: number) => void {
  let least = memory.external();
  let sinceLook = 0;
  return received => {
    sinceLook += received;
    if (sinceLook < LOOK_EVERY) return;
    sinceLook = 0;
    least = Math.min(least, memory.external());
    if (memory.external() - least < MAX_PASSED) return;
    memory.collect();
    least = memory.external();
  };
}

function v8Memory(): Memory {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  return { external: () => getHeapStatistics().external_memory, collect };
}
