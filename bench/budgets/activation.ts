/** What VS Code itself says that loading and activating the extension took, in windows that are loaded again and again. */
import { waitUntil, type Workbench } from '../../test/vscode/workbench.ts';
import { median, percentile } from '../table.ts';
import type { Budget } from './budget.ts';
import { openWindow } from './window.ts';

const ROUNDS = 15;

/** Milliseconds of one activation. */
interface Activation {
  readonly load: number;
  readonly call: number;
}

export async function activationBudgets(): Promise<Budget[]> {
  await using workbench = await openWindow({});
  const found: Activation[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    if (round > 0) await workbench.reload();
    found.push(await activation(workbench));
  }
  const row = (what: string, times: number[]): Budget => ({
    what,
    measured: median(times),
    atMost: 50,
    unit: 'ms',
    note: `median of ${ROUNDS} windows, p95 ${percentile(times, 0.95).toFixed(0)} ms`,
  });
  return [
    row(
      'activate until it returns',
      found.map(({ call }) => call),
    ),
    row(
      '… with the loading of its code',
      found.map(({ load, call }) => load + call),
    ),
  ];
}

async function activation(workbench: Workbench): Promise<Activation> {
  await workbench.openContainer('NixFleet');
  await workbench.page.getByText('Connect to a Relay').first().waitFor();
  // the page of figures has a few hundred lines, of which an editor draws those in sight
  await workbench.page.setViewportSize({ width: 1600, height: 16_000 });
  const line = workbench.page.locator('.editor-instance .view-line', { hasText: /^nixfleet\.nixfleet\s*\|/ }).first();
  await waitUntil('VS Code has figures of the activation', async () => {
    await workbench.command('View: Close All Editors');
    await workbench.command('Developer: Startup Performance');
    return line.waitFor({ timeout: 3000 }).then(
      () => true,
      () => false,
    );
  });
  // Extension | Eager | Load Code | Call Activate | Finish Activate | Event | By
  const [load, call] = (await line.innerText()).split('|').slice(2).map(Number);
  await workbench.page.setViewportSize({ width: 1280, height: 800 });
  if (load === undefined || call === undefined) throw new Error('VS Code writes its figures in another way');
  return { load, call };
}
