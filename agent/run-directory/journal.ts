import { anyRunEventSchema, type AnyRunEvent } from '../../protocol/index.ts';

export interface JournalText {
  /** The events in order, numbered 1, 2, 3 … without a gap. */
  readonly events: readonly AnyRunEvent[];
  /** Bytes up to the end of the last good line; what lies behind is torn or foreign. */
  readonly goodBytes: number;
  /** What is wrong behind `goodBytes`, if anything. */
  readonly damage?: string;
}

/**
 * Reads journal bytes. The last complete line wins: a torn last line (no newline) is what a crash leaves, and everything
 * from the first line that is not the next event on is damage.
 * @param fromSeq the number that the first event must follow on, for reading in parts
 */
export function parseJournal(bytes: Uint8Array, fromSeq = 0): JournalText {
  const events: AnyRunEvent[] = [];
  let good = 0;
  for (let start = 0; start < bytes.length;) {
    const newline = bytes.indexOf(10, start);
    if (newline === -1) return { events, goodBytes: good, damage: 'the last line is torn' };
    const event = parseLine(bytes.subarray(start, newline));
    const expected = fromSeq + events.length + 1;
    if (event?.seq !== expected)
      return { events, goodBytes: good, damage: `line ${events.length + 1} is not event ${expected}` };
    events.push(event);
    start = good = newline + 1;
  }
  return { events, goodBytes: good };
}

function parseLine(line: Uint8Array): AnyRunEvent | undefined {
  try {
    return anyRunEventSchema.safeParse(JSON.parse(new TextDecoder().decode(line))).data;
  } catch {
    return undefined;
  }
}
