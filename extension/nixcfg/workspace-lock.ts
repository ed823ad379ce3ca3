import * as vscode from 'vscode';
import { findInput, flakeUrl, parseFlakeLock } from '../../flake-lock/index.ts';
import { findNixfleetInput } from '../../flake-nix/find-nixfleet-input.ts';
import { Disposable, type IDisposable } from '../base/disposable.ts';
import { Emitter } from '../base/event.ts';
import type { WorkspaceLock } from './configurations.ts';
import { readText } from './nixcfg-folder.ts';

/** The input that carries the agent, as a lock has it; undefined when it has none or cannot be read. */
export function nixfleetInLock(text: string): WorkspaceLock | undefined {
  const parsed = parseFlakeLock(text);
  const root = parsed.ok ? parsed.lock.nodes.get(parsed.lock.root) : undefined;
  if (!parsed.ok || !root) return undefined;
  const inputs = [...root.inputs.keys()].map(name => {
    const original = findInput(parsed.lock, [name])?.original;
    const attributes = new Map<string, string>(original?.repo === undefined ? [] : [['repo', original.repo]]);
    return { name, attributes, ...(original && { url: { text: flakeUrl(original), at: { from: 0, to: 0 } } }) };
  });
  const input = findNixfleetInput(inputs);
  const locked = input && findInput(parsed.lock, [input.name])?.locked;
  if (!locked) return undefined;
  const { rev, lastModified } = locked;
  return { input: input.name, ...(rev !== undefined && { rev }), ...(lastModified !== undefined && { lastModified }) };
}

/** Follows the flake.lock of a folder. */
export class WorkspaceLockFile extends Disposable {
  readonly #changed = this.own(new Emitter<void>());
  #watcher: IDisposable | undefined;
  #lock: WorkspaceLock | undefined;
  #reading = 0;

  readonly onDidChange = this.#changed.event;

  get lock(): WorkspaceLock | undefined {
    return this.#lock;
  }

  /** From now on it is the one of this folder. */
  follow(folder: vscode.Uri | undefined): void {
    if (this.#watcher) this.release(this.#watcher);
    this.#watcher = undefined;
    const read = (): void => void this.#read(folder);
    if (folder) {
      const watcher = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(folder, 'flake.lock'));
      for (const event of [watcher.onDidChange, watcher.onDidCreate, watcher.onDidDelete]) event(read);
      this.#watcher = this.own(watcher);
    }
    read();
  }

  async #read(folder: vscode.Uri | undefined): Promise<void> {
    const reading = ++this.#reading;
    const text = folder && (await readText(vscode.Uri.joinPath(folder, 'flake.lock')));
    if (reading !== this.#reading || this.isDisposed) return;
    const lock = text === undefined ? undefined : nixfleetInLock(text);
    if (JSON.stringify(lock) === JSON.stringify(this.#lock)) return;
    this.#lock = lock;
    this.#changed.fire();
  }
}
