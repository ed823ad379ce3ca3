import { compareLink, plainText, revisionLink } from '../../flake-lock/index.ts';
import type { Generation, Step } from '../../protocol/index.ts';
import type { CommandView, CommitsView, FactView, Mark } from '../../protocol/panel.ts';
import type { Locale } from '../base/locale.ts';
import { shortRev, storeName } from '../base/words.ts';
import { totalsText } from './build-view.ts';
import { isOver, localTime, outcomeOf, type RunSource } from './run-source.ts';
import { phaseLabel } from './run-words.ts';

/** The commits that the pull brought. */
export function commitsView({ state: { commits } }: RunSource, locale: Locale): CommitsView | null {
  if (!commits || commits.from === commits.to) return null;
  const count = commits.listed.length + commits.more;
  const at = (rev: string): { type: string; url: string; rev: string } => ({
    type: 'git',
    url: commits.remote ?? '',
    rev,
  });
  return {
    title: count === 1 ? locale.t('1 commit pulled') : locale.t('{0} commits pulled', count),
    commits: commits.listed.map(({ rev, subject, author, at: time }) => ({
      shortRev: shortRev(rev),
      subject: plainText(subject, 300),
      author: plainText(author, 100),
      at: time,
      link: revisionLink(at(rev)) ?? null,
    })),
    link: compareLink(at(commits.from), at(commits.to)) ?? null,
    more: commits.more === 0 ? null : locale.t('and {0} older ones', commits.more),
  };
}

/** What is known of the host, before and after. */
export function factsView(source: RunSource, locale: Locale): FactView[] {
  const { state, runId } = source;
  const { host, before, end, activated } = state;
  const facts: FactView[] = [];
  const add = (
    label: string,
    value: string | undefined,
    more: { before?: string; title?: string; code?: boolean } = {},
  ): void => {
    if (value === undefined || value === '') return;
    const old = more.before === undefined || more.before === value ? null : plainText(more.before, 300);
    facts.push({ label, value: plainText(value, 300), before: old, title: more.title ?? '', code: more.code ?? true });
  };
  const after = end?.after.generation ?? state.committed?.generation;
  const target = after ?? (state.built ? { toplevel: state.built.toplevel } : undefined);
  const old = before?.generation;
  const generation = target ?? old;
  if (generation) {
    add(locale.t('Generation'), generationText(generation, locale), {
      ...(old && { before: generationText(old, locale) }),
      title: [old?.toplevel, target?.toplevel].flatMap(path => (path ? [plainText(path, 400)] : [])).join('\n→ '),
    });
  }
  const head = end?.after.head ?? state.commits?.to ?? before?.head;
  add(locale.t('nixcfg revision'), head && shortRev(head), {
    ...(before?.head && { before: shortRev(before.head) }),
    title: head ?? '',
  });
  add(locale.t('Branch'), end?.after.branch ?? before?.branch);
  add(locale.t('nixcfg'), host?.nixcfg);
  add(locale.t('Built from'), host?.attribute);
  add(locale.t('Flake input'), host?.input);
  add(locale.t('Owner'), host?.owner);
  const isOnlyWay = host?.method === 'staged' || host?.method === 'activate';
  add(locale.t('Platform'), host && (isOnlyWay ? host.platform : `${host.platform}, ${host.method}`));
  add(locale.t('Build'), totalsText(state, locale), { code: false });
  if (state.reboot) add(locale.t('Reboot'), rebootText(state.reboot.because, locale), { code: false });
  const published = publishedText(source, locale);
  add(locale.t('Lock'), published?.text, { title: published?.title ?? '', code: false });
  add(locale.t('Failed units'), activated?.failedUnits.join(', '));
  add(locale.t('Agent proven by'), state.confirmed && proofText(state.confirmed.proof, locale), { code: false });
  add(locale.t('Run'), runId);
  return facts;
}

function generationText({ toplevel, number }: Generation, locale: Locale): string {
  const name = storeName(toplevel);
  return number === undefined ? name : locale.t('{0} (no. {1})', name, number);
}

function rebootText(because: readonly string[], { t }: Locale): string {
  return because.length === 0 ? t('not needed') : t('needed for {0}', because.join(', '));
}

/** What became of the lock, on a host that publishes it. */
function publishedText(source: RunSource, locale: Locale): { text: string; title?: string } | undefined {
  const { published, publishing } = source.state;
  if (!published) return publishing && !isOver(source) ? { text: locale.t('is being published') } : undefined;
  const { result, rev, to = '', why = '' } = published;
  switch (result) {
    case 'pushed':
      return { text: locale.t('published as {0} to {1}', rev ? shortRev(rev) : '?', to), ...(rev && { title: rev }) };
    case 'held':
      return { text: locale.t('{0} holds the same already', to), ...(rev && { title: rev }) };
    case 'not-published':
      return { text: locale.t('not published: {0}', why), title: plainText(why, 1000) };
  }
}

function proofText(proof: 'hello' | 'local', locale: Locale): string {
  return proof === 'hello'
    ? locale.t('its greeting at the relay')
    : locale.t('its own health: no relay could be reached');
}

/** The programs that the run started, in order. */
export function commandsView(source: RunSource, locale: Locale): CommandView[] {
  return source.state.steps.map(step => ({
    line: plainText(step.argv.map(quoted).join(' '), 2000),
    user: plainText(step.user, 100),
    phase: phaseLabel(step.phase, locale),
    ...resultOf(step, source, locale),
    startedAt: localTime(source, step.startedAt),
    durationMs: step.durationMs ?? null,
  }));
}

function resultOf(
  { exitCode, signal, durationMs }: Step,
  source: RunSource,
  locale: Locale,
): { mark: Mark; result: string } {
  if (signal !== undefined) return { mark: 'failed', result: locale.t('ended by {0}', signal) };
  if (exitCode === 0) return { mark: 'done', result: locale.t('exit code {0}', 0) };
  // such as 4 of switch-to-configuration: some unit failed, which need not be the agent's
  const harmless = outcomeOf(source) === 'succeeded' || !isOver(source);
  if (exitCode !== undefined)
    return { mark: harmless ? 'attention' : 'failed', result: locale.t('exit code {0}', exitCode) };
  if (durationMs === undefined && !isOver(source)) return { mark: 'running', result: locale.t('running') };
  return { mark: 'attention', result: locale.t('end not recorded') };
}

/** An argument as a shell takes it. */
function quoted(argument: string): string {
  return /^[\w@%+=:,./#-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}
