/**
 * The output of a run, of which the page holds only what is near the view. Comes in: how much there is, and rows.
 * Leaves: the wish for rows that are missing, and how many rows of the end shall come by themselves.
 */
import { MAX_ROWS_PER_REQUEST, type PanelOutput, type PanelRow, type ToPanel } from '../../protocol/panel.ts';
import type { PageContext } from '../context.ts';
import { el, setText } from '../dom.ts';
import { icon } from '../icons.ts';
import { saved, save } from '../saved-state.ts';
import { RowCache } from './row-cache.ts';
import { rowElement, selectedText } from './row-element.ts';
import { ScrollWindow } from './scroll-window.ts';

interface RenderedRow {
  readonly row: PanelRow | undefined;
  readonly element: HTMLElement;
}

const NOT_HERE_YET: PanelRow = { text: '', time: null, continued: false };

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
  #output: PanelOutput | undefined;
  #follows = saved().row === null;
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
    const timestamps = el('vscode-checkbox', { class: 'timestamps' }, label('timestamps'));
    this.element = el(
      'section',
      { class: 'output', 'aria-label': label('output') },
      el('div', { class: 'output-bar' }, el('h2', {}, label('output')), this.#count, timestamps),
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

  /** Nothing is under way any more, and nobody knows that this follows the end. */
  restart(): void {
    this.#isAsking = false;
    this.#request += 1;
    this.#askedToFollow = 0;
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
    if (this.#window.isAtEnd) this.#follows = true;
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
    // who selects something does not want it to run away
    if (this.#follows && !this.#hasSelection()) {
      this.#window.toEnd();
      this.#scrollTo(this.#window.endScrollTop);
    }
    this.#renderRows();
    this.#askForRows();
    this.#askToFollow();
    this.#renderState(output);
  }

  #renderRows(): void {
    const { from, count } = this.#window.rendered;
    for (const [row, { element }] of this.#rendered) {
      if (row >= from && row < from + count) continue;
      element.remove();
      this.#rendered.delete(row);
    }
    let next = this.#rows.firstElementChild;
    for (let row = from; row < from + count; row++) {
      const content = this.#cache.get(row);
      let rendered = this.#rendered.get(row);
      if (!rendered || !isSameRow(rendered.row, content)) {
        const element = rowElement(content ?? NOT_HERE_YET, this.#context.formats);
        if (rendered) {
          if (rendered.element === next) next = element;
          rendered.element.replaceWith(element);
        }
        rendered = { row: content, element };
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
