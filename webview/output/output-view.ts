/**
 * The output of a run, of which the page holds only what is near the view. Comes in: how much there is, and rows.
 * Leaves: the wish for rows that are missing, and how many rows of the end shall come by themselves.
 */
import {
  MAX_FIND_TEXT,
  MAX_ROWS_PER_REQUEST,
  type PanelOutput,
  type PanelRow,
  type ToPanel,
} from '../../protocol/panel.ts';
import type { PageContext } from '../context.ts';
import { el, setText } from '../dom.ts';
import { icon } from '../icons.ts';
import { saved, save } from '../saved-state.ts';
import { FindBar } from './find-bar.ts';
import { findKey } from './find-key.ts';
import { highlightsIn, type Highlight } from './highlights.ts';
import { RowCache } from './row-cache.ts';
import { rowElement, selectedText } from './row-element.ts';
import { ScrollWindow } from './scroll-window.ts';

interface RenderedRow {
  readonly row: PanelRow | undefined;
  readonly highlights: readonly Highlight[];
  readonly element: HTMLElement;
}

const NOT_HERE_YET: PanelRow = { text: '', time: null, continued: false };
const NO_HIGHLIGHTS: readonly Highlight[] = [];

export class OutputView {
  readonly element: HTMLElement;
  readonly #context: PageContext;
  readonly #cache = new RowCache();
  readonly #window = new ScrollWindow();
  readonly #rendered = new Map<number, RenderedRow>();
  readonly #count = el('span', { class: 'fold-note' });
  readonly #empty = el('p', { class: 'quiet empty-output' });
  readonly #failure = el('p', { class: 'output-failure', role: 'alert', hidden: true });
  readonly #probe = el('div', { class: 'row probe', 'aria-hidden': 'true' }, 'x');
  readonly #rows = el('div', { class: 'rows' });
  readonly #sizer = el('div', { class: 'sizer' }, this.#probe, this.#rows);
  readonly #scroller: HTMLElement;
  readonly #jump: HTMLElement;
  readonly #find: FindBar;
  #output: PanelOutput | undefined;
  #follows = saved().row === null;
  #isFinding = false;
  /** The end was followed when finding began, and is again once nothing is found, unless the reader went elsewhere. */
  #followsAfterFind = false;
  /** Finding led to a match. */
  #isAtMatch = false;
  /** The match that was found is yet to be shown. */
  #isToReveal = false;
  /** Where the reader was before the page was made anew. */
  #goTo = saved().row;
  #lastScrollTop = 0;
  #height = 0;
  #frame: number | undefined;
  #request = 0;
  #isAsking = false;
  #askedToFollow = 0;
  #width = 0;

