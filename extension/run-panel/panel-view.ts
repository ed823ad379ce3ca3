import { isHeld, PHASES, type AgentManifest, type Phase } from '../../protocol/index.ts';
import type {
  AfterState,
  HeaderView,
  Mark,
  PanelAction,
  PanelView,
  ProblemView,
  StepView,
  VersionView,
} from '../../protocol/panel.ts';
import { plainText } from '../../flake-lock/index.ts';
import type { Locale } from '../base/locale.ts';
import { shortRev } from '../base/words.ts';
import { packagesView, progressView } from './build-view.ts';
import { commandsView, commitsView, factsView } from './details-view.ts';
import { lockView } from './lock-view.ts';
import { deliveryOf, isOver, localTime, outcomeOf, phaseOf, type RunSource } from './run-source.ts';
import { markLabel, phaseLabel, runWords, type RunWords } from './run-words.ts';

/** Everything that the panel shows of a run, but its output. */
export function panelView(source: RunSource, locale: Locale): PanelView {
  const words = runWords(
    {
      host: source.host,
      delivery: deliveryOf(source),
      held: source.summary !== undefined && isHeld(source.summary),
      phase: phaseOf(source),
      outcome: outcomeOf(source),
      changed: source.state.end?.changed ?? source.summary?.changed,
      agentChanged: agentChanged(source),
      online: source.online,
      cancelAsked: source.state.cancelAsked !== undefined,
      publishing: source.state.publishing !== undefined,
    },
    locale,
  );
  return {
    header: headerView(source, words, locale),
    stepper: PHASES.map(phase => stepView(source, phase, words.mark, locale)),
    progress: progressView(source, locale),
    problem: problemView(source, words.mark, locale),
    warnings: warningsOf(source, locale),
    lock: lockView(source, locale),
    commits: commitsView(source, locale),
    packages: packagesView(source, locale),
    facts: factsView(source, locale),
    commands: commandsView(source, locale),
    actions: actionsOf(source),
  };
}

function headerView(source: RunSource, { mark, title, detail }: RunWords, locale: Locale): HeaderView {
  const { summary, state, host } = source;
  const first = state.phases[0];
  const endedAt = state.end ? localTime(source, state.end.at) : isOver(source) ? (summary?.endedAt ?? null) : null;
  return {
    host,
    mark,
    title,
    detail,
    ...agentsOf(source),
    asked: summary ? locale.t('Asked for by {0}', plainText(summary.requestedBy, 60)) : null,
    askedAt: summary?.requestedAt ?? null,
    startedAt: first ? localTime(source, first.startedAt) : null,
    endedAt,
    lastKnownAt: source.outage && !isOver(source) ? source.outage.since : null,
  };
}

function agentsOf(source: RunSource): Pick<HeaderView, 'before' | 'after' | 'afterState'> {
  const { state, summary } = source;
  const before = versionView(state.before?.agent, summary?.versionBefore);
  const planned = state.confirmed?.agent ?? state.built?.manifest;
  const found = (after: VersionView | null, afterState: AfterState): ReturnType<typeof agentsOf> => ({
    before,
    after,
    afterState: after ? afterState : 'none',
  });
  if (!isOver(source)) return found(versionView(planned, undefined), state.confirmed ? 'proven' : 'planned');
  if (agentChanged(source) === false && outcomeOf(source) === 'succeeded')
    return { before, after: null, afterState: 'same' };
  if (outcomeOf(source) === 'succeeded') {
    return found(versionView(state.end?.after.agent ?? planned, summary?.versionAfter), 'proven');
  }
  const kept = outcomeOf(source) === 'inconsistent' || state.end?.changed === true;
  return found(state.activated || kept ? versionView(planned, undefined) : null, kept ? 'unsure' : 'taken-back');
}

function agentChanged({ state, summary }: RunSource): boolean | undefined {
  const before = state.before?.agent?.storePath;
  const after = (state.end?.after.agent ?? state.confirmed?.agent)?.storePath;
  if (before !== undefined && after !== undefined) return before !== after;
  return (state.end?.changed ?? summary?.changed) === false ? false : undefined;
}

function versionView(manifest: AgentManifest | undefined, version: string | undefined): VersionView | null {
  if (manifest) {
    const { rev, storePath } = manifest;
    const isRev = /^[0-9a-f]{40,64}(?:-dirty)?$/.test(rev);
    return {
      version: plainText(manifest.version, 40),
      shortRev: isRev ? shortRev(rev) : null,
      title: `${plainText(manifest.version, 64)}\n${plainText(rev, 128)}\n${plainText(storePath)}`,
    };
  }
  return version === undefined ? null : { version: plainText(version, 40), shortRev: null, title: plainText(version) };
}

function stepView(source: RunSource, phase: Phase, ending: Mark, locale: Locale): StepView {
  const [startedAt, endedAt] = spanOf(source, phase);
  const mark = stepMark(source, phase, startedAt !== null, ending);
  return {
    phase,
    label: phaseLabel(phase, locale),
    mark,
    markLabel: markLabel(mark, outcomeOf(source), locale),
    startedAt,
    endedAt,
  };
}

