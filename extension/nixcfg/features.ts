/**
 * What NixFleet does in a workspace that holds nixcfg: a bundle of its own, loaded when there is a flake. Comes in: the
 * workspace's files, the fleet, runs. Leaves: which hosts are configured, the language server, locks that are taken over,
 * tasks, and links from errors to files. Runs nix and git only where the workspace is trusted.
 */
import * as vscode from 'vscode';
import type { RunId } from '../../protocol/index.ts';
import { Disposable } from '../base/disposable.ts';
import { Emitter } from '../base/event.ts';
import { messageOf } from '../base/log.ts';
import type { ConfigurationName } from '../language-server/protocol.ts';
import type { NixcfgState } from './configurations.ts';
import { ConfiguredHosts, type ConfiguredHostsParts } from './configured-hosts.ts';
import { evaluateConfigurations } from './evaluate.ts';
import { findErrorPlaces, firstOfEach } from './error-places.ts';
import type { ErrorPlace, NixcfgFeatures, NixcfgServices } from './features-api.ts';
import { Language } from './language.ts';
import { LockTakeOver } from './lock-take-over.ts';
import { findNix } from './nix.ts';
import { NixcfgFolder } from './nixcfg-folder.ts';
import { OutputLinks } from './output-links.ts';
import { treeKey } from './tree-key.ts';
import { UpdateTasks } from './update-tasks.ts';
import { WorkspaceLockFile } from './workspace-lock.ts';

/** Milliseconds that nix has for one of the outputs; the first evaluation may have to fetch nixpkgs. */
const EVALUATION_DEADLINE = 120_000;
/** Milliseconds after the last change of a file before nix is asked again. */
const SETTLE = 1_500;

export function createNixcfg(services: NixcfgServices): NixcfgFeatures {
  return new Features(services);
}

class Features extends Disposable implements NixcfgFeatures {
  readonly tasks: UpdateTasks;
  readonly #services: NixcfgServices;
  readonly #folder: NixcfgFolder;
  readonly #configured: ConfiguredHosts;
  readonly #lock: WorkspaceLockFile;
  readonly #language: Language;
  readonly #takeOver: LockTakeOver;
  readonly #changed = this.own(new Emitter<void>());
  #timer: NodeJS.Timeout | undefined;
  #watcher: vscode.Disposable | undefined;
  #looked: Promise<void>;

  readonly onDidChange = this.#changed.event;

  constructor(services: NixcfgServices) {
    super();
    this.#services = services;
    const { memory, locale, fleet } = services;
    this.#folder = this.own(new NixcfgFolder(memory, locale));
    this.#configured = this.own(new ConfiguredHosts(() => this.#evaluation()));
    this.#lock = this.own(new WorkspaceLockFile());
    this.#language = this.own(
      new Language({
        ...services,
        onFlakeRead: read => {
          if (read.folder === this.#folder.folder?.toString()) this.#configured.takeText(read);
        },
      }),
    );
    this.#takeOver = this.own(new LockTakeOver(services, () => this.#folder.ask()));
    this.tasks = new UpdateTasks(services, (lines, checkout) => this.placesOf(lines, checkout));
    const links = new OutputLinks(() => this.#folder.folder, fleet);
    this.own(vscode.languages.registerDocumentLinkProvider({ scheme: 'output' }, links));

    this.own(this.#folder.onDidChange(() => this.#follow()));
    this.own(this.#configured.onDidChange(() => this.#changed.fire()));
    this.own(this.#lock.onDidChange(() => this.#changed.fire()));
    this.own(vscode.workspace.onDidGrantWorkspaceTrust(() => this.#evaluateSoon(0)));
    let known = fleet.fleet.known;
    this.own(
      fleet.onDidChange(change => {
        if (change.fleet.known && !known) this.#evaluateSoon(0);
        known = change.fleet.known;
      }),
    );
    this.#looked = this.#folder.look();
  }

  get state(): NixcfgState {
    return {
      folder: this.#folder.folder?.toString(),
      configurations: this.#configured.configurations,
      lock: this.#lock.lock,
    };
  }

  get serverRuns(): Promise<boolean> {
    return this.#looked.then(() => this.#language.runs);
  }

  async chooseFolder(): Promise<void> {
    await this.#looked;
    await this.#folder.choose();
  }

  async useLock(runId: RunId): Promise<void> {
    await this.#looked;
    await this.#takeOver.useRunLock(runId);
  }

  async updateInput(): Promise<void> {
    await this.#looked;
    await this.#takeOver.updateInput();
  }

  async showConfiguration(configuration: ConfigurationName): Promise<void> {
    const { t } = this.#services.locale;
    const folder = this.#folder.folder;
    const place = folder && (await this.#language.whereIs(configuration));
    if (!place) {
      void vscode.window.showInformationMessage(
        t('The text of flake.nix does not show where {0} is configured.', configuration.name),
      );
      return;
    }
    const { uri, line, character } = place;
    const at = new vscode.Position(line, character);
    await vscode.window.showTextDocument(vscode.Uri.parse(uri, true), { selection: new vscode.Range(at, at) });
  }

  async placesOf(lines: readonly string[], checkout: string | undefined): Promise<readonly ErrorPlace[]> {
    await this.#looked;
    const folder = this.#folder.folder;
    return folder ? firstOfEach(await findErrorPlaces(folder, lines, checkout)) : [];
  }

  override dispose(): void {
    clearTimeout(this.#timer);
    super.dispose();
  }

  /** Another folder is nixcfg, or none is. */
  #follow(): void {
    const { folder } = this.#folder;
    if (this.#watcher) this.release(this.#watcher);
    this.#watcher = undefined;
    this.#configured.forget();
    this.#lock.follow(folder);
    this.#language.follow(folder);
    this.#changed.fire();
    if (!folder) return;
    const watcher = vscode.workspace.createFileSystemWatcher(
      new vscode.RelativePattern(folder, '**/{*.nix,flake.lock}'),
    );
    for (const event of [watcher.onDidChange, watcher.onDidCreate, watcher.onDidDelete])
      event(() => this.#evaluateSoon(SETTLE));
    this.#watcher = this.own(watcher);
    this.#evaluateSoon(0);
  }

  #evaluateSoon(ms: number): void {
    clearTimeout(this.#timer);
    const { folder } = this.#folder;
    // who is connected to no relay has no use for it
    if (folder?.scheme !== 'file' || !this.#services.fleet.fleet.known || this.isDisposed) return;
    this.#timer = setTimeout(() => {
      this.#configured.evaluate(folder.fsPath).catch((error: unknown) => {
        this.#services.log.error(`configured hosts: ${messageOf(error)}`);
      });
    }, ms);
  }

  #evaluation(): ConfiguredHostsParts {
    const { memory, log } = this.#services;
    const nix = vscode.workspace.isTrusted ? findNix() : undefined;
    const evaluate =
      nix === undefined
        ? undefined
        : (folder: string, signal: AbortSignal) =>
            evaluateConfigurations({ nix, folder, signal, deadline: EVALUATION_DEADLINE });
    return { memory, log, keyOf: treeKey, evaluate };
  }
}
