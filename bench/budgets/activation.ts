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

export async function activationBudget(): Promise<Budget> {
  await using workbench = await openWindow({});
  const found: Activation[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    if (round > 0) await workbench.reload();
    found.push(await activation(workbench));
  }
  const calls = found.map(({ call }) => call);
  const loads = found.map(({ load }) => load);
  return {
    what: 'activate until it returns',
    measured: median(calls),
    atMost: 50,
    unit: 'ms',
    note:
      `median of ${ROUNDS} windows, p95 ${percentile(calls, 0.95).toFixed(0)} ms; ` +
      `before it VS Code loads the code, in ${median(loads).toFixed(0)} ms`,
  };
}

async function activation(workbench: Workbench): Promise<Activation> {
  await workbench.page.getByText('Connect to a Relay').first().waitFor();
  const line = workbench.page
    .locator('.editor-instance .view-line', { hasText: /^\|\s*nixfleet\.nixfleet\s*\|/ })
    .first();
  await waitUntil('VS Code has figures of the activation', async () => {
    await workbench.command('View: Close All Editors');
    await workbench.command('Developer: Startup Performance');
    // the page of figures has a few hundred lines, of which an editor draws those in sight
    await workbench.page.locator('.editor-instance .view-line').first().click();
    await workbench.page.keyboard.press('Control+f');
    await workbench.page.keyboard.type('| nixfleet.nixfleet');
    return line.waitFor({ timeout: 3000 }).then(
      () => true,
      () => false,
    );
  });
  // | Extension | Eager | Load Code | Call Activate | Finish Activate | Event | By |
  const [load, call] = (await line.innerText()).split('|').slice(3, 5).map(Number);
  if (load === undefined || call === undefined) throw new Error('VS Code writes its figures in another way');
  return { load, call };
}
