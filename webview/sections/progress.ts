import type { ProgressBarView, ProgressView } from '../../protocol/panel.ts';
import type { PageContext, Section } from '../context.ts';
import { el, fill, setAttributes, setText } from '../dom.ts';

interface Bar {
  readonly element: HTMLElement;
  readonly show: (bar: ProgressBarView) => void;
}

/** How far the build is. A bar whose end nobody knows does not pretend to have one. Bars stay in place and change. */
export function progressSection({ label }: PageContext): Section<ProgressView | null> {
  const list = el('div', { class: 'bars' });
  const now = el('p', { class: 'quiet now' });
  const element = el('section', { class: 'build-progress', 'aria-label': label('progress'), hidden: true }, list, now);
  const bars = new Map<string, Bar>();
  return {
    element,
    show(view) {
      element.hidden = view === null;
      if (!view) return;
      const shown = view.bars.map(bar => {
        const known = bars.get(bar.label) ?? makeBar();
        bars.set(bar.label, known);
        known.show(bar);
        return known.element;
      });
      if (shown.length !== list.children.length || shown.some((child, i) => list.children[i] !== child))
        fill(list, ...shown);
      setText(now, [...view.now, ...(view.more === null ? [] : [view.more])].join(' · '));
    },
  };
}

function makeBar(): Bar {
  const name = el('span', { class: 'bar-name' });
  const words = el('span', { class: 'number' });
  const filled = el('div', { class: 'bar-fill' });
  const track = el('div', { class: 'bar-track', role: 'progressbar' }, filled);
  const element = el('div', { class: 'bar' }, name, track, words);
  return {
    element,
    show({ label, text, done, total }) {
      setText(name, label);
      setText(words, text);
      const isKnown = total !== null && total > 0;
      track.classList.toggle('is-unknown', !isKnown);
      filled.style.width = isKnown ? `${Math.min(100, (100 * done) / total)}%` : '';
      setAttributes(track, {
        'aria-label': label,
        'aria-valuetext': text,
        'aria-valuemin': isKnown ? '0' : null,
        'aria-valuemax': isKnown ? String(total) : null,
        'aria-valuenow': isKnown ? String(done) : null,
      });
    },
  };
}
