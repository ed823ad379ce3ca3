import {
  compareLocks,
  emptyLock,
  parseFlakeLock,
  plainText,
  type FlakeLock,
  type InputChange,
  type InputState,
} from '../../flake-lock/index.ts';
import type { LockedRef } from '../../protocol/index.ts';
import type { LockedView, LockRow, LockView } from '../../protocol/panel.ts';
import type { Locale } from '../base/locale.ts';
import { shortRev } from '../base/words.ts';
import { isOver, outcomeOf, type RunSource } from './run-source.ts';

/** What the run changed in flake.lock: from the two files or, while they are not here, from what the runner says. */
export function lockView(source: RunSource, locale: Locale): LockView {
  const { lockBefore, lockAfter, state } = source;
  const view =
    lockBefore !== undefined && lockAfter !== undefined
      ? compareTexts(lockBefore, lockAfter, locale)
      : state.lock && announced(state.lock, locale);
  if (view?.kind === 'changed' && wasPutBack(source))
    return { ...view, text: locale.t('{0}, then put back', view.text) };
  if (view) return view;
  return { kind: 'unknown', text: unknownText(source, locale) };
}

function compareTexts(beforeText: string, afterText: string, locale: Locale): LockView {
  if (beforeText === afterText) return { kind: 'unchanged', text: locale.t('The lock did not change.') };
  // a checkout without a lock has an empty one
  const before =
    beforeText.trim() === '' ? emptyLock : read(beforeText, locale.t('The lock before the update'), locale);
  const after = read(afterText, locale.t('The lock after the update'), locale);
  if ('kind' in before) return before;
  if ('kind' in after) return after;
  const rows = compareLocks(before, after).inputs.map(change => rowOf(change, locale));
  if (rows.length === 0)
    return { kind: 'unchanged', text: locale.t('The lock was written anew, but no input changed.') };
  return { kind: 'changed', text: countText(rows.length, locale), rows };
}

function read(text: string, which: string, locale: Locale): FlakeLock | Extract<LockView, { kind: 'broken' }> {
  const result = parseFlakeLock(text);
  if (result.ok) return result.lock;
  const { line, column, message } = result.error;
  return {
    kind: 'broken',
    text: locale.t('{0} cannot be read (line {1}, column {2}): {3}', which, line, column, message),
  };
}

function countText(count: number, locale: Locale): string {
  return count === 1 ? locale.t('1 input changed') : locale.t('{0} inputs changed', count);
}

function announced(lock: NonNullable<RunSource['state']['lock']>, locale: Locale): LockView {
  if (!lock.changed) return { kind: 'unchanged', text: locale.t('The lock did not change.') };
  const row: LockRow = {
    input: plainText(lock.input, 100),
    change: lock.before ? 'changed' : 'added',
    before: lock.before ? refView(lock.before) : null,
    after: refView(lock.after),
    note: null,
    link: null,
  };
  return { kind: 'changed', text: countText(1, locale), rows: [row] };
}

function refView({ rev, narHash, url, lastModified }: LockedRef): LockedView {
  return {
    text: plainText(rev ? shortRev(rev) : (narHash?.slice(0, 15) ?? url ?? '–'), 40),
    date: dateOf(lastModified),
    title: [url, rev, narHash].flatMap(part => (part === undefined ? [] : [plainText(part)])).join('\n'),
  };
}

/** Runs that fail leave the lock as they found it. */
function wasPutBack(source: RunSource): boolean {
  const outcome = outcomeOf(source);
  return outcome === 'failed' || outcome === 'cancelled' || outcome === 'rolled-back';
}

function unknownText(source: RunSource, locale: Locale): string {
  if (source.gone) return locale.t('The lock files of this run are not kept any more.');
  return isOver(source)
    ? locale.t('The run ended before it had a new lock.')
    : locale.t('The run has not come to the lock yet.');
}

function rowOf(change: InputChange, locale: Locale): LockRow {
  const before = change.kind === 'added' ? null : change.before;
  const after = change.kind === 'removed' ? null : change.after;
  const link = change.kind === 'changed' ? change.compareLink : (after ?? before)?.link;
  return {
    input: plainText(change.input, 100),
    change: change.kind,
    before: before && lockedView(before, locale),
    after: after && lockedView(after, locale),
    note: change.kind === 'changed' ? noteOf(change, locale) : null,
    link: link?.startsWith('https://') ? link : null,
  };
}

function lockedView(state: InputState, locale: Locale): LockedView {
  const { follows, shortRev, narHash, locked, rev, original } = state;
  const what = [locked, rev, narHash, original].flatMap(part => (part === undefined ? [] : [plainText(part)]));
  const text = follows
    ? follows.length === 0
      ? locale.t('follows the flake itself')
      : locale.t('follows {0}', plainText(follows.join('/'), 60))
    : plainText(shortRev ?? narHash?.slice(0, 15) ?? locked ?? '–', 40);
  return { text, date: follows ? null : dateOf(state.lastModified), title: what.join('\n') };
}

function noteOf({ aspects, before, after }: InputChange & { kind: 'changed' }, locale: Locale): string | null {
  const notes: string[] = [];
  if (aspects.includes('narHash')) notes.push(locale.t('same revision, other content'));
  if (aspects.includes('locked')) notes.push(locale.t('locked in another way'));
  if (aspects.includes('original')) {
    const [from, to] = [plainText(before.original ?? '–', 100), plainText(after.original ?? '–', 100)];
    notes.push(from === to ? locale.t('asked for in another way') : locale.t('{0} became {1}', from, to));
  }
  return notes.length === 0 ? null : notes.join(', ');
}

/** Milliseconds; null for a time that no calendar has. */
function dateOf(seconds: number | undefined): number | null {
  const ms = (seconds ?? NaN) * 1000;
  return Number.isNaN(new Date(ms).getTime()) ? null : ms;
}
