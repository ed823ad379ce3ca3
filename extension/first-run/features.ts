/** The first run: entry point of its bundle. See first-run.ts for who loads it. */
import { join } from 'node:path';
import type { Uri } from 'vscode';
import { Disposable } from '../base/disposable.ts';
import { LocalRelay } from '../local-relay/local-relay.ts';
import type { LinkTargets } from '../uri/link-targets.ts';
import { openLink } from '../uri/open-link.ts';
import { enrollHost } from './enroll-host.ts';
import { enrollmentText, parseEnrollment } from './enrollment.ts';
import type { FirstRunFeatures, FirstRunServices } from './features-api.ts';
import { startLocalRelay, stopLocalRelay } from './start-local-relay.ts';

export function createFirstRun(services: FirstRunServices): FirstRunFeatures {
  return new Features(services);
}

class Features extends Disposable implements FirstRunFeatures {
  readonly #services: FirstRunServices;
  readonly #local: LocalRelay;

  constructor(services: FirstRunServices) {
    super();
    this.#services = services;
    this.#local = new LocalRelay({
      folder: join(services.storage, 'local-relay'),
      bundle: join(services.dist, 'relay.mjs'),
      places: { execPath: process.execPath, isElectron: 'electron' in process.versions, env: process.env },
      log: services.log,
    });
  }

  startLocalRelay(): Promise<void> {
    return startLocalRelay(this.#services, this.#local);
  }

  stopLocalRelay(): Promise<void> {
    return stopLocalRelay(this.#services, this.#local);
  }

  reviveLocalRelay(id: string): Promise<boolean> {
    return this.#local.revive(id);
  }

  enrollHost(name?: string): Promise<void> {
    return enrollHost(this.#services, this.#local, name);
  }

  enrollmentText(query: string): string | undefined {
    const enrollment = parseEnrollment(query);
    return enrollment && enrollmentText(enrollment, this.#services.locale);
  }

  openLink(uri: Uri, targets: LinkTargets): Promise<void> {
    return openLink(uri, targets, this.#services.locale);
  }
}
