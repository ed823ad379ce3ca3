import { createRequire } from 'node:module';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { Disposable } from '../base/disposable.ts';
import { messageOf } from '../base/log.ts';
import type * as languageClient from '../language-client/main.ts';
import type { RunningServer } from '../language-client/main.ts';
import type { ConfigurationName, FlakeRead, Place } from '../language-server/protocol.ts';
import type { NixcfgServices } from './features-api.ts';
import { FleetViews } from './fleet-views.ts';

/** Milliseconds between two times that the server is told of the fleet. */
const TELL_EVERY = 250;
/** Words of rows, such as `offline 3 h`, change with time. */
const LOOK_AGAIN = 60_000;

export interface LanguageParts extends Pick<
  NixcfgServices,
  'dist' | 'fleet' | 'describe' | 'log' | 'words' | 'locale'
> {
  readonly onFlakeRead: (read: FlakeRead) => void;
}

/** Runs the language server while there is a nixcfg, and keeps it in step with the fleet. */
export class Language extends Disposable {
  readonly #parts: LanguageParts;
  readonly #views = new FleetViews();
  #server: RunningServer | undefined;
  #starting: Promise<boolean> | undefined;
  #folder: vscode.Uri | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: LanguageParts) {
    super();
    this.#parts = parts;
    this.own(parts.fleet.onDidChange(() => this.#tellSoon()));
    this.own(vscode.workspace.onDidGrantWorkspaceTrust(() => this.#tellSoon()));
    const again = setInterval(() => this.#tellSoon(), LOOK_AGAIN);
    this.own({ dispose: () => clearInterval(again) });
  }

  /** Whether it runs, once that is known. */
  get runs(): Promise<boolean> {
    return this.#starting ?? Promise.resolve(false);
  }

  /** The server looks at this folder from now on. It is started with the first one. */
  follow(folder: vscode.Uri | undefined): void {
    this.#folder = folder?.scheme === 'file' ? folder : undefined;
    if (this.#server) this.#server.nixcfgChanged({ folder: this.#folder?.toString() ?? null });
    else if (this.#folder && !this.#starting) this.#starting = this.#start();
  }

  /** Where a configuration is, as far as the text tells. */
  async whereIs(configuration: ConfigurationName): Promise<Place | undefined> {
    await this.runs;
    return (await this.#server?.whereIs(configuration)) ?? undefined;
  }

  override dispose(): void {
    clearTimeout(this.#timer);
    super.dispose();
    void this.#server?.stop();
  }

  async #start(): Promise<boolean> {
    const { dist, fleet, describe, log, words, locale, onFlakeRead } = this.#parts;
    try {
      const require = createRequire(join(dist, 'nixcfg.cjs'));
      const { startServer } = require('./language-client.cjs') as typeof languageClient;
      const started = this.#folder?.toString() ?? null;
      const known = this.#views.update(fleet.fleet.hosts, this.#state, describe);
      const server = await startServer({
        module: join(dist, 'language-server.cjs'),
        log,
        start: {
          language: locale.language,
          words,
          nixcfg: { folder: started },
          fleet: known ?? { ...this.#state, hosts: [], gone: [] },
        },
        onFlakeRead,
      });
      if (this.isDisposed) {
        await server.stop();
        return false;
      }
      this.#server = server;
      if ((this.#folder?.toString() ?? null) !== started) this.follow(this.#folder);
      this.#tellSoon();
      return true;
    } catch (error) {
      log.error(`language server: ${messageOf(error)}`);
      return false;
    }
  }

  get #state(): { readonly known: boolean; readonly trusted: boolean } {
    return { known: this.#parts.fleet.fleet.known, trusted: vscode.workspace.isTrusted };
  }

  #tellSoon(): void {
    if (this.#timer !== undefined || this.isDisposed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (!this.#server) return;
      const { fleet, describe } = this.#parts;
      const change = this.#views.update(fleet.fleet.hosts, this.#state, describe);
      if (change) this.#server.fleetChanged(change);
    }, TELL_EVERY);
  }
}
