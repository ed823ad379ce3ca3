import * as vscode from 'vscode';
import { Disposable } from '../base/disposable.ts';
import { Emitter } from '../base/event.ts';
import type { Locale } from '../base/locale.ts';
import { chooseFolder, FLAKES, type Candidate } from './choose-folder.ts';

/** Where the choice of the person is kept. */
const REMEMBERED = 'nixfleet.nixcfgFolder';
const NOT_OURS = '**/{node_modules,.git,.direnv,result,templates}/**';
const MOST_CANDIDATES = 20;

/** Finds the folder of nixcfg in the workspace, and follows it. */
export class NixcfgFolder extends Disposable {
  readonly #memory: vscode.Memento;
  readonly #locale: Locale;
  readonly #changed = this.own(new Emitter<void>());
  #candidates: readonly Candidate[] = [];
  #folder: vscode.Uri | undefined;
  #looking = 0;

  readonly onDidChange = this.#changed.event;

  constructor(memory: vscode.Memento, locale: Locale) {
    super();
    this.#memory = memory;
    this.#locale = locale;
    const look = (): void => void this.look();
    const watcher = this.own(vscode.workspace.createFileSystemWatcher('**/flake.nix', false, true, false));
    this.own(watcher.onDidCreate(look));
    this.own(watcher.onDidDelete(look));
    this.own(vscode.workspace.onDidChangeWorkspaceFolders(look));
  }

  get folder(): vscode.Uri | undefined {
    return this.#folder;
  }

  /** Looks through the workspace. */
  async look(): Promise<void> {
    const looking = ++this.#looking;
    const files = await vscode.workspace.findFiles(FLAKES, NOT_OURS, MOST_CANDIDATES);
    const folders = files.map(file => vscode.Uri.joinPath(file, '..')).sort((a, b) => a.path.localeCompare(b.path));
    const candidates = await Promise.all(
      folders.map(async folder => ({ folder: folder.toString(), hasNixfleet: await speaksOfNixfleet(folder) })),
    );
    if (looking !== this.#looking || this.isDisposed) return;
    this.#candidates = candidates;
    this.#choose();
  }

  /** The folder; asks for it where there are several and nobody can tell. */
  async ask(): Promise<vscode.Uri | undefined> {
    if (!this.#folder && this.#candidates.length > 1) await this.choose();
    if (!this.#folder && this.#candidates.length === 0) {
      const { t } = this.#locale;
      void vscode.window.showInformationMessage(t('There is no flake.nix in this workspace.'));
    }
    return this.#folder;
  }

  /** Lets the person say which folder it is. */
  async choose(): Promise<void> {
    const { t } = this.#locale;
    const items = this.#candidates.map(({ folder, hasNixfleet }) => {
      const uri = vscode.Uri.parse(folder, true);
      const description = hasNixfleet ? t('has nixfleet') : '';
      return { label: vscode.workspace.asRelativePath(uri, true), description, folder };
    });
    const picked = await vscode.window.showQuickPick(items, { title: t('Choose nixcfg Folder') });
    if (!picked) return;
    await this.#memory.update(REMEMBERED, picked.folder);
    this.#choose();
  }

  #choose(): void {
    const { folder } = chooseFolder(this.#candidates, this.#memory.get<string>(REMEMBERED));
    if (folder === this.#folder?.toString()) return;
    this.#folder = folder === undefined ? undefined : vscode.Uri.parse(folder, true);
    this.#changed.fire();
  }
}

async function speaksOfNixfleet(folder: vscode.Uri): Promise<boolean> {
  for (const name of ['flake.nix', 'flake.lock']) {
    const text = await readText(vscode.Uri.joinPath(folder, name));
    if (text?.includes('nixfleet')) return true;
  }
  return false;
}

/** The text of a file; undefined where there is none. */
export async function readText(uri: vscode.Uri): Promise<string | undefined> {
  try {
    return new TextDecoder().decode(await vscode.workspace.fs.readFile(uri));
  } catch {
    return undefined;
  }
}
