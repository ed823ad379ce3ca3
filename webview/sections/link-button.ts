import type { PageContext } from '../context.ts';
import { el, type Child } from '../dom.ts';

/** A button rather than a link: the editor would follow a link by itself, and the extension checks first. */
export function linkButton(
  text: HTMLElement,
  url: string,
  label: string,
  post: PageContext['post'],
  image: Child = null,
): HTMLElement {
  const button = el('button', { class: 'link', type: 'button', title: url, 'aria-label': label }, text, image);
  button.addEventListener('click', () => post({ type: 'open-link', url }));
  return button;
}
