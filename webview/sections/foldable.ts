import { el } from '../dom.ts';
import { icon } from '../icons.ts';
import { saved, save } from '../saved-state.ts';

export interface Foldable {
  readonly element: HTMLElement;
  readonly body: HTMLElement;
  /** Beside the heading, such as how many there are. */
  readonly note: HTMLElement;
}

/** A section that can be folded away; whether it is outlives the page. */
export function foldable(name: string, heading: string, isOpen: boolean): Foldable {
  const note = el('span', { class: 'fold-note' });
  const body = el('div', { class: 'fold-body' });
  const element = el(
    'details',
    { class: `fold fold-${name}` },
    el('summary', {}, icon('chevron'), el('h2', {}, heading), note),
    body,
  );
  element.open = saved().folds[name] ?? isOpen;
  element.addEventListener('toggle', () => save({ folds: { ...saved().folds, [name]: element.open } }));
  return { element, body, note };
}
