import type { LockedView, LockRow, LockView } from '../../protocol/panel.ts';
import type { PageContext, Section } from '../context.ts';
import { el, fill, setText } from '../dom.ts';
import { icon } from '../icons.ts';
import { foldable } from './foldable.ts';
import { linkButton } from './link-button.ts';

/** What changed in flake.lock, as a table. */
export function lockSection(context: PageContext): Section<LockView> {
  const { label } = context;
  const fold = foldable('lock', label('lock'), true);
  return {
    element: fold.element,
    show(view) {
      setText(fold.note, view.kind === 'changed' ? view.text : '');
      fold.element.dataset['kind'] = view.kind;
      switch (view.kind) {
        case 'changed':
          fill(fold.body, table(view.rows, context));
          return;
        case 'broken':
          fill(fold.body, el('p', { class: 'broken' }, icon('attention'), ' ', view.text));
          return;
        case 'unchanged':
        case 'unknown':
          fill(fold.body, el('p', { class: 'quiet' }, view.text));
          return;
      }
    },
  };
}

function table(rows: readonly LockRow[], context: PageContext): HTMLElement {
  const { label } = context;
  const headings = [label('input'), label('beforeHeading'), label('afterHeading')];
  return el(
    'table',
    { class: 'lock-table', 'aria-label': label('lock') },
    el('thead', {}, el('tr', {}, ...headings.map(text => el('th', { scope: 'col' }, text)), el('td'))),
    el('tbody', {}, ...rows.map(row => tableRow(row, context))),
  );
}

function tableRow({ input, change, before, after, note, link }: LockRow, context: PageContext): HTMLElement {
  const { label } = context;
  const kind = (text: string): HTMLElement => el('span', { class: 'kind' }, text);
  return el(
    'tr',
    { 'data-change': change },
    el('th', { scope: 'row' }, breakable(input), note === null ? null : el('span', { class: 'note' }, note)),
    el('td', { class: 'is-before' }, before ? locked(before, context) : kind(label('added'))),
    el('td', {}, after ? locked(after, context) : kind(label('removed'))),
    el('td', { class: 'link-cell' }, link === null ? null : linkTo(input, link, context)),
  );
}

function locked({ text, date, title }: LockedView, { formats }: PageContext): HTMLElement {
  return el(
    'span',
    { class: 'locked', title },
    el('code', {}, text),
    date === null ? null : el('span', { class: 'date' }, formats.date(date)),
  );
}

function linkTo(input: string, url: string, { label, post }: PageContext): HTMLElement {
  const text = el('span', { class: 'link-text' }, label('compare'));
  return linkButton(text, url, label('compareInput', input), post, icon('external'));
}

/** Long names may break behind their slashes. */
function breakable(name: string): DocumentFragment {
  const fragment = document.createDocumentFragment();
  for (const [i, part] of name.split('/').entries()) fragment.append(...(i > 0 ? ['/', el('wbr')] : []), part);
  return fragment;
}
