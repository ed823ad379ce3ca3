import type { PackagesView } from '../../protocol/panel.ts';
import type { PageContext, Section } from '../context.ts';
import { el, fill, setText } from '../dom.ts';
import { foldable } from './foldable.ts';

/** The packages that differ between the two generations, as a table. */
export function packagesSection({ label }: PageContext): Section<PackagesView | null> {
  const fold = foldable('packages', label('packages'), true);
  const headings = (['package', 'beforeHeading', 'afterHeading', 'size'] as const).map(name =>
    el('th', { scope: 'col', class: name === 'size' ? 'size' : null }, label(name)),
  );
  const rows = el('tbody');
  const table = el(
    'table',
    { class: 'lock-table packages-table', 'aria-label': label('packages') },
    el('thead', {}, el('tr', {}, ...headings)),
    rows,
  );
  const kind = (text: string): HTMLElement => el('span', { class: 'kind' }, text);
  return {
    element: fold.element,
    show(view) {
      fold.element.hidden = view === null;
      if (!view) return;
      setText(fold.note, view.title);
      fill(
        rows,
        ...view.rows.map(({ name, before, after, size }) => {
          const isSizeOnly = before === null && after === null;
          return el(
            'tr',
            {},
            el('th', { scope: 'row' }, name),
            el(
              'td',
              { class: 'is-before' },
              isSizeOnly ? null : before === null ? kind(label('added')) : el('code', {}, before),
            ),
            el('td', {}, isSizeOnly ? null : after === null ? kind(label('removed')) : el('code', {}, after)),
            el('td', { class: 'size number' }, size),
          );
        }),
      );
      fill(
        fold.body,
        view.rows.length > 0 ? table : el('p', { class: 'quiet' }, view.title),
        view.more === null ? null : el('p', { class: 'quiet' }, view.more),
      );
      if (view.rows.length === 0) setText(fold.note, '');
    },
  };
}
