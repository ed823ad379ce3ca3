import { homedir } from 'node:os';
import * as vscode from 'vscode';
import type { RunSession } from '../runs/run-session.ts';
import type { CommandServices } from './register.ts';

/** Asks where to, and saves the very bytes of a run's output that have come so far. */
export async function saveOutput(
  { host, runId, output }: RunSession,
  { locale }: Pick<CommandServices, 'locale'>,
): Promise<void> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri ?? vscode.Uri.file(homedir());
  const name = `nixfleet-${host.replace(/[^\w.-]/g, '_')}-${runId}.log`;
  const target = await vscode.window.showSaveDialog({
    title: locale.t('Save Output'),
    defaultUri: vscode.Uri.joinPath(folder, name),
  });
  if (!target) return;
  await output.flush();
  await vscode.workspace.fs.copy(vscode.Uri.file(output.path), target, { overwrite: true });
}
