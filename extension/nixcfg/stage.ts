import * as vscode from 'vscode';

/** VS Code's Git extension, as far as it is needed here (extensions/git/src/api/git.d.ts). */
interface GitExtension {
  getAPI(version: 1): {
    getRepository(uri: vscode.Uri): { add(paths: string[]): Promise<void> } | null;
  };
}

/** What stages a file; undefined where no repository that the editor knows has it. */
export async function stageFile(file: vscode.Uri): Promise<(() => Promise<void>) | undefined> {
  try {
    const extension = vscode.extensions.getExtension<GitExtension>('vscode.git');
    const git = await extension?.activate();
    const repository = git?.getAPI(1).getRepository(file);
    return repository ? () => repository.add([file.fsPath]) : undefined;
  } catch {
    // git is switched off, or missing
    return undefined;
  }
}
