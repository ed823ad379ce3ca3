import type { Locale } from '../base/locale.ts';
import { liveRun, type Fleet } from '../fleet/fleet.ts';
import { compareRows, presentHost, sameRow, type HostRow, type RowContext } from './host-row.ts';

/** What has to be drawn again. */
export interface RowsChanged {
  /** Hosts whose row reads otherwise than before. */
  readonly changed: readonly string[];
  /** Hosts came, went or moved: the whole list. */
  readonly list: boolean;
}

/** The rows as they were last shown, so that only what looks different is drawn again. */
export class RowCache {
  readonly #locale: Locale;
  readonly #rows = new Map<string, HostRow>();
  readonly #live = new Set<string>();
  #order: readonly string[] = [];

  constructor(locale: Locale) {
    this.#locale = locale;
  }

  /** Host names from top to bottom. */
  get order(): readonly string[] {
    return this.#order;
  }

  /** Hosts with a run that is not over: what their rows say changes by the second. */
  get live(): ReadonlySet<string> {
    return this.#live;
  }

  row(host: string): HostRow | undefined {
    return this.#rows.get(host);
  }

  /**
   * Takes a snapshot over.
   * @param hosts those to look at; all without it
   */
  update(fleet: Pick<Fleet, 'hosts'>, context: RowContext, hosts?: Iterable<string>): RowsChanged {
    const changed: string[] = [];
    let list = false;
    for (const name of hosts ?? new Set([...this.#rows.keys(), ...fleet.hosts.keys()])) {
      const host = fleet.hosts.get(name);
      const before = this.#rows.get(name);
      if (!host) {
        list = this.#rows.delete(name) || list;
        this.#live.delete(name);
        continue;
      }
      const row = presentHost(host, context, this.#locale);
      if (liveRun(host)) this.#live.add(name);
      else this.#live.delete(name);
      this.#rows.set(name, row);
      if (before?.rank !== row.rank) list = true;
      else if (!sameRow(before, row)) changed.push(name);
    }
    if (list) this.#order = [...this.#rows.values()].sort(compareRows).map(row => row.label);
    return { changed, list };
  }
}
