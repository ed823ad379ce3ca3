/** What the extension may take of a person's time and machine, measured, in one table. */
import { execa } from 'execa';
import { ensureChromium, ensureServer } from '../test/vscode/setup.ts';
import { activationBudget } from './budgets/activation.ts';
import { budgetRow, type Budget } from './budgets/budget.ts';
import { bundleBudgets } from './budgets/bundles.ts';
import { hostsBudgets } from './budgets/hosts.ts';
import { runBudgets } from './budgets/run.ts';
import { printTable } from './table.ts';

export async function benchBudgets(): Promise<void> {
  // as it ships
  await execa(process.execPath, ['esbuild.mjs', '--minify'], { cwd: `${import.meta.dirname}/..`, stdin: 'ignore' });
  const rows: Budget[] = [];
  // it takes minutes: what is known is said at once
  const add = (...found: readonly Budget[]): void => {
    rows.push(...found);
    for (const budget of found) console.error(budgetRow(budget).join(' · '));
  };
  add(...bundleBudgets());
  const [server, chromium] = [await ensureServer(), await ensureChromium()];
  if (server.ok && chromium.ok) {
    process.env['CHROMIUM_PATH'] = chromium.value;
    add(await activationBudget());
    add(...(await runBudgets()));
    add(...(await hostsBudgets()));
  } else {
    console.log(`without VS Code: ${[server, chromium].map(part => (part.ok ? '' : part.reason)).join(' ')}\n`);
  }
  printTable(['what', 'measured', 'at most', 'met', 'how'], rows.map(budgetRow));
}
