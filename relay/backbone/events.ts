import type { AnyRunEvent } from '../../protocol/index.ts';
import type { StoredEvent } from './backbone.ts';

export interface EventsPlan {
  /** What is new and follows on what is there, as it is stored. */
  readonly add: readonly StoredEvent[];
  /** Number of the last event afterwards. */
  readonly seq: number;
  /** Whether something came behind a gap, and was left out. */
  readonly gap: boolean;
}

/** Plans how events join those of a run that has them up to `have`. */
export function planEvents(have: number, events: readonly AnyRunEvent[]): EventsPlan {
  const add: StoredEvent[] = [];
  let seq = have;
  for (const event of events) {
    if (event.seq <= seq) continue;
    if (event.seq !== seq + 1) return { add, seq, gap: true };
    seq = event.seq;
    add.push({ seq, json: JSON.stringify(event) });
  }
  return { add, seq, gap: false };
}
