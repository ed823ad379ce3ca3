/** Whether one lock may take the place of another, as a decision about texts. */
import {
  compareLocks,
  emptyLock,
  parseFlakeLock,
  plainText,
  type FlakeLock,
  type InputChange,
  type InputState,
} from '../../flake-lock/index.ts';
import type { Locale } from '../base/locale.ts';
import { shortRev } from '../base/words.ts';

export interface Locks {
  /** The workspace's flake.lock; empty where there is none. */
  readonly workspace: string;
  /** What the new lock was made from. */
  readonly before: string;
  readonly after: string;
}

export type TakeOver =
  /** Nothing differs. */
  | { readonly kind: 'same' }
  | { readonly kind: 'take'; readonly changes: readonly InputChange[] }
  /** The workspace's lock is not the one that the new lock was made from: taking it would undo something. */
  | { readonly kind: 'refused'; readonly differences: readonly InputChange[] }
  | { readonly kind: 'unreadable'; readonly which: keyof Locks; readonly message: string };

export function decideTakeOver(locks: Locks): TakeOver {
  if (locks.workspace === locks.after) return { kind: 'same' };
  const read: Partial<Record<keyof Locks, FlakeLock>> = {};
  for (const which of ['after', 'workspace', 'before'] as const) {
    const text = locks[which];
    const parsed = text.trim() === '' ? ({ ok: true, lock: emptyLock } as const) : parseFlakeLock(text);
    if (!parsed.ok) return { kind: 'unreadable', which, message: parsed.error.message };
    read[which] = parsed.lock;
  }
  const { workspace = emptyLock, before = emptyLock, after = emptyLock } = read;
  const changes = compareLocks(workspace, after).inputs;
  if (changes.length === 0) return { kind: 'same' };
  const differences = compareLocks(before, workspace).inputs;
  return differences.length > 0 ? { kind: 'refused', differences } : { kind: 'take', changes };
}

/** Inputs that a sentence names, at the most. */
const NAMED_AT_MOST = 5;

/** `nixpkgs (1a2b3c4 here, 9f8e7d6 on ada), …` */
export function differenceWords(differences: readonly InputChange[], host: string, { t }: Locale): string {
  const words = differences.slice(0, NAMED_AT_MOST).map(change => {
    const input = plainText(change.input, 60);
    switch (change.kind) {
      case 'added':
        return t('{0} (only here)', input);
      case 'removed':
        return t('{0} (only on {1})', input, host);
      case 'changed':
        return t('{0} ({1} here, {2} on {3})', input, stateWords(change.after), stateWords(change.before), host);
    }
  });
  const more = differences.length - words.length;
  return more > 0 ? t('{0} and {1} more', words.join(', '), more) : words.join(', ');
}

function stateWords({ follows, rev, narHash, locked }: InputState): string {
  return plainText(
    follows ? `→ ${follows.join('/')}` : rev ? shortRev(rev) : (narHash?.slice(0, 15) ?? locked ?? '–'),
    40,
  );
}
