/** Milliseconds after which a peer that was asked to send again is asked once more. */
const PATIENCE = 5000;

/**
 * Keeps one gap from being answered a thousand times: what is already on its way behind a gap comes in as gaps too.
 * Says whether to ask for what lies behind `have`, a position in writing; not again while the answer may be coming.
 */
export class GapGuard {
  readonly #asked = new Map<string, { readonly have: string; readonly at: number }>();

  /** @param now ms, of a clock that never goes back */
  shouldAsk(what: string, have: string, now: number): boolean {
    const last = this.#asked.get(what);
    if (last?.have === have && now - last.at < PATIENCE) return false;
    this.#asked.set(what, { have, at: now });
    return true;
  }
}
