import { createRequire } from 'node:module';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { Disposable } from '../base/disposable.ts';
import { messageOf } from '../base/log.ts';
import type { Link } from '../connection/link.ts';
import { ENROLLMENT_SCHEME } from './enrollment-scheme.ts';
import type * as features from './features.ts';
import type { FirstRunFeatures, FirstRunServices } from './features-api.ts';

/**
 * The door to what a person does in their first minutes: a relay on this machine, hosts enrolled with it. Loads it when it
 * is asked for, or when the local relay that this window is connected to has ended.
 */
export class FirstRun extends Disposable {
  readonly #services: FirstRunServices;
  readonly #link: Pick<Link, 'retry' | 'state' | 'onDidChangeState'>;
  #features: Promise<FirstRunFeatures> | undefined;
  #reviving = false;

  constructor(services: FirstRunServices, link: Pick<Link, 'retry' | 'state' | 'onDidChangeState'>) {
    super();
    this.#services = services;
    this.#link = link;
    this.own(link.onDidChangeState(() => void this.#revive()));
    this.own(
      vscode.workspace.registerTextDocumentContentProvider(ENROLLMENT_SCHEME, {
        provideTextDocumentContent: async ({ query }) => (await this.features()).enrollmentText(query),
      }),
    );
  }

  features(): Promise<FirstRunFeatures> {
    this.#features ??= this.#load();
    return this.#features;
  }

  async #load(): Promise<FirstRunFeatures> {
    await Promise.resolve(); // never in the turn of whoever asks first
    const path = join(this.#services.dist, 'first-run.cjs');
    const { createFirstRun } = createRequire(path)(path) as typeof features;
    return this.own(createFirstRun(this.#services));
  }

  /** A relay of this machine that nobody answers for may have ended with the machine. It is tried once until it was reached. */
  async #revive(): Promise<void> {
    const { state } = this.#link;
    if (state.kind === 'online') this.#reviving = false;
    const local = this.#services.relays.target?.local;
    if (this.#reviving || local === undefined || state.kind !== 'reconnecting') return;
    if (state.why.kind !== 'connection-refused' && state.why.kind !== 'lost') return;
    this.#reviving = true;
    try {
      if (await (await this.features()).reviveLocalRelay(local)) this.#link.retry();
      else this.#reviving = false;
    } catch (error) {
      const { log, locale } = this.#services;
      log.error(`the local relay could not be started again: ${messageOf(error)}`);
      const start = locale.t('Start a Local Relay');
      const words = locale.t('The local relay could not be started again: {0}', messageOf(error));
      if ((await vscode.window.showErrorMessage(words, start)) === start)
        await vscode.commands.executeCommand('nixfleet.startLocalRelay');
    }
  }
}
