/** What VS Code itself says that loading and activating the extension took, in windows that are loaded again and again. */
import { median, percentile } from '../table.ts';
import type { Budget } from './budget.ts';
import { openWindow } from './window.ts';

const ROUNDS = 9;

export async function activationBudget(): Promise<Budget> {
  await using workbench = await openWindow({});
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    if (round > 0) await workbench.reload();
    await workbench.command('Developer: Show Running Extensions');
    const time = workbench.page
      .locator('.editor-instance .monaco-list-row', { hasText: 'NixFleet' })
      .locator('.activation-time')
      .filter({ hasText: /\d+ ?ms/ });
    await time.first().waitFor();
    times.push(Number(/(\d+) ?ms/.exec(await time.first().innerText())?.[1]));
  }
  return {
    what: 'activate until it returns, loading included',
    measured: median(times),
    atMost: 50,
    unit: 'ms',
    note: `median of ${ROUNDS} windows, p95 ${percentile(times, 0.95).toFixed(0)} ms`,
  };
}
