import type { FromPanel, PanelFound } from '../../protocol/panel.ts';
import { Disposable, toDisposable } from '../base/disposable.ts';
import { messageOf } from '../base/log.ts';
import { OutputSearch } from '../output/output-search.ts';
import type { OutputStore } from '../output/output-store.ts';

export interface PanelFindOptions {
  readonly output: OutputStore;
  readonly show: (found: PanelFound) => void;
  readonly warn: (message: string) => void;
  /** Does something after so many ms; what it returns takes that back. */
  readonly later: (run: () => void, ms: number) => () => void;
  /** Matches that are counted at the most, where it is not as many as a search counts. */
  readonly most?: number;
}

/** Milliseconds between two posts while nothing but the count grows. */
const COUNT_MS = 100;

/** What the page looks for. Another object for each text: a search that lost its place here ends at its next step. */
interface Finding {
  readonly request: number;
  readonly from: number;
  readonly search: OutputSearch;
  current: number | null;
  searched: boolean;
  isRunning: boolean;
  /** There is more output than the search that is running knows of. */
  isBehind: boolean;
}

/** Finds in the output what the page looks for, one text at a time, and goes on finding while output comes. */
export class PanelFind extends Disposable {
  readonly #options: PanelFindOptions;
  #finding: Finding | undefined;
  #shown = '';
  #unschedule: (() => void) | undefined;

  constructor(options: PanelFindOptions) {
    super();
    this.#options = options;
    this.own(
      options.output.onDidAppend(() => {
        if (this.#finding) void this.#run(this.#finding);
      }),
    );
    this.own(toDisposable(() => this.stop()));
  }

  find({ request, text, matchCase, from }: FromPanel['find']): void {
    this.stop();
    if (text === '') return;
    const { output, most } = this.#options;
    const search = new OutputSearch(output, { text, matchCase }, most);
    this.#finding = { request, from, search, current: null, searched: false, isRunning: false, isBehind: false };
    void this.#run(this.#finding);
  }

  step({ request, by }: FromPanel['find-step']): void {
    const finding = this.#finding;
    if (finding?.request !== request) return;
    const { search, from, current, searched } = finding;
    const { count } = search;
    const next = current === null ? search.firstFrom(from) - (by === 1 ? 0 : 1) : current + by;
    // where the other end is nobody knows before it is searched
    if (count === 0 || (!searched && (next < 0 || next >= count))) return;
    finding.current = (next + count) % count;
    // said also when it is the same one: the reader may have scrolled away from it
    this.#shown = '';
    this.#show();
  }

  /** Nothing is looked for any more. */
  stop(): void {
    this.#finding = undefined;
    this.#shown = '';
    this.#unschedule?.();
    this.#unschedule = undefined;
  }

  async #run(finding: Finding): Promise<void> {
    finding.isBehind = true;
    if (finding.isRunning) return;
    finding.isRunning = true;
    try {
      while (finding.isBehind) {
        finding.isBehind = false;
        while (await finding.search.advance()) {
          if (finding !== this.#finding) return;
          this.#moved(finding, finding.searched);
        }
      }
      if (finding === this.#finding) this.#moved(finding, true);
    } catch (error) {
      if (finding === this.#finding) this.#options.warn(`the output cannot be searched: ${messageOf(error)}`);
    } finally {
      finding.isRunning = false;
    }
  }

  /** The search has come further. */
  #moved(finding: Finding, searched: boolean): void {
    const { search, from } = finding;
    const before = finding.current;
    const isNewlySearched = searched && !finding.searched;
    if (before !== null && before >= search.count) finding.current = search.count === 0 ? null : search.count - 1;
    else if (before === null && !finding.searched) {
      const first = search.firstFrom(from);
      if (first < search.count) finding.current = first;
      else if (searched && search.count > 0) finding.current = 0;
    }
    finding.searched = searched;
    if (isNewlySearched || finding.current !== before) this.#show();
    else this.#unschedule ??= this.#options.later(() => this.#show(), COUNT_MS);
  }

  #show(): void {
    this.#unschedule?.();
    this.#unschedule = undefined;
    if (!this.#finding) return;
    const { request, search, searched, current: index } = this.#finding;
    const match = index === null ? undefined : search.match(index);
    const current = index === null || !match ? null : { index, ...match };
    const found = { request, count: search.count, limited: search.isLimited, searched, current };
    const text = JSON.stringify(found);
    if (text === this.#shown) return;
    this.#shown = text;
    this.#options.show(found);
  }
}
