import type { PlaceView, ProblemView } from '../../protocol/panel.ts';
import type { PageContext, Section } from '../context.ts';
import { el, fill } from '../dom.ts';
import { icon } from '../icons.ts';

/** What went wrong, what to do, and the last lines of the command that failed. */
export function problemSection({ label, post }: PageContext): Section<ProblemView | null> {
  const element = el('section', { class: 'notice problem', 'aria-label': label('problem'), hidden: true });
  function placeButton(place: PlaceView, index: number): HTMLElement {
    const name = label('openPlace', place.label);
    const button = el(
      'button',
      { class: 'link', type: 'button', 'aria-label': `${name}: ${place.title}` },
      place.label,
    );
    button.addEventListener('click', () => post({ type: 'open-place', index }));
    return el('span', {}, button, ' ', el('span', { class: 'place-title' }, place.title));
  }

  return {
    element,
    show(view) {
      element.hidden = view === null;
      if (!view) return;
      element.dataset['mark'] = view.mark;
      fill(
        element,
        el('span', { class: 'notice-icon' }, icon(view.mark)),
        el(
          'div',
          { class: 'notice-text' },
          el('p', { class: 'message' }, view.message),
          view.advice === null
            ? null
            : el('p', { class: 'advice' }, el('strong', {}, label('whatToDo')), ' ', view.advice),
          view.places.length === 0
            ? null
            : el(
                'ul',
                { class: 'places' },
                ...view.places.map((place, index) => el('li', {}, placeButton(place, index))),
              ),
          view.lastLines.length === 0
            ? null
            : el(
                'pre',
                { class: 'last-lines', tabindex: '0', role: 'region', 'aria-label': label('lastLines') },
                view.lastLines.join('\n'),
              ),
        ),
      );
    },
  };
}

/** What went well enough but should be known. */
export function warningsSection({ label }: PageContext): Section<readonly string[]> {
  const list = el('ul', { class: 'notice-text', 'aria-live': 'polite' });
  const element = el(
    'section',
    { class: 'notice warnings', 'aria-label': label('warnings'), 'data-mark': 'attention', hidden: true },
    el('span', { class: 'notice-icon' }, icon('attention')),
    list,
  );
  return {
    element,
    show(view) {
      element.hidden = view.length === 0;
      fill(list, ...view.map(warning => el('li', {}, warning)));
    },
  };
}
