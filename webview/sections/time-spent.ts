import type { StepView } from '../../protocol/panel.ts';
import type { PageContext } from '../context.ts';
import { el, fill, setText } from '../dom.ts';
import { shares, type Share } from '../shares.ts';
import type { TimeFormats } from '../time.ts';

/** Milliseconds between two pictures of a run that goes on. */
const RENEW_MS = 1000;

export interface TimeSpent {
  readonly element: HTMLElement;
  readonly show: (steps: readonly StepView[]) => void;
}

/**
 * A picture of where the time went: a bar with a part for each phase on the host, and below it the phases in words, those
 * that took longest first. The words say all that the picture does.
 */
export function timeSpent({ label, clock, formats }: PageContext): TimeSpent {
  const picture = el('div', { class: 'time-bar', 'aria-hidden': 'true' });
  const words = el('p', { class: 'quiet time-words' });
  const element = el(
    'div',
    { class: 'time-spent', role: 'group', 'aria-label': label('timeSpent'), hidden: true },
    picture,
    words,
  );
  let timer: number | undefined;
  let steps: readonly StepView[] = [];

  function draw(): void {
    const parts = shares(steps, clock.now());
    element.hidden = parts.length === 0;
    fill(picture, ...parts.map(share => part(share, formats)));
    const longest = [...parts].sort((a, b) => b.ms - a.ms);
    setText(words, longest.map(share => wordsOf(share, formats)).join(' · '));
  }

  return {
    element,
    show(view) {
      steps = view;
      draw();
      const isLive = view.some(({ mark }) => mark === 'running');
      if (isLive) timer ??= window.setInterval(draw, RENEW_MS);
      else {
        window.clearInterval(timer);
        timer = undefined;
      }
    },
  };
}

function part(share: Share, formats: TimeFormats): HTMLElement {
  const element = el('div', { class: 'time-part', 'data-phase': share.phase, title: wordsOf(share, formats) });
  element.style.flexGrow = String(share.ms);
  return element;
}

function wordsOf({ label, ms, percent }: Share, { duration }: TimeFormats): string {
  return `${label} ${duration(ms, true)} (${percent}\u00a0%)`;
}
