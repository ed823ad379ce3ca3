/**
 * A run of 200 MB of output as VS Code takes it: how long the window and the run panel are blocked at a time, how far the
 * extension host grows, and how long a command of the palette takes meanwhile. The agent is written here; relay, extension
 * and VS Code are real.
 */
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import type { Frame, Page } from 'playwright-core';
import { FakeAgent } from '../test/support/fake-agent.ts';
import { RelayProcess } from '../test/support/relay-process.ts';
import { ensureChromium, ensureServer } from '../test/vscode/setup.ts';
import { openWorkbench, waitUntil } from '../test/vscode/workbench.ts';
import { printTable, seconds } from './table.ts';

const MEGABYTE = 1_000_000;
const PARTS = 40;
const LINES_A_PART = 43_000;
const ROOT = join(import.meta.dirname, '..');

export async function benchEditor(): Promise<void> {
  const [server, chromium] = [await ensureServer(), await ensureChromium()];
  if (!server.ok || !chromium.ok) {
    console.log(`not run: ${[server, chromium].map(part => (part.ok ? '' : part.reason)).join(' ')}`);
    return;
  }
  process.env['CHROMIUM_PATH'] = chromium.value;
  await using opened = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'nixfleet-bench-'));
  opened.defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  const relay = opened.use(
    await RelayProcess.start({ data: join(folder, 'relay'), log: join(folder, 'relay.log'), listen: ['127.0.0.1:0'] }),
  );
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, await relay.operator('bench'), { mode: 0o600 });
  const agent = opened.use(await FakeAgent.connect({ url: relay.url, host: 'web', token: await relay.enroll('web') }));
  mkdirSync(join(folder, 'nixcfg'));
  const workbench = opened.use(
    await openWorkbench({
      folder: join(folder, 'nixcfg'),
      extensions: [ROOT],
      env: { NIXFLEET_RELAY_URL: relay.url, NIXFLEET_RELAY_TOKEN_FILE: tokenFile },
    }),
  );
  await workbench.openContainer('NixFleet');
  await workbench.treeItem('web').waitFor();
  const asked = agent.nextRun();
  await workbench.contextMenu(workbench.treeItem('web'), 'Update Agent');
  const run = await asked;
  run.phase('accepted').phase('pulling').phase('locking').phase('building').output('the build begins\n');
  const panel = await workbench.webview('web');
  await panel.getByText('the build begins').waitFor();
  const panelFrame = await (await panel.locator('body').elementHandle()).ownerFrame();
  if (!panelFrame) throw new Error('the panel has no frame');
  await Promise.all([watchLongTasks(workbench.page.mainFrame()), watchLongTasks(panelFrame)]);

  const before = await extensionHostMemory(workbench.server.dataDir);
  let peak = before;
  const begin = performance.now();
  const commands: number[] = [];
  for (let part = 1; part <= PARTS; part++) {
    run.output(lines(part));
    await delay(100);
    peak = Math.max(peak, await extensionHostMemory(workbench.server.dataDir));
    if (part % 10 === 0) commands.push(await openPalette(workbench.page));
  }
  run.output('the build ends\n').end();
  const size = run.outputBytes.length;
  await waitUntil(
    'the extension to have all of it',
    () => received(workbench.server.dataDir, run.runId) >= size,
    300_000,
  );
  const took = performance.now() - begin;
  await panel.getByText('the build ends').waitFor();
  peak = Math.max(peak, await extensionHostMemory(workbench.server.dataDir));

  console.log(`${(size / MEGABYTE).toFixed(0)} MB in ${PARTS * LINES_A_PART} lines, received in ${seconds(took)}\n`);
  const [window, view] = [await longTasks(workbench.page.mainFrame()), await longTasks(panelFrame)];
  printTable(
    ['what', 'figure'],
    [
      ['longest block of the window', `${Math.max(0, ...window).toFixed(0)} ms (${window.length} over 50 ms)`],
      ['longest block of the run panel', `${Math.max(0, ...view).toFixed(0)} ms (${view.length} over 50 ms)`],
      ['palette opens meanwhile, slowest of 4', `${Math.max(...commands).toFixed(0)} ms`],
      ['extension host, before', `${(before / MEGABYTE).toFixed(0)} MB`],
      ['extension host, growth at the peak', `${((peak - before) / MEGABYTE).toFixed(0)} MB`],
    ],
  );
}

function lines(part: number): string {
  let text = '';
  for (let line = 0; line < LINES_A_PART; line++) {
    text +=
      `\u001b[3${line % 8}mpart ${part}\u001b[0m line ${line} of a build that has much to say `.padEnd(119, '.') + '\n';
  }
  return text;
}

async function watchLongTasks(frame: Frame): Promise<void> {
  await frame.evaluate(`
    globalThis.longTasks = [];
    new PerformanceObserver(list => list.getEntries().forEach(entry => longTasks.push(entry.duration)))
      .observe({ type: 'longtask' });`);
}

async function longTasks(frame: Frame): Promise<number[]> {
  return frame.evaluate<number[]>('globalThis.longTasks');
}

/** Milliseconds until the palette shows, which is closed again. */
async function openPalette(page: Page): Promise<number> {
  const begin = performance.now();
  const box = page.locator('.quick-input-widget:visible');
  await page.evaluate('document.activeElement?.blur()');
  await page.keyboard.press('F1');
  await box.waitFor();
  const took = performance.now() - begin;
  await page.keyboard.press('Escape');
  await box.waitFor({ state: 'hidden' });
  return took;
}

/** Resident bytes of the extension host of the server with that data folder. */
async function extensionHostMemory(dataDir: string): Promise<number> {
  const { stdout } = await execa('pgrep', ['--full', 'type=extensionHost']);
  const pid = stdout.split('\n').find(one => readFileSync(`/proc/${one}/environ`, 'utf8').includes(dataDir));
  const status = readFileSync(`/proc/${pid ?? 'self'}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

/** Bytes of the run's output in the extension's own file. */
function received(dataDir: string, runId: string): number {
  const files = globSync(`data/User/workspaceStorage/*/nixfleet.nixfleet/runs/*/**/${runId}*`, { cwd: dataDir });
  return Math.max(0, ...files.map(file => statSync(join(dataDir, file)).size));
}
