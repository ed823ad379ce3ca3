/**
 * What VS Code was given of the lines below hosts. It keeps them, also below a row that was closed since, until it is told
 * that the row has changed: so somebody has to know whether they still read the same.
 */
export class OpenRows {
  readonly #open = new Set<string>();
  readonly #given = new Map<string, string>();

  /** VS Code asked for what stands below a host, and got this. */
  give(host: string, text: string): void {
    this.#open.add(host);
    this.#given.set(host, text);
  }

  open(host: string): void {
    this.#open.add(host);
  }

  close(host: string): void {
    this.#open.delete(host);
  }

  /**
   * Hosts that are open and below which something else is to be read than what was given.
   * @param textOf what is below a host now
   * @param hosts those to look at; all without it
   */
  changed(textOf: (host: string) => string | undefined, hosts?: ReadonlySet<string>): readonly string[] {
    return [...this.#open].filter(host => {
      const given = this.#given.get(host);
      return given !== undefined && (hosts?.has(host) ?? true) && given !== textOf(host);
    });
  }

  /** Forgets hosts that have no row any more. */
  keep(hasRow: (host: string) => boolean): void {
    for (const host of this.#given.keys()) {
      if (hasRow(host)) continue;
      this.#given.delete(host);
      this.#open.delete(host);
    }
  }
}
