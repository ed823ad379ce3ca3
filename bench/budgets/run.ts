/**
 * An update as a person sees it: click, lines as they come, and a million of them. Relay and agent are real and so is
 * VS Code; the runner writes what it is told (test/link/rig.ts), so that no host is needed.
 */
import { globSync, readFileSync, statSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Frame } from 'playwright-core';
import { LinkRig } from '../../test/link/rig.ts';
import { waitUntil, type Workbench } from '../../test/vscode/workbench.ts';
import { median, percentile } from '../table.ts';
import type { Budget } from './budget.ts';
import {
  blocksNote,
  blocksOf,
  longest,
  othersBlocksOf,
  tracedBlocks,
  tracedNote,
  watchBlocks,
  type TracedBlock,
} from './probe.ts';
import { openWindow } from './window.ts';

const CLICKS = 60;
const LINES = 10_000;
const LINE_ROUNDS = 3;
const MILLION = 1_000_000;
const LINE = '\u001b[32mbuild\u001b[0m line # of a build that has much to say '.padEnd(119, '.') + '\n';
const MEGABYTE = 1_000_000;
const LONG = 10 * 60_000;

export async function runBudgets(): Promise<Budget[]> {
  await using rig = await LinkRig.start();
  const tokenFile = rig.join('operator-token');
  writeFileSync(tokenFile, await rig.relayVerb('operator', 'bench', '--token-only'), { mode: 0o600 });
  await using workbench = await openWindow({ NIXFLEET_RELAY_URL: rig.url, NIXFLEET_RELAY_TOKEN_FILE: tokenFile });
  await workbench.treeItem('web').waitFor();
  return [await clicks(rig, workbench), await lines(rig, workbench), ...(await million(rig, workbench))];
}

/** From the mouse button that goes up over *Update Agent* to the request in the host's inbox. */
async function clicks(rig: LinkRig, workbench: Workbench): Promise<Budget> {
  await workbench.page.evaluate(`
    document.addEventListener('mouseup', () => (globalThis.clickedAt = performance.timeOrigin + performance.now()), true)`);
  rig.plan({ steps: [{ text: 'line #\n', times: 3 }] });
  const times: number[] = [];
  for (let click = 0; click < CLICKS; click++) {
    const accepted = nextInInbox(rig.join('state/inbox'));
    await workbench.contextMenu(workbench.treeItem('web'), 'Update Agent');
    const at = await accepted;
    times.push(at - (await workbench.page.evaluate<number>('globalThis.clickedAt')));
    await updated(workbench);
  }
  return {
    what: 'click on Update Agent → host has accepted, p95',
    measured: percentile(times, 0.95),
    atMost: 100,
    unit: 'ms',
    note: `${CLICKS} clicks, median ${median(times).toFixed(0)} ms`,
  };
}

/** When the next request lies in the inbox, ms since the epoch. */
function nextInInbox(inbox: string): Promise<number> {
  return new Promise(resolve => {
    const watcher = watch(inbox, (_, name) => {
      if (name === null || !/^[0-9A-Z]{26}\.json$/.test(name)) return;
      resolve(performance.timeOrigin + performance.now());
      watcher.close();
    });
  });
}

/** Waits until the run is over, and closes its panel. */
async function updated(workbench: Workbench): Promise<void> {
  const panel = await workbench.webview('web');
  await panel
    .getByText(/updated|nothing to update/i)
    .first()
    .waitFor();
  await workbench.command('View: Close All Editors');
}

async function lines(rig: LinkRig, workbench: Workbench): Promise<Budget> {
  const latencies: number[] = [];
  const rates: number[] = [];
  for (let round = 0; round < LINE_ROUNDS; round++) {
    rig.plan({
      steps: [
        { text: 'the build begins\n', times: 1, waitFor: rig.join(`watched-${round}`) },
        { text: 'line # @milliseconds of a build that has much to say\n', times: LINES, chunk: 11, pause: 10 },
      ],
    });
    const panel = await openedPanel(workbench);
    await panel.evaluate(SEE_LINES);
    rig.signal(`watched-${round}`);
    const last = async (): Promise<boolean> => (await panel.evaluate('globalThis.seen.at(-1)?.[0]')) === LINES - 1;
    await waitUntil('the last line to be seen', last, LONG);
    const seen = await panel.evaluate<[number, number, number][]>('globalThis.seen');
    latencies.push(...seen.map(([, written, shown]) => shown - written));
    rates.push(rateOf(seen));
    await workbench.command('View: Close All Editors');
  }
  return {
    what: 'a line written on the host → visible in the panel, p95',
    measured: percentile(latencies, 0.95),
    atMost: 100,
    unit: 'ms',
    note: `${LINE_ROUNDS} × ${LINES} lines at ${median(rates).toFixed(0)} a second, median ${median(latencies).toFixed(0)} ms`,
  };
}

/**
 * After each frame that was drawn: number, time of writing and time of being seen of every line that is new. Lines that
 * went by between two frames were seen when the first one after them was, and written between those around them.
 */
