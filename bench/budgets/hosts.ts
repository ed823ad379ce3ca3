/** The Hosts view with 5,000 hosts. Their relay is written here (test/support/big-fleet.ts); extension and VS Code are real. */
import { setTimeout as delay } from 'node:timers/promises';
import { BigFleet, bigFleetHost, manyHosts, WATCH_DRAWN_ROWS } from '../../test/support/big-fleet.ts';
import type { Workbench } from '../../test/vscode/workbench.ts';
import { median, percentile } from '../table.ts';
import type { Budget } from './budget.ts';
import { blocksNote, blocksOf, longest, tracedBlocks, tracedNote, watchBlocks } from './probe.ts';
import { openWindow } from './window.ts';

const HOSTS = 5000;
const PAINTS = 7;
const CHANGES = 20;
/** Turns of the wheel, one in each frame of 16 ms. */
const TURNS = 300;

export async function hostsBudgets(): Promise<Budget[]> {
  await using fleet = await BigFleet.start(manyHosts(HOSTS));
  await using workbench = await openWindow(fleet.env);
  await workbench.page.locator(`.sidebar [role=treeitem][aria-setsize="${HOSTS}"]`).first().waitFor();
  const change = await oneChange(fleet, workbench);
  const scroll = await scrolling(fleet, workbench);
  return [await firstPaint(fleet, workbench), change, ...scroll];
}

/** From the snapshot's last part on the wire to the first row in the window. */
async function firstPaint(fleet: BigFleet, workbench: Workbench): Promise<Budget> {
  const times: number[] = [];
  for (let round = 0; round < PAINTS; round++) {
    await workbench.command('NixFleet: Disconnect');
    await workbench.treeItem('host-0').waitFor({ state: 'hidden' });
    await workbench.page.evaluate(`
      globalThis.firstRow = undefined;
      const look = () => {
        if (!document.querySelector('.sidebar [role=treeitem]')) return requestAnimationFrame(look);
        const drawn = new MessageChannel();
        drawn.port1.onmessage = () => (globalThis.firstRow = performance.timeOrigin + performance.now());
        drawn.port2.postMessage(0);
      };
      look();`);
    await workbench.command('NixFleet: Connect to a Relay…');
    await workbench.answer('(1/2)', fleet.env['NIXFLEET_RELAY_URL'] ?? '');
    await workbench.answer('(2/2)', 'token');
    await workbench.page.waitForFunction('globalThis.firstRow');
    times.push((await workbench.page.evaluate<number>('globalThis.firstRow')) - fleet.snapshotAt);
  }
  return {
    what: `${HOSTS} hosts: first row painted after the snapshot`,
    measured: median(times),
    atMost: 300,
    unit: 'ms',
    note: `median of ${PAINTS}, p95 ${percentile(times, 0.95).toFixed(0)} ms`,
  };
}

async function oneChange(fleet: BigFleet, workbench: Workbench): Promise<Budget> {
  const counts: number[] = [];
  for (let change = 0; change < CHANGES; change++) {
    await workbench.page.evaluate(WATCH_DRAWN_ROWS);
    const host = bigFleetHost(10 * (change % 10), `2.4.${change}`);
    fleet.put(host);
    await workbench
      .treeItem(host.host)
      .filter({ hasText: `2.4.${change}` })
      .waitFor();
    counts.push(await workbench.page.evaluate<number>('drawn().length'));
  }
  return {
    what: `${HOSTS} hosts: rows repainted when one host changes`,
    measured: Math.max(...counts),
    atMost: 1,
    unit: 'rows',
    note: `the most in ${CHANGES} changes`,
  };
}

/** Turns the wheel over the rows, once while nothing happens, once while a host changes ten times a second and moves. */
async function scrolling(fleet: BigFleet, workbench: Workbench): Promise<Budget[]> {
  const quiet = await wheel(workbench, 'scrolling through them, longest block');
  let change = 0;
  const timer = setInterval(() => {
    change += 1;
    const host = bigFleetHost(50 + (change % 50), `2.5.${change}`);
    // every tenth goes or comes, and moves in the list
    fleet.put(change % 10 === 0 ? { ...host, online: !host.online } : host);
  }, 100);
  try {
    return [quiet, await wheel(workbench, 'the same while 10 hosts a second change and one moves')];
  } finally {
    clearInterval(timer);
  }
}

async function wheel({ page }: Workbench, what: string): Promise<Budget> {
  const list = await page.locator('.sidebar .monaco-list-rows').first().boundingBox();
  if (!list) throw new Error('there are no rows to scroll');
  await page.mouse.move(list.x + 100, list.y + 300);
  await watchBlocks(page.mainFrame());
  await page.evaluate(`
    globalThis.frames16 = [];
    globalThis.scrolls = true;
    let last = performance.now();
    const frame = now => {
      frames16.push(now - last);
      last = now;
      if (globalThis.scrolls) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);`);
  const turnAll = async (): Promise<void> => {
    for (let times = 0; times < TURNS; times++) {
      await page.mouse.wheel(0, times < TURNS / 2 ? 240 : -240);
      await delay(16);
    }
  };
  await turnAll();
  await page.evaluate('globalThis.scrolls = false');
  const frames = await page.evaluate<number[]>('globalThis.frames16');
  const blocks = await blocksOf(page.mainFrame());
  const traced = await tracedBlocks(page, turnAll);
  return {
    what: `${HOSTS} hosts: ${what}`,
    measured: longest(blocks),
    atMost: 50,
    unit: 'ms',
    note: `${blocksNote(blocks)}; frames p95 ${percentile(frames, 0.95).toFixed(0)} ms; ${tracedNote(traced)}`,
  };
}
