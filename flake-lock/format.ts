/** A lock diff as text for a terminal. What comes from lock files cannot control it. */

import type { InputChange, InputState, LockDiff } from './compare.ts';
import { plainText } from './plain-text.ts';
import type { LockError } from './types.ts';

/**
 * A table of a line for each input that changed: its name, old → new revision, the dates (UTC) of both, and what else
 * there is to say. Ends without a newline.
 */
export function formatLockDiff(diff: LockDiff): string {
  if (diff.inputs.length === 0) return 'flake.lock: no input changed';
  const rows = diff.inputs.map(rowOf);
  const widths = [0, 1, 2, 3].map(column => Math.max(...rows.map(row => width(row[column] ?? ''))));
  return rows
    .map(([input = '', from = '', to = '', dates = '', note = '']) => {
      const cells = [input, `${pad(from, widths[1])} → ${pad(to, widths[2])}`, pad(dates, widths[3]), note];
      return [pad(input, widths[0]), ...cells.slice(1)].join('  ').trimEnd();
    })
    .join('\n');
}

/** `flake.lock:3:17: what is wrong`. */
export function formatLockError(error: LockError, file = 'flake.lock'): string {
  return `${file}:${error.line}:${error.column}: ${error.message}`;
}

/** `2026-02-03`, in UTC; empty if there is no such day. */
export function formatDate(seconds: number | undefined): string {
  const date = new Date((seconds ?? Number.NaN) * 1000);
  return Number.isNaN(date.getTime()) ? '' : (date.toISOString().split('T')[0] ?? '');
}

function rowOf(change: InputChange): string[] {
  const input = plainText(change.input, 60);
  switch (change.kind) {
    case 'added':
      return [input, 'added', versionOf(change.after), formatDate(change.after.lastModified)];
    case 'removed':
      return [input, versionOf(change.before), 'removed', formatDate(change.before.lastModified)];
    case 'changed': {
      const { before, after } = change;
      const dates = [formatDate(before.lastModified), formatDate(after.lastModified)];
      const shown = dates[0] === dates[1] || dates.includes('') ? (dates[1] ?? '') : dates.join(' → ');
      return [input, versionOf(before), versionOf(after), shown, notesOf(change)];
    }
  }
}

function versionOf({ follows, rev, shortRev, narHash, locked }: InputState): string {
  if (follows) return follows.length === 0 ? 'follows the flake itself' : `follows ${plainText(follows.join('/'), 60)}`;
  return plainText(shortRev ?? rev ?? narHash?.slice(0, 15) ?? locked ?? '-', 40);
}

function notesOf({ aspects, before, after }: InputChange & { kind: 'changed' }): string {
  const notes: string[] = [];
  if (aspects.includes('narHash')) notes.push('other content');
  if (aspects.includes('locked')) notes.push('locked otherwise');
  if (aspects.includes('original')) {
    const [from, to] = [plainText(before.original ?? '-', 100), plainText(after.original ?? '-', 100)];
    notes.push(from === to ? 'asked for otherwise' : `${from} → ${to}`);
  }
  return notes.join(', ');
}

const pad = (text: string, to = 0): string => text + ' '.repeat(Math.max(0, to - width(text)));
const width = (text: string): number => Array.from(text).length;
