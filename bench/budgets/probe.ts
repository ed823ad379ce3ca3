/** What is looked at inside a page. Programs are text: they run in the page, which has no types of ours. */
import type { Frame } from 'playwright-core';

/** Counts from now on how long the frame's main thread is blocked at a time. */
export async function watchBlocks(frame: Frame): Promise<void> {
  await frame.evaluate(`
    globalThis.blocks = [];
    globalThis.blockObserver?.disconnect();
    globalThis.othersBlocks = [];
    const others = /ancestor|descendant|unreachable|^same-origin$/;
    globalThis.blockObserver = new PerformanceObserver(list =>
      list.getEntries().forEach(entry => (others.test(entry.name) ? othersBlocks : blocks).push(entry.duration)));
    blockObserver.observe({ type: 'longtask' });`);
}

/** Milliseconds of each block of more than 50 ms since then that is not another frame's alone. */
export async function blocksOf(frame: Frame): Promise<number[]> {
  return frame.evaluate<number[]>('globalThis.blocks');
}

/** Those of frames that share the thread, such as VS Code's window. */
export async function othersBlocksOf(frame: Frame): Promise<number[]> {
  return frame.evaluate<number[]>('globalThis.othersBlocks');
}

export function blocksNote(blocks: readonly number[]): string {
  return `${blocks.length} over 50 ms`;
}

/** The longest of them; below 50 ms none is reported, which is then as good as 50. */
export function longest(blocks: readonly number[]): number {
  return Math.max(0, ...blocks);
}
