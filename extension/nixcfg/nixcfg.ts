import { createRequire } from 'node:module';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { Disposable } from '../base/disposable.ts';
import { Emitter } from '../base/event.ts';
import { messageOf } from '../base/log.ts';
import { FLAKES } from './choose-folder.ts';
import { NO_NIXCFG, type NixcfgState } from './configurations.ts';
import type * as features from './features.ts';
import type { NixcfgFeatures, NixcfgServices } from './features-api.ts';

/**
 * The door to what NixFleet does with nixcfg. Loads it when the workspace holds a flake, or when somebody asks for it;
 * `activate` waits for neither.
 */
export class Nixcfg extends Disposable {
  readonly #services: NixcfgServices;
  readonly #changed = this.own(new Emitter<void>());
  #loading: Promise<NixcfgFeatures> | undefined;
  #features: NixcfgFeatures | undefined;

  readonly onDidChange = this.#changed.event;

  constructor(services: NixcfgServices) {
    super();
    this.#services = services;
    const watcher = this.own(vscode.workspace.createFileSystemWatcher('**/flake.nix', false, true, true));
    this.own(watcher.onDidCreate(() => this.#look()));
    this.own(vscode.workspace.onDidChangeWorkspaceFolders(() => this.#look()));
    this.own(
      vscode.tasks.registerTaskProvider('nixfleet', {
        provideTasks: async token => (await this.features()).tasks.provideTasks(token),
        resolveTask: async (task, token) => (await this.features()).tasks.resolveTask(task, token),
      }),
    );
    this.#look();
  }

  get state(): NixcfgState {
    return this.#features?.state ?? NO_NIXCFG;
  }

  /** Whether the bundle was loaded. */
  get isLoaded(): boolean {
    return this.#loading !== undefined;
  }

  features(): Promise<NixcfgFeatures> {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  async #load(): Promise<NixcfgFeatures> {
    await Promise.resolve(); // never in the turn of whoever asks first
    const path = join(this.#services.dist, 'nixcfg.cjs');
    const { createNixcfg } = createRequire(path)(path) as typeof features;
    const made = this.own(createNixcfg(this.#services));
    this.#features = made;
    this.own(made.onDidChange(() => this.#changed.fire()));
    return made;
  }

  #look(): void {
    if (this.#loading) return;
    void (async () => {
      const [flake] = await vscode.workspace.findFiles(FLAKES, '**/node_modules/**', 1);
      if (flake && !this.isDisposed) await this.features();
    })().catch((error: unknown) => this.#services.log.error(`nixcfg: ${messageOf(error)}`));
  }
}
