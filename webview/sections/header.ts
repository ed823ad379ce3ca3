import type { AfterState, HeaderView, Mark, PanelLabel, VersionView } from '../../protocol/panel.ts';
import type { PageContext, Section } from '../context.ts';
import { el, fill, setText } from '../dom.ts';
import { icon } from '../icons.ts';

/** One glance: which host, how it went or where it is, which agent before and after, how long. */
export function headerSection({ label, formats, ticker }: PageContext, actions: HTMLElement): Section<HeaderView> {
  const mark = el('span', { class: 'outcome-icon' });
  const host = el('span', { class: 'host' });
  const title = el('span', { class: 'outcome-title' });
  const detail = el('p', { class: 'detail' });
  const agents = el('div', { class: 'agents' });
  const elapsed = el('span', { class: 'elapsed number' });
  const asked = el('span', { class: 'asked' });
  // of its own, because a heading that changes is not read out
  const announcer = el('div', { role: 'status', class: 'only-read' });
  const element = el(
    'header',
    { class: 'header' },
    el(
      'div',
      { class: 'headline' },
      el('h1', {}, host, el('span', { class: 'outcome' }, mark, title)),
      detail,
      actions,
    ),
    el(
      'div',
      { class: 'figures' },
      agents,
      el('span', { class: 'figure' }, el('span', { class: 'name' }, label('elapsed')), ' ', elapsed),
      asked,
    ),
    announcer,
  );
  return {
    element,
    show(view) {
      element.dataset['mark'] = view.mark;
      setText(host, view.host);
      fill(mark, icon(view.mark));
      setText(title, view.title);
      setText(detail, view.detail);
      setText(announcer, `${view.title}. ${view.detail}`);
      fill(agents, el('span', { class: 'name' }, label('agent')), ...agentParts(view, label));
      ticker.show(elapsed, view.startedAt ?? view.askedAt, view.endedAt);
      setText(
        asked,
        [view.asked, view.askedAt === null ? null : formats.moment(view.askedAt)].filter(Boolean).join(' · '),
      );
    },
  };
}

function agentParts({ before, after, afterState }: HeaderView, label: PageContext['label']): Node[] {
  const parts: Node[] = [
    before ? versionPart(before, label('before')) : el('span', { class: 'quiet' }, label('unknown')),
  ];
  if (after) {
    parts.push(el('span', { class: 'to' }, icon('arrow')), versionPart(after, label('after'), afterState));
  }
  const known = AFTER_WORDS[afterState];
  if (known) {
    const words = label(known.label);
    parts.push(el('span', { class: 'after-state', 'data-mark': known.mark }, icon(known.mark), words));
  }
  return parts;
}

const AFTER_WORDS: Readonly<Record<AfterState, { readonly label: PanelLabel; readonly mark: Mark } | null>> = {
  none: null,
  planned: { label: 'afterPlanned', mark: 'waiting' },
  proven: { label: 'afterProven', mark: 'done' },
  'taken-back': { label: 'afterTakenBack', mark: 'rolled-back' },
  same: { label: 'afterSame', mark: 'unchanged' },
  unsure: { label: 'afterUnsure', mark: 'attention' },
};

function versionPart({ version, shortRev, title }: VersionView, which: string, state = ''): HTMLElement {
  const rev = shortRev === null ? [] : [' ', el('span', { class: 'rev' }, shortRev)];
  return el(
    'span',
    { class: `version is-${state}`, title },
    el('span', { class: 'only-read' }, `${which} `),
    version,
    ...rev,
  );
}
