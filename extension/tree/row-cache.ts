import type { FleetHost } from '../../protocol/index.ts';
import type { Locale } from '../base/locale.ts';
import { liveRun, type Fleet } from '../fleet/fleet.ts';
import { isShown, NO_FILTER, type HostFilter } from './host-filter.ts';
import { compareRows, presentHost, sameRow, type HostRow, type RowContext } from './host-row.ts';

/** What has to be drawn again. */
export interface RowsChanged {
  /** Hosts whose row reads otherwise than before, wherever it stands; only such as the filter shows. */
  readonly changed: readonly string[];
  /** Rows came, went or moved: the whole list. */
  readonly list: boolean;
}

/** The rows as they were last shown, so that only what looks different is drawn again. */
export class RowCache {
  readonly #locale: Locale;
  readonly #rows = new Map<string, HostRow>();
  readonly #live = new Set<string>();
  /** Hosts that the filter lets through. */
  readonly #shown = new Set<string>();
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

  isShown(host: string): boolean {
    return this.#shown.has(host);
  }

  /**
   * Takes a snapshot over.
   * @param hosts those to look at; all without it, as after a change of the filter
   */
  update(
    fleet: Pick<Fleet, 'hosts'>,
    context: RowContext,
    hosts?: Iterable<string>,
    filter: HostFilter = NO_FILTER,
  ): RowsChanged {
    const changed: string[] = [];
    let list = false;
    for (const name of hosts ?? new Set([...this.#rows.keys(), ...fleet.hosts.keys()])) {
      const host = fleet.hosts.get(name);
      const before = this.#rows.get(name);
      if (!host) {
        list = this.#shown.delete(name) || list;
        this.#rows.delete(name);
        this.#live.delete(name);
        continue;
      }
      const row = presentHost(host, context, this.#locale);
      if (liveRun(host)) this.#live.add(name);
      else this.#live.delete(name);
      this.#rows.set(name, row);
      const wasShown = this.#shown.has(name);
      const isNow = this.#filter(filter, name, host);
      if (wasShown !== isNow) list = true;
      if (!wasShown || !isNow || !before) continue;
      if (before.rank !== row.rank) list = true;
      if (!sameRow(before, row)) changed.push(name);
    }
    if (list) this.#order = this.#sorted();
    return { changed, list };
  }

  #filter(filter: HostFilter, name: string, host: FleetHost): boolean {
    const isNow = isShown(filter, host);
    if (isNow) this.#shown.add(name);
    else this.#shown.delete(name);
    return isNow;
  }

  #sorted(): string[] {
    const rows = [...this.#rows.values()].filter(({ label }) => this.#shown.has(label));
    return rows.sort(compareRows).map(({ label }) => label);
  }
}
