import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openWorkbench, type Workbench } from '../../test/vscode/workbench.ts';

const ROOT = join(import.meta.dirname, '../..');

/** VS Code with the extension as it ships and an empty workspace, at the Hosts view. */
export async function openWindow(env: Readonly<Record<string, string>>): Promise<Workbench & AsyncDisposable> {
  const folder = mkdtempSync(join(tmpdir(), 'nixfleet-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'nixcfg'));
  const workbench = await openWorkbench({ folder: join(folder, 'nixcfg'), extensions: [ROOT], env });
  await workbench.openContainer('NixFleet');
  return workbench;
}
