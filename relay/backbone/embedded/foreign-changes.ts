import type { DatabaseSync } from 'node:sqlite';
import type { Rows } from './rows.ts';

/** Milliseconds between two looks. */
const INTERVAL_MS = 500;

export interface ForeignChangesOptions {
  readonly onHost: (host: string) => void;
  readonly onHostRemoved: (host: string) => void;
  readonly onTokens: () => void;
  readonly onError: (error: unknown) => void;
}

/** Notices what another process, the command line, enrols and revokes in the database that this one serves. */
export class ForeignChanges {
  readonly #db: DatabaseSync;
  readonly #rows: Rows;
  readonly #options: ForeignChangesOptions;
  readonly #timer: NodeJS.Timeout;
  #version: unknown;
  /** When each host was enrolled, and all tokens' hashes in a row. */
  #known: { readonly hosts: ReadonlyMap<string, number>; readonly tokens: string };

  constructor(db: DatabaseSync, rows: Rows, options: ForeignChangesOptions) {
    this.#db = db;
    this.#rows = rows;
    this.#options = options;
    this.#version = this.#dataVersion();
    this.#known = this.#read();
    this.#timer = setInterval(() => {
      try {
        this.#look();
      } catch (error) {
        options.onError(error);
      }
    }, INTERVAL_MS).unref();
  }

  /** This process has enrolled or revoked somebody itself. */
  ownChange(): void {
    this.#known = this.#read();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const version = this.#dataVersion();
    if (version === this.#version) return;
    this.#version = version;
    const before = this.#known;
    const now = (this.#known = this.#read());
    for (const host of before.hosts.keys()) if (!now.hosts.has(host)) this.#options.onHostRemoved(host);
    for (const [host, since] of now.hosts) if (before.hosts.get(host) !== since) this.#options.onHost(host);
    if (before.tokens !== now.tokens) this.#options.onTokens();
  }

  /** A number that moves when another connection has committed. */
  #dataVersion(): unknown {
    return this.#db.prepare('PRAGMA data_version').get()?.['data_version'];
  }

  #read(): { readonly hosts: ReadonlyMap<string, number>; readonly tokens: string } {
    return {
      hosts: new Map(this.#rows.hosts().map(({ host, enrolledAt }) => [host, enrolledAt])),
      tokens: this.#rows.tokenHashes().join(),
    };
  }
}
