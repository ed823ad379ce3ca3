import type { CommandView, CommitsView, FactView } from '../../protocol/panel.ts';
import type { PageContext, Section } from '../context.ts';
import { el, fill, setText } from '../dom.ts';
import { icon } from '../icons.ts';
import { foldable } from './foldable.ts';
import { linkButton } from './link-button.ts';

/** The commits that the pull brought. */
export function commitsSection({ label, formats, post }: PageContext): Section<CommitsView | null> {
  const fold = foldable('commits', label('commits'), true);
  return {
    element: fold.element,
    show(view) {
      fold.element.hidden = view === null;
      if (!view) return;
      setText(fold.note, view.title);
      fill(
        fold.body,
        el(
          'ul',
          { class: 'commits' },
          ...view.commits.map(commit =>
            el(
              'li',
              {},
              commit.link === null
                ? el('code', {}, commit.shortRev)
                : linkButton(el('code', {}, commit.shortRev), commit.link, label('openCommit', commit.shortRev), post),
              el('span', { class: 'subject' }, commit.subject),
              el('span', { class: 'quiet' }, `${commit.author} · ${formats.date(commit.at)}`),
            ),
          ),
        ),
        view.more === null ? null : el('p', { class: 'quiet' }, view.more),
        view.link === null
          ? null
          : linkButton(
              el('span', {}, label('compareCommits')),
              view.link,
              label('compareCommits'),
              post,
              icon('external'),
            ),
      );
    },
  };
}

/** What is known of the host and its generations. */
export function factsSection({ label }: PageContext): Section<readonly FactView[]> {
  const fold = foldable('facts', label('facts'), false);
  return {
    element: fold.element,
    show(facts) {
      fold.element.hidden = facts.length === 0;
      const value = (text: string, { code }: FactView): HTMLElement => el(code ? 'code' : 'span', {}, text);
      fill(
        fold.body,
        el(
          'dl',
          { class: 'facts' },
          ...facts.flatMap(fact => [
            el('dt', {}, fact.label),
            el(
              'dd',
              { title: fact.title === '' ? null : fact.title },
              ...(fact.before === null ? [] : [value(fact.before, fact), el('span', { class: 'to' }, icon('arrow'))]),
              value(fact.value, fact),
            ),
          ]),
        ),
      );
    },
  };
}

/** The programs that the run started, and how each ended. */
export function commandsSection({ label, formats, ticker }: PageContext): Section<readonly CommandView[]> {
  const fold = foldable('commands', label('commands'), false);
  return {
    element: fold.element,
    show(commands) {
      fold.element.hidden = commands.length === 0;
      setText(fold.note, formats.count(commands.length));
      fill(
        fold.body,
        el(
          'ol',
          { class: 'commands' },
          ...commands.map(command => {
            const time = el('span', { class: 'number' });
            const { startedAt, durationMs } = command;
            if (durationMs !== null || command.mark === 'running') {
              ticker.show(time, startedAt, durationMs === null ? null : startedAt + durationMs);
            }
            return el(
              'li',
              { 'data-mark': command.mark },
              el('span', { class: 'mark' }, icon(command.mark)),
              el(
                'div',
                { class: 'command' },
                el('code', { class: 'line' }, command.line),
                el(
                  'span',
                  { class: 'quiet' },
                  [command.phase, label('user', command.user), command.result, ''].join(' · '),
                  time,
                ),
              ),
            );
          }),
        ),
      );
    },
  };
}
