import type { LockedView, LockRow, LockView } from '../../protocol/panel.ts';
import type { PageContext, Section } from '../context.ts';
import { el, fill, setText } from '../dom.ts';
import { icon } from '../icons.ts';
import { foldable } from './foldable.ts';

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
  const heading = (text: string): HTMLElement => el('th', { scope: 'col' }, text);
  return el(
    'table',
    { class: 'lock-table', 'aria-label': label('lock') },
    el('thead', {}, el('tr', {}, heading(label('input')), heading(label('change')), el('td'))),
    el('tbody', {}, ...rows.map(row => tableRow(row, context))),
  );
}

function tableRow(row: LockRow, context: PageContext): HTMLElement {
  const { label } = context;
  const kind = { added: label('added'), removed: label('removed'), changed: null }[row.change];
  return el(
    'tr',
    { 'data-change': row.change },
    el('th', { scope: 'row', title: row.input }, breakable(row.input)),
    el(
      'td',
      {},
      el(
        'span',
        { class: 'from-to' },
        kind === null ? null : el('span', { class: 'kind' }, kind),
        row.before && locked(row.before, 'before', context),
        row.before && row.after ? el('span', { class: 'to' }, icon('arrow')) : null,
        row.after && locked(row.after, 'after', context),
      ),
      row.note === null ? null : el('span', { class: 'note' }, row.note),
    ),
    el('td', { class: 'link-cell' }, row.link === null ? null : link(row.input, row.link, context)),
  );
}

function locked(
  { text, date, title }: LockedView,
  which: 'before' | 'after',
  { label, formats }: PageContext,
): HTMLElement {
  return el(
    'span',
    { class: `locked is-${which}`, title },
    el('span', { class: 'only-read' }, `${label(which)} `),
    el('code', {}, text),
    date === null ? null : el('span', { class: 'date' }, formats.date(date)),
  );
}

/** A button rather than a link: the editor would follow a link by itself, and the extension checks first. */
function link(input: string, url: string, { label, post }: PageContext): HTMLElement {
  const button = el(
    'button',
    { class: 'link', type: 'button', title: url, 'aria-label': label('compareInput', input) },
    label('compare'),
    icon('external'),
  );
  button.addEventListener('click', () => post({ type: 'open-link', url }));
  return button;
}

/** Long names may break behind their slashes. */
function breakable(name: string): DocumentFragment {
  const fragment = document.createDocumentFragment();
  for (const [i, part] of name.split('/').entries()) fragment.append(...(i > 0 ? ['/', el('wbr')] : []), part);
  return fragment;
}
