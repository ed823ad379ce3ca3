import {
  PANEL_LABELS,
  type HandlersOf,
  type PanelView,
  type PanelViewChange,
  type ToPanel,
} from '../protocol/panel.ts';
import type { PageContext, Section } from './context.ts';
import { el } from './dom.ts';
import { OutputView } from './output/output-view.ts';
import { actionsSection } from './sections/actions.ts';
import { commandsSection, commitsSection, factsSection } from './sections/details.ts';
import { headerSection } from './sections/header.ts';
import { lockSection } from './sections/lock.ts';
import { packagesSection } from './sections/packages.ts';
import { progressSection } from './sections/progress.ts';
import { problemSection, warningsSection } from './sections/problem.ts';
import { stepperSection } from './sections/stepper.ts';

type Sections = { readonly [K in keyof PanelView]: Section<PanelView[K]> };

/** The page as a whole: a section for each part of the view, and the output. */
export class Page {
  readonly element: HTMLElement;
  readonly #sections: Sections;
  readonly #output: OutputView;
  readonly #clock: PageContext['clock'];

  constructor(context: PageContext) {
    this.#clock = context.clock;
    const actions = actionsSection(context);
    this.#sections = {
      actions,
      header: headerSection(context, actions.element),
      stepper: stepperSection(context),
      progress: progressSection(context),
      problem: problemSection(context),
      warnings: warningsSection(context),
      lock: lockSection(context),
      commits: commitsSection(context),
      packages: packagesSection(context),
      facts: factsSection(context),
      commands: commandsSection(context),
    };
    this.#output = new OutputView(context);
    const { header, stepper, progress, problem, warnings, lock, commits, packages, commands, facts } = this.#sections;
    this.element = el(
      'main',
      { class: 'page' },
      el('div', { class: 'top' }, header.element, stepper.element, progress.element, problem.element, warnings.element),
      el(
        'div',
        { class: 'body' },
        this.#output.element,
        el('div', { class: 'side' }, lock.element, commits.element, packages.element, commands.element, facts.element),
      ),
    );
  }

  show(change: PanelViewChange): void {
    if (change.header) {
      this.element.classList.toggle('is-last-known', change.header.lastKnownAt !== null);
      this.#clock.standAt(change.header.lastKnownAt);
    }
    for (const [name, section] of Object.entries(this.#sections)) {
      const view = change[name as keyof PanelView];
      // Sections says that they belong together
      if (view !== undefined) (section as Section<unknown>).show(view);
    }
  }

  /** The extension starts over with a snapshot: it has forgotten what it was asked for. */
  restart(): void {
    this.#output.restart();
  }

  showOutput(output: ToPanel['snapshot']['output']): void {
    this.#output.show(output);
  }

  takeRows(rows: ToPanel['rows']): void {
    this.#output.takeRows(rows);
  }

  takeFound(found: ToPanel['found']): void {
    this.#output.takeFound(found);
  }
}

/** Builds the page with the first snapshot, which brings the labels, and keeps it up to date from then on. */
export function pageHandlers(
  makeContext: (labels: ToPanel['snapshot']['labels']) => PageContext,
  attach: (page: HTMLElement) => void,
): HandlersOf<ToPanel> {
  let page: Page | undefined;
  let context: PageContext | undefined;
  return {
    snapshot({ labels, view, output, now }) {
      context ??= makeContext({ ...PANEL_LABELS, ...labels });
      context.clock.set(now);
      const isFirst = page === undefined;
      page ??= new Page(context);
      page.restart();
      page.show(view);
      page.showOutput(output);
      if (isFirst) attach(page.element);
    },
    delta({ view, output, now }) {
      context?.clock.set(now);
      page?.show(view);
      if (output) page?.showOutput(output);
    },
    rows: rows => page?.takeRows(rows),
    found: found => page?.takeFound(found),
  };
}