const SEE_LINES = `
  globalThis.seen = [];
  const look = () => {
    const drawn = new MessageChannel();
    drawn.port1.onmessage = () => {
      const now = performance.timeOrigin + performance.now();
      const fresh = [];
      let [last, lastWritten] = seen.at(-1) ?? [-1, 0];
      for (const row of document.querySelectorAll('.rows .row')) {
        const [, line, written] = /line (\\d+) (\\d{13})/.exec(row.textContent) ?? [];
        if (line !== undefined && Number(line) > last) fresh.push([Number(line), Number(written)]);
      }
      for (const [line, written] of fresh) {
        for (let skipped = last + 1; skipped < line; skipped++) {
          const part = (skipped - last) / (line - last);
          seen.push([skipped, lastWritten === 0 ? written : lastWritten + part * (written - lastWritten), now]);
        }
        seen.push([line, written, now]);
        [last, lastWritten] = [line, written];
      }
    };
    drawn.port2.postMessage(0);
    requestAnimationFrame(look);
  };
  look();`;

/** Lines a second. */
function rateOf(seen: readonly (readonly [number, number, number])[]): number {
  const [first, last] = [seen[0], seen.at(-1)];
  return first && last ? ((last[0] - first[0]) / (last[1] - first[1])) * 1000 : Number.NaN;
}

async function million(rig: LinkRig, workbench: Workbench): Promise<Budget[]> {
  planMillion(rig, 'million');
  const panel = await openedPanel(workbench);
  await watchBlocks(panel);
  const before = await memory(workbench);
  const most = { ...before };
  rig.signal('million');
  const begin = performance.now();
  const size = MILLION * LINE.length;
  await waitUntil(
    'the extension to have all of it',
    async () => {
      const now = await memory(workbench);
      most.extensionHost = Math.max(most.extensionHost, now.extensionHost);
      most.pages = Math.max(most.pages, now.pages);
      return received(workbench.server.dataDir) >= size;
    },
    LONG,
  );
  const took = (performance.now() - begin) / 1000;
  await panel
    .getByText(/updated|nothing to update/i)
    .first()
    .waitFor();
  const [blocks, others] = [await blocksOf(panel), await othersBlocksOf(panel)];
  await workbench.command('View: Close All Editors');
  const traced = await tracedMillion(rig, workbench);
  const mb = (bytes: number): number => bytes / MEGABYTE;
  const note = `${mb(size).toFixed(0)} MB in ${took.toFixed(0)} s; before ${mb(before.extensionHost).toFixed(0)} MB`;
  return [
    {
      what: 'a million lines: extension host memory growth, at its peak',
      measured: mb(most.extensionHost - before.extensionHost),
      atMost: 60,
      unit: 'MB',
      note,
    },
    {
      what: 'a million lines: webview memory growth, at its peak',
      measured: mb(most.pages - before.pages),
      atMost: 150,
      unit: 'MB',
      note: `window and panel together, before ${mb(before.pages).toFixed(0)} MB`,
    },
    {
      what: '… longest block of the webview’s main thread',
      measured: longest(blocks),
      atMost: 50,
      unit: 'ms',
      note: `${blocksNote(blocks)}; of VS Code’s own frames in the same thread ${longest(others).toFixed(0)} ms, ${blocksNote(others)}; ${tracedNote(traced)}`,
    },
  ];
}

/** Once more, for what the blocks are made of. */
async function tracedMillion(rig: LinkRig, workbench: Workbench): Promise<TracedBlock[]> {
  planMillion(rig, 'traced');
  const panel = await openedPanel(workbench);
  return tracedBlocks(workbench.page, async () => {
    rig.signal('traced');
    await panel.locator('h1', { hasText: /updated|nothing to update/i }).waitFor({ timeout: LONG });
  });
}

/** A million lines of 120 bytes, as fast as they can be written, once the signal is there. */
function planMillion(rig: LinkRig, signal: string): void {
  rig.plan({
    steps: [
      { text: 'the build begins\n', times: 1, waitFor: rig.join(signal) },
      { text: LINE, times: MILLION, chunk: 2000 },
    ],
  });
}

/** Starts an update; gives the frame of its panel when the output is seen there. */
async function openedPanel(workbench: Workbench): Promise<Frame> {
  await workbench.contextMenu(workbench.treeItem('web'), 'Update Agent');
  const panel = await workbench.webview('web');
  await panel.getByText('the build begins').waitFor();
  const frame = await (await panel.locator('body').elementHandle()).ownerFrame();
  if (!frame) throw new Error('the panel has no frame');
  return frame;
}

/** Resident bytes of the extension host, and of the processes that the browser's pages run in. */
async function memory({ page, server }: Workbench): Promise<{ extensionHost: number; pages: number }> {
  const { stdout } = await execa('pgrep', ['--full', 'type=extensionHost']);
  const host = stdout.split('\n').find(pid => readProcess(pid, 'environ').includes(server.dataDir));
  const session = await page.context().browser()?.newBrowserCDPSession();
  const { processInfo = [] } = (await session?.send('SystemInfo.getProcessInfo')) ?? {};
  await session?.detach();
  const renderers = processInfo.filter(({ type }) => type === 'renderer');
  return {
    extensionHost: resident(host ?? ''),
    pages: renderers.reduce((sum, { id }) => sum + resident(String(id)), 0),
  };
}

function resident(pid: string): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readProcess(pid, 'status'))?.[1] ?? 0) * 1024;
}

/** Empty when it has ended meanwhile. */
function readProcess(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

/** Bytes of the largest run in the extension's own files. */
function received(dataDir: string): number {
  const files = globSync('data/User/workspaceStorage/*/nixfleet.nixfleet/runs/*/**/*', { cwd: dataDir });
  return Math.max(0, ...files.map(file => statSync(join(dataDir, file), { throwIfNoEntry: false })?.size ?? 0));
}
