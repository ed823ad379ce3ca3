import type { FindQuery } from '../../protocol/line-finder.ts';
import { MAX_FIND_TEXT, type PanelFound, type PanelLabel } from '../../protocol/panel.ts';
import type { PageContext } from '../context.ts';
import { el, setText } from '../dom.ts';
import { icon, type IconName } from '../icons.ts';

/** What the bar has to do with the output. */
export interface FindBarOptions {
  readonly context: PageContext;
  /** The row from which on a match is gone to first. */
  readonly from: () => number;
  /** Another text is looked for, or none, or something was found. */
  readonly onDidChange: () => void;
  /** There is a match to be gone to. */
  readonly goTo: () => void;
  /** Somebody goes from match to match, instead of typing on. */
  readonly onDidStep: () => void;
  /** The bar was closed, and the focus goes elsewhere. */
  readonly onDidClose: () => void;
}

/**
 * Where a person says what to find in the output. The extension looks for it; the bar asks, and says how many there are
 * and which of them is shown.
 */
export class FindBar {
  readonly element: HTMLElement;
  readonly #options: FindBarOptions;
  readonly #input: HTMLInputElement;
  readonly #matchCase: HTMLInputElement;
  readonly #count = el('span', { class: 'find-count', 'aria-hidden': 'true' });
  /** The count for screen readers: not each time that it grows. */
  readonly #spoken = el('span', { class: 'only-read', 'aria-live': 'polite', 'aria-atomic': 'true' });
  #request = 0;
  #found: PanelFound | undefined;
  /** The person asked to be shown a match. */
  #isWanted = false;
  #saidOf = '';

  constructor(options: FindBarOptions) {
    this.#options = options;
    const { label } = options.context;
    this.#input = el('input', {
      class: 'find-input',
      type: 'text',
      'aria-label': label('findInOutput'),
      placeholder: label('find'),
      maxlength: String(MAX_FIND_TEXT),
      spellcheck: 'false',
      autocomplete: 'off',
    });
    this.#matchCase = el('vscode-checkbox', {}, label('matchCase')) as HTMLInputElement;
    this.element = el(
      'div',
      { class: 'find-bar', role: 'search', 'aria-label': label('findInOutput'), hidden: true },
      this.#input,
      this.#matchCase,
      this.#count,
      this.#spoken,
      el(
        'div',
        { class: 'find-buttons' },
        this.#button('previousMatch', 'previous', () => this.step(-1)),
        this.#button('nextMatch', 'next', () => this.step(1)),
        this.#button('closeFind', 'close', () => this.close()),
      ),
    );
    this.#input.addEventListener('input', () => this.#ask());
    this.#matchCase.addEventListener('change', () => this.#ask());
    this.#input.addEventListener('keydown', event => {
      if (event.key !== 'Enter' || event.isComposing) return;
      event.preventDefault();
      this.step(event.shiftKey ? -1 : 1);
    });
  }

  get isOpen(): boolean {
    return !this.element.hidden;
  }

  /** What is looked for; undefined when nothing is. */
  get query(): FindQuery | undefined {
    const text = this.#input.value;
    return this.isOpen && text !== '' ? { text, matchCase: this.#matchCase.checked } : undefined;
  }

  /** All was searched, and there is nothing. */
  get hasNone(): boolean {
    return this.#found !== undefined && this.#found.searched && this.#found.count === 0;
  }

  /** The match to show. */
  get current(): PanelFound['current'] {
    return this.#found?.current ?? null;
  }

  /** Opens the bar, or goes to it when it is open. `text`, unless it is empty, takes the place of what it had. */
  open(text: string): void {
    const isNew = !this.isOpen || (text !== '' && text !== this.#input.value);
    this.element.hidden = false;
    if (text !== '') this.#input.value = text;
    this.#input.focus();
    this.#input.select();
    if (isNew) this.#ask();
  }

  close(): void {
    if (!this.isOpen) return;
    this.element.hidden = true;
    this.#ask();
    this.#options.onDidClose();
  }

  step(by: 1 | -1): void {
    if (!this.query) return;
    this.#isWanted = true;
    // not with the answer alone: who types on meanwhile never gets it
    if (this.current) this.#options.onDidStep();
    this.#options.context.post({ type: 'find-step', request: this.#request, by });
  }

  take(found: PanelFound): void {
    if (found.request !== this.#request) return;
    const before = this.current;
    this.#found = found;
    this.#showCount();
    const { current } = found;
    const hasMoved = current?.row !== before?.row || current?.column !== before?.column;
    this.#options.onDidChange();
    if (!current || !(hasMoved || this.#isWanted)) return;
    if (this.#isWanted) this.#options.onDidStep();
    this.#isWanted = false;
    this.#options.goTo();
  }

  /** The extension has forgotten what it was asked for. */
  restart(): void {
    if (this.query) this.#ask();
  }

  #ask(): void {
    const { query } = this;
    const from = this.current?.row ?? this.#options.from();
    this.#request += 1;
    this.#found = undefined;
    this.#isWanted = false;
    const { text = '', matchCase = false } = query ?? {};
    this.#options.context.post({ type: 'find', request: this.#request, text, matchCase, from });
    this.#showCount();
    this.#options.onDidChange();
  }

  #showCount(): void {
    const words = this.query ? this.#words() : '';
    setText(this.#count, words);
    const { hasNone } = this;
    const { searched = false, current = null } = this.#found ?? {};
    this.element.classList.toggle('is-none', hasNone);
    const saidOf = searched ? [this.#request, current?.index, hasNone].join() : '';
    if (saidOf !== this.#saidOf && (searched || words === '')) setText(this.#spoken, words);
    if (searched) this.#saidOf = saidOf;
  }

  /** Such as `3 of 128`. */
  #words(): string {
    const { label, formats } = this.#options.context;
    const found = this.#found;
    if (!found || (found.count === 0 && !found.searched)) return label('findSearching');
    const { count, limited, searched, current } = found;
    if (count === 0) return label('findNone');
    const all = formats.count(count);
    const words = current
      ? label(limited ? 'findLimited' : 'findOf', formats.count(current.index + 1), all)
      : label(limited ? 'foundLimited' : 'found', all);
    return searched ? words : `${words}, ${label('findSearching')}`;
  }

  #button(name: PanelLabel, image: IconName, click: () => void): HTMLElement {
    const words = this.#options.context.label(name);
    const button = el('vscode-button', { appearance: 'icon', 'aria-label': words, title: words }, icon(image));
    button.addEventListener('click', click);
    return button;
  }
}
