/**
 * Keeps V8's young generation at its first size, 2 MB instead of up to 32. What passes through a relay is short-lived
 * buffers outside of the heap, which go when the young generation is collected: a large one means that tens of megabytes
 * of them lie about. It has to be said before anything else is loaded. See docs/decisions/relay-memory.md.
 */
import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--semi-space-growth-factor=1');
