/** What is looked at inside a page. Programs are text: they run in the page, which has no types of ours. */
import type { Frame, Page } from 'playwright-core';

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

/** A block of a page's main thread, in milliseconds: from begin to end, and how much of it the thread had a processor. */
export interface TracedBlock {
  readonly wall: number;
  readonly processor: number;
}

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds. */
  readonly dur?: number;
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/**
 * Does something while the browser writes down what its threads do, and gives the blocks of more than 50 ms of pages' main
 * threads. Writing it down takes time of its own: for telling why, not how much.
 */
export async function tracedBlocks(page: Page, deed: () => Promise<unknown>): Promise<TracedBlock[]> {
  const browser = page.context().browser();
  if (!browser) throw new Error('the page has no browser');
  await browser.startTracing(page, { categories: ['toplevel', '__metadata'] });
  let trace: Buffer;
  try {
    await deed();
  } finally {
    trace = await browser.stopTracing();
  }
  const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: readonly TraceEvent[] };
  const thread = ({ pid, tid }: TraceEvent): string => `${pid}/${tid}`;
  const mains = new Set(
    traceEvents.filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain').map(thread),
  );
  return traceEvents
    .filter(event => event.ph === 'X' && (event.dur ?? 0) > 50_000 && mains.has(thread(event)))
    .filter(({ name }) => name.includes('RunTask'))
    .map(({ dur = 0, tdur = 0 }) => ({ wall: dur / 1000, processor: tdur / 1000 }));
}

export function tracedNote(blocks: readonly TracedBlock[]): string {
  const most = (key: keyof TracedBlock): string => longest(blocks.map(block => block[key])).toFixed(0);
  return blocks.length === 0
    ? 'traced again: none over 50 ms'
    : `traced again: ${blocks.length} over 50 ms, the longest ${most('wall')} ms, the most that any had a processor ${most('processor')} ms`;
}