  constructor(context: PageContext) {
    this.#context = context;
    const { label } = context;
    this.#scroller = el(
      'div',
      { class: 'scroller', role: 'log', 'aria-live': 'off', 'aria-label': label('output'), tabindex: '0' },
      this.#sizer,
    );
    this.#jump = el(
      'vscode-button',
      { class: 'jump', appearance: 'secondary', hidden: true },
      el('span', { slot: 'start' }, icon('down')),
      label('jumpToEnd'),
    );
    this.#find = new FindBar({
      context,
      from: () => this.#window.view.from,
      onDidChange: () => this.#findChanged(),
      goTo: () => this.#goToMatch(),
      // typing alone leads to matches that nobody asked for
      onDidStep: () => {
        this.#followsAfterFind = false;
      },
      onDidClose: () => this.#scroller.focus(),
    });
    const findButton = el(
      'vscode-button',
      { class: 'find-button', appearance: 'icon', 'aria-label': label('findInOutput'), title: label('findInOutput') },
      icon('find'),
    );
    findButton.addEventListener('click', () => this.#openFind());
    const timestamps = el('vscode-checkbox', { class: 'timestamps' }, label('timestamps'));
    this.element = el(
      'section',
      { class: 'output', 'aria-label': label('output') },
      el('div', { class: 'output-bar' }, el('h2', {}, label('output')), this.#count, timestamps, findButton),
      this.#find.element,
      this.#failure,
      el('div', { class: 'screen' }, this.#scroller, this.#empty, this.#jump),
    );
    this.#setTimestamps(saved().timestamps, timestamps);
    timestamps.addEventListener('change', () =>
      this.#setTimestamps((timestamps as HTMLInputElement).checked, timestamps),
    );
    this.#scroller.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    this.#scroller.addEventListener('scrollend', () => this.#settle());
    this.#scroller.addEventListener('copy', event => this.#copy(event));
    this.#jump.addEventListener('click', () => this.#jumpToEnd());
    document.addEventListener('keydown', event => this.#keyDown(event));
    const resized = new ResizeObserver(() => this.#resized());
    resized.observe(this.#scroller);
    resized.observe(this.#probe);
  }

  /** Shows how much output there is now, and its end where that came along. */
  show(output: PanelOutput): void {
    if (output.revision !== this.#output?.revision) this.#width = 0;
    this.#output = output;
    this.#cache.update(output);
    this.#window.setRowCount(output.rowCount);
    if (output.tail) this.#cache.put(output.revision, output.tail.from, output.tail.rows, this.#window.view);
    this.#schedule();
  }

  takeRows({ request, revision, from, rows }: ToPanel['rows']): void {
    if (request !== this.#request) return;
    this.#isAsking = false;
    this.#cache.put(revision, from, rows, this.#window.view);
    // none came where some should be: asking again at once would go in circles
    if (rows.length > 0) this.#schedule();
  }

  takeFound(found: ToPanel['found']): void {
    this.#find.take(found);
  }

  /** Nothing is under way any more, and nobody knows that this follows the end. */
  restart(): void {
    this.#isAsking = false;
    this.#request += 1;
    this.#askedToFollow = 0;
    this.#find.restart();
  }

  #keyDown(event: KeyboardEvent): void {
    if (event.isComposing) return;
    const key = findKey(event, navigator.userAgent.includes('Macintosh'));
    if (key === undefined || (key === 'close' && !(this.#find.isOpen && this.element.contains(event.target as Node))))
      return;
    event.preventDefault();
    // what the page has done the editor need not do again
    event.stopPropagation();
    if (key === 'close') this.#find.close();
    else if (key === 'open' || !this.#find.isOpen) this.#openFind();
    else this.#find.step(key === 'next' ? 1 : -1);
  }

  /** Opens the bar with what is selected, as an editor does, if that is within a line. */
  #openFind(): void {
    const selection = document.getSelection();
    const text = selection && this.#hasSelection() ? selectedText(this.#rowElements(), selection) : '';
    this.#find.open(text.includes('\n') ? '' : text.slice(0, MAX_FIND_TEXT));
  }

  #findChanged(): void {
    const isFinding = this.#find.query !== undefined;
    if (isFinding && !this.#isFinding) {
      this.#followsAfterFind = this.#follows;
      this.#follows = false;
    } else if (!isFinding) {
      this.#follows ||= this.#followsAfterFind && !this.#isAtMatch;
      this.#followsAfterFind = false;
      this.#isToReveal = false;
    }
    if (!isFinding || this.#find.hasNone) this.#isAtMatch = false;
    this.#isFinding = isFinding;
    this.#schedule();
  }

  #goToMatch(): void {
    this.#follows = false;
    this.#isAtMatch = true;
    this.#isToReveal = true;
    this.#schedule();
  }

  #setTimestamps(shown: boolean, checkbox: HTMLElement): void {
    (checkbox as HTMLInputElement).checked = shown;
    this.element.classList.toggle('with-times', shown);
    if (shown !== saved().timestamps) save({ timestamps: shown });
  }

  #scrolled(): void {
    const { scrollTop, clientHeight } = this.#scroller;
    // what grows pulls up what it shows: nobody scrolled
    const isUp = clientHeight === this.#height && scrollTop < this.#lastScrollTop - 1;
    this.#lastScrollTop = scrollTop;
    this.#window.scrolled(scrollTop);
    if (isUp) this.#followsAfterFind = false;
    if (this.#window.isAtEnd) this.#follows ||= !this.#isFinding;
    else if (isUp) this.#follows = false;
    this.#schedule();
  }

  /** When scrolling has come to rest: remembers the place. */
  #settle(): void {
    this.#scrollTo(this.#window.settle());
    const row = this.#follows ? null : this.#window.view.from;
    if (row !== saved().row) save({ row });
  }

  #jumpToEnd(): void {
    this.#follows = true;
    save({ row: null });
    document.getSelection()?.removeAllRanges();
    this.#schedule();
    this.#scroller.focus();
  }

  #resized(): void {
    const height = this.#probe.getBoundingClientRect().height;
    const { scrollTop, clientHeight } = this.#scroller;
    if (height > 0) this.#window.resize(height, clientHeight);
    this.#height = clientHeight;
    this.#lastScrollTop = scrollTop;
    this.#schedule();
  }

  #scrollTo(scrollTop: number): void {
    if (Math.abs(this.#scroller.scrollTop - scrollTop) <= 1) return;
    // only then is there so far to scroll
    this.#sizer.style.height = `${this.#window.height}px`;
    this.#scroller.scrollTop = scrollTop;
    this.#lastScrollTop = this.#scroller.scrollTop;
  }

  #schedule(): void {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined;
      this.#render();
    });
  }

  #render(): void {
    const output = this.#output;
    if (!output || !this.#window.isMeasured) return;
    this.#sizer.style.height = `${this.#window.height}px`;
    if (this.#goTo !== null) this.#scrollTo(this.#window.toRow(this.#goTo));
    this.#goTo = null;
    this.#scrollToMatch(output);
    // who selects something does not want it to run away
    if (this.#follows && !this.#hasSelection()) {
      this.#window.toEnd();
      this.#scrollTo(this.#window.endScrollTop);
    }
    this.#renderRows();
    this.#revealMatch();
    this.#askForRows();
    this.#askToFollow();
    this.#renderState(output);
  }

  /** Brings the row of the match into view, in its middle unless it is there. */
  #scrollToMatch({ rowCount }: PanelOutput): void {
    const { current } = this.#find;
    if (!this.#isToReveal || !current || current.row >= rowCount) return;
    const { from, count } = this.#window.view;
    if (current.row > from && current.row < from + count - 2) return;
    this.#scrollTo(this.#window.toRow(Math.max(0, current.row - Math.floor(count / 2))));
  }

  /** Once the row of the match is here: sideways, too. */
  #revealMatch(): void {
    const { current } = this.#find;
    if (!this.#isToReveal || !current || !this.#rendered.get(current.row)?.row) return;
    this.#isToReveal = false;
    const match = this.#rows.querySelector('mark[data-current]')?.getBoundingClientRect();
    if (!match) return;
    const { left, right, width } = this.#scroller.getBoundingClientRect();
    if (match.left < left || match.right > right) this.#scroller.scrollLeft += match.left - left - width / 3;
  }

  #highlights(from: number, count: number): ReadonlyMap<number, readonly Highlight[]> {
    const { query, current } = this.#find;
    if (!query) return new Map();
    const rows = Array.from({ length: count }, (_, i) => this.#cache.get(from + i));
    return highlightsIn(rows, from, query, current);
  }

  #renderRows(): void {
    const { from, count } = this.#window.rendered;
    const allHighlights = this.#highlights(from, count);
    for (const [row, { element }] of this.#rendered) {
      if (row >= from && row < from + count) continue;
      element.remove();
      this.#rendered.delete(row);
    }
    let next = this.#rows.firstElementChild;
    for (let row = from; row < from + count; row++) {
      const content = this.#cache.get(row);
      let rendered = this.#rendered.get(row);
      const highlights = allHighlights.get(row) ?? NO_HIGHLIGHTS;
      if (!rendered || !isSameRow(rendered.row, content) || !areSame(rendered.highlights, highlights)) {
        const element = rowElement(content ?? NOT_HERE_YET, this.#context.formats, highlights);
        if (rendered) {
          if (rendered.element === next) next = element;
          rendered.element.replaceWith(element);
        }
        rendered = { row: content, highlights, element };
        this.#rendered.set(row, rendered);
      }
      if (rendered.element === next) next = next.nextElementSibling;
      else this.#rows.insertBefore(rendered.element, next);
    }
    this.#rows.style.transform = `translateY(${this.#window.offset}px)`;
    // as wide as the widest row so far: the scroll bar does not jump
    const width = this.#rows.offsetWidth;
    if (width > this.#width) {
      this.#width = width;
      this.#sizer.style.minWidth = `${width}px`;
    }
  }

  #askForRows(): void {
    if (this.#isAsking) return;
    const missing = this.#cache.missing(this.#window.rendered);
    if (!missing) return;
    this.#isAsking = true;
    this.#request += 1;
    this.#context.post({ type: 'rows', request: this.#request, ...missing });
  }

  #askToFollow(): void {
    const rows = this.#follows ? Math.min(MAX_ROWS_PER_REQUEST, this.#window.screenful) : 0;
    if (rows === this.#askedToFollow) return;
    this.#askedToFollow = rows;
    this.#context.post({ type: 'follow', rows });
  }

  #renderState({ rowCount, ended, failure }: PanelOutput): void {
    const { label } = this.#context;
    setText(this.#count, linesText(rowCount, this.#context));
    setText(this.#empty, rowCount > 0 ? '' : label(ended ? 'noOutputEver' : 'noOutput'));
    this.#empty.hidden = rowCount > 0;
    this.#jump.hidden = this.#follows;
    this.#failure.hidden = failure === null;
    if (failure !== null) setText(this.#failure, label('outputFailed', failure));
  }

  #hasSelection(): boolean {
    const selection = document.getSelection();
    return selection !== null && !selection.isCollapsed && this.#rows.contains(selection.anchorNode);
  }

  #copy(event: ClipboardEvent): void {
    const selection = document.getSelection();
    if (!selection || selection.isCollapsed || !event.clipboardData) return;
    event.clipboardData.setData('text/plain', selectedText(this.#rowElements(), selection));
    event.preventDefault();
  }

  #rowElements(): HTMLElement[] {
    return [...this.#rows.children].filter(child => child instanceof HTMLElement);
  }
}

function linesText(count: number, { label, formats }: PageContext): string {
  if (count === 0) return '';
  return count === 1 ? label('line') : label('lines', formats.count(count));
}

function isSameRow(a: PanelRow | undefined, b: PanelRow | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.text === b.text && a.continued === b.continued);
}

function areSame(a: readonly Highlight[], b: readonly Highlight[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ from, to, isCurrent }, i) => {
      const other = b[i];
      return other?.from === from && other.to === to && other.isCurrent === isCurrent;
    })
  );
}