/** From the first begin of a phase to its last end: a runner that carried on for another begins its phase again. */
function spanOf(source: RunSource, phase: Phase): [startedAt: number | null, endedAt: number | null] {
  const { state, summary } = source;
  if (phase === 'queued') {
    const next = state.phases[0];
    const end = next ? localTime(source, next.startedAt) : isOver(source) ? (summary?.endedAt ?? null) : null;
    const asked = summary?.requestedAt ?? null;
    return [asked, asked === null || end === null ? end : Math.max(asked, end)];
  }
  const spans = state.phases.filter(span => span.phase === phase);
  const [first, last] = [spans[0], spans.at(-1)];
  if (!first || !last) return [null, null];
  return [localTime(source, first.startedAt), last.endedAt === undefined ? null : localTime(source, last.endedAt)];
}

function stepMark(source: RunSource, phase: Phase, begun: boolean, ending: Mark): Mark {
  const here = phaseOf(source);
  const over = isOver(source);
  if (phase === here) {
    if (!over) return phase === 'queued' ? 'waiting' : 'running';
    return outcomeOf(source) === 'succeeded' ? 'done' : ending;
  }
  if (PHASES.indexOf(phase) > PHASES.indexOf(here)) return over ? 'skipped' : 'ahead';
  return begun || phase === 'queued' || phase === 'accepted' ? 'done' : 'skipped';
}

function problemView(source: RunSource, mark: Mark, locale: Locale): ProblemView | null {
  const outcome = outcomeOf(source);
  const reason = source.state.end?.reason ?? source.summary?.reason;
  if (!isOver(source) || outcome === 'succeeded' || (outcome === undefined && !reason)) return null;
  // a person who cancelled knows why
  if (outcome === 'cancelled' && !reason) return null;
  return {
    mark,
    message: reason ? clean(reason.message) : locale.t('The host did not say why. Its output may tell.'),
    advice: reason?.advice === undefined ? null : clean(reason.advice),
    lastLines: (source.state.end?.lastLines ?? []).map(line => clean(line)),
    places: source.places.map(({ label, title }) => ({ label: plainText(label, 200), title: clean(title) })),
  };
}

function warningsOf(source: RunSource, locale: Locale): string[] {
  const { state, gone, problem, outage, host } = source;
  const warnings = state.warnings.map(clean);
  const because = state.reboot?.because ?? [];
  if (because.length > 0)
    warnings.push(
      locale.t(
        '{0} needs a reboot: until then it runs what it has booted ({1}), and not what its new generation has.',
        host,
        because.map(clean).join(', '),
      ),
    );
  if (outage !== undefined && !isOver(source)) {
    const meanwhile = locale.t(
      'What is here is what was last known. The update of {0} does not need this window: it goes on, and this window catches up once it is connected.',
      host,
    );
    warnings.unshift(`${outage.why} ${meanwhile}`);
  }
  if (state.resumes === 1)
    warnings.push(locale.t('The runner was interrupted once. Another one carried on from its journal.'));
  if (state.resumes > 1)
    warnings.push(locale.t('The runner was interrupted {0} times. Others carried on from its journal.', state.resumes));
  if (gone)
    warnings.push(locale.t('The relay does not keep all of this run any more. What is here is what this window had.'));
  if (problem?.kind === 'disk')
    warnings.push(locale.t('The output cannot be kept on this machine: {0}', clean(problem.message)));
  else if (problem) warnings.push([problem.message, problem.advice ?? ''].map(clean).join(' ').trim());
  return warnings;
}

/** Text for people that a host made: lines stay, colours and what could reorder or hide text does not. */
function clean(text: string): string {
  return text
    .replace(/\x1b\[[0-?]*[ -/]*[@-~]/g, '')
    .split(/\r?\n/)
    .map(line => plainText(line.replaceAll('\t', '  '), 2000))
    .join('\n');
}

function actionsOf(source: RunSource): PanelAction[] {
  const { state, lockBefore, lockAfter, hasNixcfg } = source;
  const actions: PanelAction[] = [];
  const over = isOver(source);
  if (!over && !state.cancelAsked && phaseOf(source) !== 'committing') actions.push('cancel');
  if (over && outcomeOf(source) !== 'succeeded')
    actions.push(state.end?.reason?.kind === 'failed-before' ? 'retry-anyway' : 'retry');
  const lockChanged = lockBefore !== undefined && lockAfter !== undefined && lockBefore !== lockAfter;
  if (lockChanged) actions.push('open-diff');
  // a run that failed has put the lock back, and may have failed because of it
  if (lockChanged && hasNixcfg && outcomeOf(source) === 'succeeded') actions.push('use-lock');
  actions.push('open-output');
  if (state.seq > 0) actions.push('save-output');
  return actions;
}
