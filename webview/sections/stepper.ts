import type { StepView } from '../../protocol/panel.ts';
import type { PageContext, Section } from '../context.ts';
import { el, fill, setText } from '../dom.ts';
import { icon } from '../icons.ts';
import { timeSpent } from './time-spent.ts';

interface Step {
  readonly element: HTMLElement;
  readonly show: (step: StepView) => void;
}

/** The phases in their order, with how each stands and how long it took. Steps stay in place and change. */
export function stepperSection(context: PageContext): Section<readonly StepView[]> {
  const { label, ticker } = context;
  const list = el('ol', { class: 'stepper', 'aria-label': label('progress') });
  const times = timeSpent(context);
  const element = el('div', {}, list, times.element);
  const steps = new Map<string, Step>();

  function makeStep(): Step {
    const mark = el('span', { class: 'mark' });
    const name = el('span', { class: 'step-name' });
    const words = el('span', { class: 'only-read' });
    const time = el('span', { class: 'step-time number' });
    const item = el('li', { class: 'step' }, mark, el('span', { class: 'step-text' }, name, words, time));
    let shown: string | undefined;
    return {
      element: item,
      show(step) {
        if (shown !== step.mark) fill(mark, icon(step.mark));
        shown = step.mark;
        item.dataset['mark'] = step.mark;
        item.title = `${step.label}: ${step.markLabel}`;
        const isHere = step.mark !== 'done' && step.mark !== 'skipped' && step.startedAt !== null;
        if (isHere) item.setAttribute('aria-current', 'step');
        else item.removeAttribute('aria-current');
        setText(name, step.label);
        setText(words, `, ${step.markLabel} `);
        ticker.show(time, step.startedAt, step.endedAt);
      },
    };
  }

  return {
    element,
    show(view) {
      for (const step of view) {
        let known = steps.get(step.phase);
        if (!known) {
          known = makeStep();
          steps.set(step.phase, known);
          list.append(known.element);
        }
        known.show(step);
      }
      times.show(view);
    },
  };
}
